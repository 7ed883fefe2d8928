import errno
import os
from pathlib import Path

import numpy as np
import pytest
from protobuf import node, of

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.inputs import dependencies
from pinlite.options import resolve
from pinlite.schema.recipe import InputSpec, LayoutSpec, Limits, Preprocessing


@pytest.fixture
def toml(tmp_path):
    """A pinlite.toml in a folder that is not the current one."""

    def write(text):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        file = folder / "pinlite.toml"
        file.write_text(text)
        return file

    return write


def test_without_a_word_the_defaults_are_those_of_the_help(model_file):
    recipe = resolve({"source": "model.py:build"})
    assert recipe.source.path == Path("model.py")
    assert (recipe.source.kind, recipe.source.module, recipe.source.callable) == ("python", "model", "build")
    assert recipe.out == Path("build/model-build")
    assert (recipe.seed, recipe.opset, recipe.lowering, recipe.tolerance, recipe.engine) == (
        0,
        12,
        "nhwc",
        1e-4,
        "auto",
    )
    assert recipe.limits == Limits(memory=8 * 1024**3, disk=16 * 1024**3, timeout=1800)
    assert recipe.keep_warm == 0
    assert model_file.exists()


def test_everything_can_be_asked_for(model_file):
    Path("weights.pt").touch()
    np.savez("samples.npz", image=np.zeros(3))
    recipe = resolve(
        {
            "source": str(model_file) + ":build",
            "input": ["a=1x3", "b=2:int64"],
            "output-name": ["y"],
            "weights": "weights.pt",
            "samples": "samples.npz",
            "with": ["timm==0.4.12"],
            "out": "out",
            "lowering": "nhwc",
            "input-layout": ["nhwc", "b=nchw"],
            "output-layout": ["y=nhwc"],
            "ops": "builtin",
            "dynamic-batch": True,
            "opset": 11,
            "seed": 7,
            "tolerance": 0.01,
            "engine": "venv",
            "memory": "512m",
            "disk": "3g",
            "timeout": 60,
            "keep-warm": "10m",
        }
    )
    assert recipe.inputs == (InputSpec(name="a", shape=(1, 3)), InputSpec(name="b", shape=(2,), dtype="int64"))
    assert (recipe.output_names, recipe.requirements.pinned) == (("y",), ("timm==0.4.12",))
    assert (recipe.weights, recipe.samples, recipe.out) == (Path("weights.pt"), Path("samples.npz"), Path("out"))
    assert (recipe.lowering, recipe.opset, recipe.seed, recipe.tolerance) == ("nhwc", 11, 7, 0.01)
    assert recipe.input_layouts == (LayoutSpec(layout="nhwc"), LayoutSpec(layout="nchw", name="b"))
    assert (recipe.ops, recipe.dynamic_batch) == ("builtin", True)
    assert recipe.output_layouts == (LayoutSpec(layout="nhwc", name="y"),)
    assert recipe.engine == "venv"
    assert recipe.limits == Limits(memory=512 * 1024**2, disk=3 * 1024**3, timeout=60)
    assert recipe.keep_warm == 600


def test_paths_in_a_file_are_relative_to_it(toml):
    file = toml(
        'source = "net.py:build"\nweights = "w.pt"\nsamples = "s.npz"\nsign = "k.pem"\nout = "made"\n'
        'trust-key = ["a.pem", "b.pem"]\nsigning-key = "k.pem"\nstore = "oci://registry.example.com/team/results"\n'
    )
    for name in ("net.py", "w.pt", "k.pem", "a.pem", "b.pem"):
        (file.parent / name).touch()
    np.savez(file.parent / "s.npz", image=np.zeros(3))
    recipe = resolve({}, file)
    assert (recipe.source.path, recipe.sign) == (file.parent / "net.py", file.parent / "k.pem")
    assert (recipe.weights, recipe.samples) == (file.parent / "w.pt", file.parent / "s.npz")
    assert recipe.out == file.parent / "made"
    assert recipe.trust_keys == (file.parent / "a.pem", file.parent / "b.pem")
    assert recipe.signing_key == file.parent / "k.pem"
    assert recipe.store == "oci://registry.example.com/team/results"


@pytest.mark.parametrize("option", ["sign", "signing-key"])
def test_a_key_may_come_through_a_pipe(model_file, option):
    reader, writer = os.pipe()
    try:
        assert resolve({"source": f"{model_file}:build", option: f"/dev/fd/{reader}"})
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4 and no more"])
def test_samples_that_are_no_npz_are_named_before_any_work(model_file, content):
    Path("mine.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"--samples: mine\.npz is no whole \.npz file"):
        resolve({"source": f"{model_file}:build", "samples": "mine.npz"})


def test_a_module_of_an_image_in_a_file_is_no_path(toml):
    recipe = resolve({}, toml('source = "torchvision.models:resnet18"'))
    assert (recipe.source.module, recipe.source.callable, recipe.source.path) == (
        "torchvision.models",
        "resnet18",
        None,
    )


def test_the_command_line_wins_over_the_file_and_its_paths_are_its_own(toml, model_file):
    file = toml('source = "absent.py:build"\nopset = 11\nseed = 3\ninput = ["a=1"]\nout = "made"')
    recipe = resolve({"source": "model.py:build", "seed": 4, "opset": None, "input": [], "out": "mine"}, file)
    assert recipe.source.path == Path(model_file.name)
    assert (recipe.opset, recipe.seed, recipe.out) == (11, 4, Path("mine"))
    assert [spec.name for spec in recipe.inputs] == ["a"]


def test_a_zero_on_the_command_line_is_an_answer(toml, model_file):
    file = toml("seed = 3\ntolerance = 0.1")
    recipe = resolve({"source": f"{model_file}:build", "seed": 0, "tolerance": 0.0}, file)
    assert (recipe.seed, recipe.tolerance) == (0, 0.0)


def refusal(command_line, file=None):
    with pytest.raises(UsageError) as raised:
        resolve(command_line, file)
    assert raised.value.hint, f"no hint with: {raised.value}"
    assert raised.value.exit_status == 2
    return raised.value


def test_the_place_of_a_state_dict_in_a_file():
    for name in ("w.pt", "odd#name.pt"):
        Path(name).touch()
    for given, file, key in (
        ("w.pt", "w.pt", ""),
        ("w.pt#ema.model", "w.pt", "ema.model"),
        ("odd#name.pt", "odd#name.pt", ""),
        ("odd#name.pt#model", "odd#name.pt", "model"),
    ):
        recipe = resolve({"source": "net:build", "weights": given})
        assert (recipe.weights, recipe.weights_key) == (Path(file), key)
        assert recipe.options["weights"] == given
    with pytest.raises(UsageError, match=r"--weights: there is no file absent\.pt"):
        resolve({"source": "net:build", "weights": "absent.pt#model"})


def test_an_input_of_rank_0():
    scalar = InputSpec(name="k", shape=(), dtype="int64")
    assert resolve({"source": "net:build", "input": ["k=:int64"]}).inputs == (scalar,)
    assert resolve({"source": "net:build", "input": ["k="]}).inputs == (InputSpec(name="k", shape=()),)
    with pytest.raises(UsageError, match="--input 'k' is not"):
        resolve({"source": "net:build", "input": ["k"]})


def test_fixed_values():
    given = ["i=16000", "f=.5", "on=True", "off=false", "none=None", "text=fast", "at=a=b", "list=[1, 'a']", "nan=nan"]
    assert resolve({"source": "net:build", "fix": given}).fixed == {
        "i": 16000,
        "f": 0.5,
        "on": True,
        "off": False,
        "none": None,
        "text": "fast",
        "at": "a=b",
        "list": [1, "a"],
        "nan": "nan",
    }
    for wrong, says in ((["rate"], "is not NAME=VALUE"), (["a=1", "a=2"], "names 'a' twice")):
        with pytest.raises(UsageError, match=says):
            resolve({"source": "net:build", "fix": wrong})


def test_preprocessing():
    def of(*given):
        return resolve({"source": "net:build", "preprocess": list(given)}).preprocessing

    whole = Preprocessing(name="a", dtype="uint8", layout="nhwc", mean=(0.5, 0.25, 0), std=(1e-1, 2, 3))
    assert of("a=uint8,nhwc,mean=0.5,0.25,0,std=1e-1,2,3") == (whole,)
    assert of("a=nhwc", "b.c=std=255") == (
        Preprocessing(name="a", layout="nhwc"),
        Preprocessing(name="b.c", std=(255,)),
    )
    for wrong, says in (
        (["a"], "is not NAME="),
        (["a="], "is not NAME="),
        (["a=int8"], "is not NAME="),
        (["a=mean=x"], "is not NAME="),
        (["a=mean=1,,2"], "is not a list of numbers"),
        (["a=std=0,1"], "divides by 0"),
        (["a=nhwc", "a=uint8"], "names 'a' twice"),
    ):
        with pytest.raises(UsageError, match=says):
            of(*wrong)


def test_packages_are_chosen_as_of_the_day_of_the_toolchain_or_another(model_file):
    def before(**options):
        return resolve({"source": f"{model_file}:build", **options}).requirements.before

    assert before() == ""
    assert before(**{"with": ["a==1"]}) == toolchain.load().date == "2021-12-31"
    assert before(**{"with": ["a==1"], "toolchain": "2022"}) == "2022-12-31"
    assert before(**{"with": ["a==1"], "with-before": "2021-09-01"}) == "2021-09-01"
    assert before(**{"with": ["a==1"], "with-before": "any"}) == ""
    for wrong in ("yesterday", "2021-02-30", "20210901"):
        with pytest.raises(UsageError, match=f"--with-before '{wrong}' is not a day"):
            before(**{"with": ["a==1"], "with-before": wrong})


def test_packages_in_the_file_are_relative_to_it(toml, model_file):
    file = toml('with = ["a==1", "./ours", "r.txt"]\n')
    ours = file.parent / "ours"
    ours.mkdir()
    (ours / "setup.py").touch()
    (file.parent / "r.txt").touch()
    recipe = resolve({"source": f"{model_file}:build"}, file)
    assert recipe.requirements.pinned == ("a==1",)
    assert recipe.requirements.paths == (ours, file.parent / "r.txt")
    there = {each.path for each in dependencies.read(recipe) if each.role == "with"}
    assert there == {*recipe.requirements.paths}


def test_a_folder_stays_one_when_it_is_written_without_its_parents(model_file):
    Path("ours").mkdir()
    Path("ours/setup.py").touch()
    Path("pinlite.toml").write_text('with = ["./ours"]\n')
    recipe = resolve({"source": f"{model_file}:build"}, Path("pinlite.toml"))
    assert recipe.requirements.paths == (Path("ours"),)
    assert recipe.options["with"] == ["./ours"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("timm", "name one version, e.g. --with timm==0.4.12"),
        ("ours", "--with ./ours gives the folder"),
        ("git+https://example.org/net", "git clone https://example.org/net, and give the folder: --with ./net;"),
        ("net @ git+https://example.org/n/net.git@v1#egg=net", "git clone --branch v1 https://example.org/n/net.git, "),
        ("git@example.org:n/net.git", "git clone git@example.org:n/net.git, and give the folder: --with ./net;"),
        ("net @ https://example.org/net.whl", "addresses are not followed: download it, and give the wheel"),
        ("https://example.org/net-1.tar.gz", "download it, and give the wheel, or the folder that it unpacks to"),
        ("-r r.txt", "--with ./requirements.txt"),
    ],
)
@pytest.mark.usefixtures("model_file")
def test_what_is_no_package_is_refused_with_what_to_do(text, advice):
    Path("ours").mkdir()
    with pytest.raises(UsageError, match="is not a pinned requirement") as raised:
        resolve({"source": "model.py:build", "with": [text]})
    assert advice in raised.value.hint


@pytest.mark.parametrize(
    ("opset", "advice"),
    [
        (17, "leave it out: it is that of the ONNX model on the way, 12 then, and a TFLite file has none"),
        (18, "; --toolchain current would export 18"),
    ],
)
@pytest.mark.usefixtures("model_file")
def test_an_opset_that_nothing_exports_need_not_be_given(opset, advice):
    refused = refusal({"source": "model.py:build", "opset": opset})
    assert refused.hint.endswith(advice)


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [
        ("input", ["image"], "--input 'image'"),
        ("input", ["=1x3"], "--input '=1x3'"),
        ("input", ["a=1x3", "a=1"], "'a' twice"),
        ("with", ["timm"], "--with 'timm'"),
        ("with", ["timm>=0.4"], "--with 'timm>=0.4'"),
        ("with", ["git+https://example.org/net"], "--with 'git+https://example.org/net'"),
        ("with", ["./absent.txt"], "there is no file absent.txt"),
        ("with", ["net-1.tar.gz"], "--with net-1.tar.gz is an archive"),
        ("with-before", "2021-09-01", "--with-before: there is no --with"),
        ("weights", "absent.pt", "--weights"),
        ("sign", "absent.pem", "--sign"),
        ("store", "oci://registry.example.com/results:v1", "it names a tag or a digest"),
        ("store", "results", "'results' is no repository"),
        ("trust-key", ["absent.pem"], "--trust-key: there is no file absent.pem"),
        ("signing-key", "absent.pem", "--signing-key: there is no file absent.pem"),
        ("samples", "absent.npz", "--samples"),
        ("samples", ".", "--samples"),
        ("seed", -1, "--seed = -1"),
        ("seed", 2**32, "--seed"),
        ("opset", 13, "--opset 13: the toolchain classic exports opsets 7 to 12"),
        ("opset", 6, "--opset 6"),
        ("toolchain", "classical", "there is no toolchain 'classical'"),
        ("toolchain", "absent.toml", "there is no file absent.toml"),
        ("target", "tflite-9", "--target 'tflite-9': there is no such target"),
        ("input-layout", ["nwhc"], "--input-layout 'nwhc'"),
        ("input-layout", ["=nhwc"], "--input-layout '=nhwc'"),
        ("input-layout", ["a=nhwc", "a=nchw"], "'a' twice"),
        ("output-layout", ["nhwc", "nhwc"], "all twice"),
        ("ops", "flex", "--ops = 'flex'"),
        ("lowering", "nchw", "--lowering = 'nchw'"),
        ("tolerance", -0.1, "--tolerance"),
        ("tolerance", float("nan"), "--tolerance"),
        ("tolerance", float("inf"), "--tolerance"),
        ("variant", ["int4"], "--variant 'int4'"),
        ("variant", ["int8"], "--variant int8 needs --calibration"),
        ("variant", ["float32", "int16x8"], "--variant int16x8 needs --calibration"),
        ("variant-tolerance", ["int4=0.1"], "--variant-tolerance 'int4'"),
        ("variant-tolerance", ["int8"], "--variant-tolerance 'int8'"),
        ("variant-tolerance", ["int8=-1"], "--variant-tolerance 'int8=-1'"),
        ("variant-tolerance", ["int8=nan"], "--variant-tolerance 'int8=nan'"),
        ("integer-io", "int16", "--integer-io"),
        ("calibration", "absent.npz", "--calibration"),
        ("calibration", "absent.py:samples", "absent.py"),
        ("calibration", "absent", "--calibration 'absent'"),
        ("calibration", "..", "no .npy file and no image"),
        ("mean", "0.5", "--mean and --std"),
        ("engine", "podman", "--engine"),
        ("memory", "much", "--memory 'much'"),
        ("memory", "0g", "--memory '0g'"),
        ("disk", "3t", "--disk '3t'"),
        ("memory", "9" * 30 + "g", "--memory"),
        ("timeout", 0.0, "--timeout"),
        ("keep-warm", "10", "--keep-warm"),
        ("timeout", float("inf"), "--timeout"),
        ("timeout", float("nan"), "--timeout"),
    ],
)
def test_a_wrong_option_is_named(model_file, option, value, names):
    assert names in str(refusal({"source": f"{model_file}:build", option: value}))


@pytest.fixture
def mine(tmp_path):
    """A toolchain of the user's, in the folder of `toml`: with other opsets, one lowering, and a target of its own."""
    text = toolchain.load().file.read_text()
    for old, new in (
        ("least = 7, most = 12, default = 12", "least = 9, most = 11, default = 10"),
        ('lowerings = ["nhwc", "stock"]', 'lowerings = ["stock"]'),
        ('target = "tflite-2.4"', 'target = "our-phones"'),
    ):
        assert old in text
        text = text.replace(old, new)
    folder = tmp_path / "project"
    folder.mkdir()
    target = '\n[targets.our-phones]\ndescription = "ours"\nsince = { tflite-runtime = "2.12" }\n'
    (folder / "mine.toml").write_text(text + target)
    return folder / "mine.toml"


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ({"weights": "model.onnx"}, "--weights: an ONNX file is converted unchanged"),
        ({"fix": ["a=1"]}, "--fix: an ONNX file is converted unchanged"),
        ({"preprocess": ["a=nhwc"]}, "--preprocess: an ONNX file is converted unchanged"),
        ({"output-name": ["scores"]}, "--output-name: an ONNX file is converted unchanged"),
        ({"opset": 11}, "--opset: an ONNX file is converted unchanged"),
    ],
)
def test_what_an_export_alone_reads_is_refused_where_there_is_none(option, what):
    Path("model.onnx").write_bytes(b"onnx")
    assert what in refusal({"source": "model.onnx"} | option).message


def test_a_file_that_can_not_be_read_is_told_by_name(model_file, monkeypatch):
    recipe = resolve({"source": f"{model_file}:build"})

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pinlite.digest.of_path", denied)
    with pytest.raises(UsageError, match=r"model\.py can't be read: Permission denied"):
        dependencies.read(recipe)


def test_a_toolchain_says_what_is_usual(model_file, mine, toml):
    recipe = resolve({"source": f"{model_file}:build"}, toml('toolchain = "mine.toml"'))
    assert (recipe.toolchain, recipe.toolchain_files) == (str(mine), (mine, mine.parent / "pins"))
    assert (recipe.opset, recipe.lowering, recipe.target) == (10, "stock", "our-phones")
    given = {"source": f"{model_file}:build", "toolchain": str(mine), "opset": 9, "target": "tflite-2.4"}
    recipe = resolve(given)
    assert (recipe.opset, recipe.target) == (9, "tflite-2.4")


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [
        ("opset", 12, "--opset 12: the toolchain mine exports opsets 9 to 11"),
        ("lowering", "nhwc", "--lowering nhwc: the toolchain mine does not have it"),
        ("dynamic-batch", True, "--dynamic-batch: the lowering stock is onnx-tf unchanged"),
        ("target", "their-phones", "--target 'their-phones': there is no such target"),
    ],
)
def test_what_a_toolchain_can_not_do_is_refused(model_file, mine, option, value, names):
    error = refusal({"source": f"{model_file}:build", "toolchain": str(mine), option: value})
    assert str(error).startswith(names)


def test_a_device_takes_the_variants_that_it_can_run(model_file):
    given = {"source": f"{model_file}:build", "target": "micro", "calibration": "random"}
    assert resolve(given).variants == ("int8-only",)
    assert resolve({**given, "variant": ["float32", "int16x8"]}).variants == ("float32", "int16x8")
    refused = refusal({**given, "variant": ["float16"]})
    assert str(refused) == "--variant float16: not every runtime of the target micro can run it"
    assert "--target tflite-2.4" in refused.hint
    assert "--target micro" not in refused.hint
    assert "needs --calibration" in str(refusal({"source": f"{model_file}:build", "target": "micro"}))


def test_an_arena_is_a_size_of_a_device(model_file):
    given = {"source": f"{model_file}:build", "target": "micro", "calibration": "random", "arena": "256k"}
    assert resolve(given).arena == 256 * 1024
    assert "--arena 'small' is not a size" in str(refusal({**given, "arena": "small"}))
    refused = refusal({**given, "target": "litert-2"})
    assert str(refused) == "--arena: the runtimes of the target litert-2 have no arena"
    assert "--target micro" in refused.hint


@pytest.mark.parametrize(("option", "value"), [("dynamic-batch", True), ("dynamic", ["image.0=batch"])])
def test_a_device_has_no_tensors_of_open_sizes(model_file, option, value):
    refused = refusal({"source": f"{model_file}:build", "target": "micro", "calibration": "random", option: value})
    assert f"--{option}: a file for the target micro has fixed sizes" in str(refused)


def test_a_runtime_is_added_by_its_name(model_file, added_runtime):
    given = {"source": f"{model_file}:build", "runtime": [added_runtime, added_runtime], "calibration": "random"}
    recipe = resolve(given)
    assert (recipe.runtimes, recipe.options["runtime"]) == (("small",), ["small", "small"])
    assert resolve({**given, "variant": ["int8-only"], "integer-io": "uint8"}).integer_io == "uint8"
    refused = refusal({**given, "runtime": ["samll"]})
    assert str(refused) == "--runtime 'samll': there is no runtime of that name to add"
    assert "there are small" in refused.hint


@pytest.mark.parametrize(
    ("option", "value", "said", "hint"),
    [
        ("dynamic-batch", True, "--dynamic-batch: the runtime small runs files of fixed sizes alone", "leave it out"),
        ("dynamic", ["image.0=n"], "--dynamic: the runtime small runs files of fixed sizes alone", "leave it out"),
        (
            "variant",
            ["int8", "int8-only"],
            "--runtime small: it has no inputs and outputs of int8",
            "--integer-io uint8",
        ),
        (
            "ops",
            "select-tf",
            "--ops select-tf: the runtime small has none of TensorFlow's",
            "leave out --runtime small",
        ),
    ],
)
def test_what_an_added_runtime_can_not_run_is_refused(model_file, added_runtime, option, value, said, hint):
    given = {"source": f"{model_file}:build", "calibration": "random", option: value}
    resolve(given)
    refused = refusal({**given, "runtime": [added_runtime]})
    assert str(refused).startswith(said)
    assert hint in refused.hint


def test_variants_come_once_and_in_one_order(model_file):
    given = {"source": f"{model_file}:build", "variant": ["int8", "float32", "int8"], "calibration": "random"}
    assert resolve(given).variants == ("float32", "int8")
    assert resolve({"source": f"{model_file}:build"}).variants == ("float32",)


def test_calibration_of_variants_that_need_none_is_no_mistake(model_file):
    recipe = resolve({"source": f"{model_file}:build", "variant": ["float16"], "calibration": "random"})
    assert (recipe.variants, recipe.calibration.kind) == (("float16",), "random")


def test_a_variant_has_a_tolerance_of_its_own(model_file):
    given = {"source": f"{model_file}:build", "variant-tolerance": ["int8=0.5", "float16=0"]}
    assert resolve(given).variant_tolerances == {"int8": 0.5, "float16": 0.0}


@pytest.fixture
def photos():
    Path("photos").mkdir()
    Path("photos/a.png").touch()
    return {"variant": ["int8"], "calibration": "photos"}


def test_images_have_a_mean_and_a_deviation(model_file, photos):
    given = {"source": f"{model_file}:build", "mean": "0.485,0.456,0.406", "std": "0.5"} | photos
    found = resolve(given).calibration
    assert (found.mean, found.std) == ((0.485, 0.456, 0.406), (0.5,))


@pytest.mark.parametrize(("option", "value"), [("mean", "a,b"), ("mean", "1,,2"), ("std", "0.5,0"), ("std", "x")])
def test_a_wrong_mean_or_deviation_is_named(model_file, photos, option, value):
    assert f"--{option}" in str(refusal({"source": f"{model_file}:build", option: value} | photos))


def test_a_folder_of_arrays_and_images_is_ambiguous(model_file, photos):
    Path("photos/a.npy").touch()
    assert "both" in str(refusal({"source": f"{model_file}:build"} | photos))


def test_a_calibration_in_a_file_is_relative_to_it_unless_it_is_a_word(toml, model_file):
    file = toml('calibration = "c.npz"\nvariant = ["int8"]')
    (file.parent / "c.npz").touch()
    recipe = resolve({"source": f"{model_file}:build"}, file)
    assert recipe.calibration.path == file.parent / "c.npz"
    recipe = resolve({"source": f"{model_file}:build"}, toml('calibration = "random"\nvariant = ["int8"]'))
    assert recipe.calibration.kind == "random"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("seed = true", "seed = True"),
        ('seed = "1"', "seed = '1'"),
        ("opset = 12.5", "opset = 12.5"),
        ('input = "x=1"', "input = 'x=1'"),
        ("with = [1]", "with"),
        ("out = 1", "out = 1"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(toml, model_file, text, names):
    error = str(refusal({"source": f"{model_file}:build"}, toml(text)))
    assert names in error
    assert "pinlite.toml: " in error


def test_what_is_wrong_on_the_command_line_is_not_blamed_on_the_file(toml, model_file):
    error = refusal({"source": f"{model_file}:build", "opset": 99}, toml("opset = 12"))
    assert str(error).startswith("--opset 99: ")


@pytest.mark.parametrize(
    ("key", "near"), [("tolerence", "tolerance"), ("output_name", "output-name"), ("weigths", "weights")]
)
def test_an_unknown_key_suggests_the_nearest(toml, key, near):
    error = refusal({"source": "a.b:c"}, toml(f"{key} = 1"))
    assert f"unknown key {key!r}" in str(error)
    assert "pinlite.toml" in str(error)
    assert error.hint == f"did you mean {near}?"


def test_an_unknown_key_that_is_near_to_none_lists_all(toml):
    hint = refusal({"source": "a.b:c"}, toml("zzz = 1")).hint
    for key in ("source", "input", "output-name", "with", "tolerance", "timeout"):
        assert key in hint


@pytest.mark.parametrize("text", ["opset = ", "opset", "[", "a = 1\na = 2"])
def test_what_is_no_toml_names_the_file(toml, text):
    assert "pinlite.toml is not TOML" in str(refusal({}, toml(text)))


def test_bytes_that_are_no_text_name_the_file(toml):
    file = toml("")
    file.write_bytes(b"\xff\xfe")
    assert "pinlite.toml is not TOML" in str(refusal({}, file))


def test_a_missing_file_suggests_one_with_a_like_name(toml):
    file = toml("")
    assert refusal({}, file.with_name("pinlit.toml")).hint == f"did you mean {file}?"


def test_no_source_says_what_one_looks_like(toml):
    assert "no source" in str(refusal({}))
    assert "no source" in str(refusal({"source": None}, toml("opset = 12")))


@pytest.fixture
def quantized():
    Path("quantized.onnx").write_bytes(of(node("QuantizeLinear", ["x", "scale"], ["y"])))
    return {"source": "quantized.onnx"}


def test_a_quantized_model_has_its_own_ranges(quantized):
    recipe = resolve(quantized)
    assert (recipe.has_ranges, recipe.variants, recipe.calibration, recipe.tolerance) == (True, ("int8",), None, 0.1)
    assert resolve(quantized | {"variant": ["int8-only"]}).calibration is None
    assert "--variant int16x8 needs --calibration" in str(refusal(quantized | {"variant": ["int16x8"]}))


@pytest.mark.parametrize("option", [{"dequantize": True}, {"lowering": "stock"}])
def test_without_its_ranges_a_quantized_model_is_one_of_floats(quantized, option):
    recipe = resolve(quantized | option)
    assert (recipe.has_ranges, recipe.variants, recipe.tolerance) == (False, ("float32",), 1e-4)
    assert "--variant int8 needs --calibration" in str(refusal(quantized | option | {"variant": ["int8"]}))


def test_only_an_onnx_file_that_is_adapted_can_be_dequantized(model_file, quantized):
    assert "--dequantize: only an ONNX file" in str(refusal({"source": f"{model_file}:build", "dequantize": True}))
    without = refusal(quantized | {"toolchain": "2022", "dequantize": True})
    assert "the toolchain 2022 has no image onnx-adapt" in str(without)


LOWERED_BY_US = [
    ("input-layout", ["nhwc"]),
    ("output-layout", ["nhwc"]),
    ("dynamic-batch", True),
    ("dynamic", ["x.0=n"]),
]


@pytest.mark.parametrize(("option", "value"), [*LOWERED_BY_US, ("qat", "net.py:train")])
def test_what_the_nhwc_lowering_alone_can_do(model_file, option, value):
    stock = refusal({"source": f"{model_file}:build", "lowering": "stock", option: value})
    assert f"--{option}: the lowering stock" in str(stock)
    assert stock.hint == "convert with --lowering nhwc"
    without = refusal({"source": f"{model_file}:build", "toolchain": "2022", option: value})
    assert without.hint.endswith("--toolchain classic")


@pytest.mark.parametrize(("option", "value"), LOWERED_BY_US)
def test_what_a_saved_model_can_not_be_asked_for(option, value):
    Path("saved").mkdir()
    Path("saved/saved_model.pb").touch()
    assert f"--{option}: a SavedModel" in str(refusal({"source": "saved", option: value}))


def test_the_inputs_that_have_a_batch(model_file):
    given = {"source": f"{model_file}:build"}
    recipe = resolve({**given, "dynamic": ["batch.mask.0=n", "image.0=n"]})
    assert (recipe.dynamic_batch, recipe.batched) == (True, ("batch.mask", "image"))
    assert resolve({**given, "dynamic-batch": True}).batched == ()
    for texts, says, hint in (
        (["image=n"], "is not NAME.0=SIZE", "image.0=batch"),
        (["image.first=n"], "is not NAME.0=SIZE", "image.0=batch"),
        (["ids.1=length"], "only a first dimension, a batch, can stay open", "--input ids=..., and convert once for"),
        (["a.0=n", "a.0=n"], "names 'a.0' twice", "once"),
        (["a.0=n", "b.0=m"], "names several sizes: m, n", "one name"),
    ):
        error = refusal({**given, "dynamic": texts})
        assert says in str(error)
        assert hint in error.hint
    assert "for all inputs" in str(refusal({**given, "dynamic": ["a.0=n"], "dynamic-batch": True}))


def test_a_recipe_can_not_be_changed(model_file):
    recipe = resolve({"source": f"{model_file}:build"})
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("model.py:build", "model-build"),
        ("model.py:model", "model"),
        ("model.py:Net.small", "model-Net.small"),
        ("nets.small.model:build", "nets.small.model-build"),
        ("model.onnx", "model"),
    ],
)
def test_results_are_called_by_file_and_callable(model_file, source, name):
    model_file.with_suffix(".onnx").touch()
    assert resolve({"source": source}).out == Path("build") / name
