"""The training-side techniques from the options to the report."""

import gzip
import io
from pathlib import Path

import pytest
from rich.console import Console

from pinlite import api
from pinlite.conversion import pipeline
from pinlite.errors import UsageError
from pinlite.options import resolve
from pinlite.ui import tables
from pinlite.units import bytes_

STEP = {"technique": "none", "size": 4000, "gzip_size": 3900, "sparsity": 0.0}
LAYERS = [
    {"name": "conv.weight", "shape": [8, 3, 3, 3], "sparsity": 0.0, "distinct": 200},
    {"name": "head.weight", "shape": [4, 8], "sparsity": 0.25, "distinct": 16},
]


@pytest.fixture
def asked(model_file):
    Path("tuning.py").write_text("import shared\ndef tune(model, data): ...\n")
    Path("shared.py").touch()
    Path("data").mkdir()
    Path("data", "images.bin").write_text("images")
    return {"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"}


@pytest.fixture
def exported(engine):
    """What the export was asked, and the files that it was shown; it answers with a step."""
    seen = {}
    export = engine.programs["export"]

    def program(call):
        for role in ("functions", "data"):
            if role in call.inputs:
                seen[role] = {path.name: path.read_text() for path in call.inputs[role].rglob("*") if path.is_file()}
        seen["training"] = call.parameters["training"]
        steps = [STEP | {"layers": LAYERS}, STEP | {"technique": "prune", "sparsity": 0.5, "layers": LAYERS}]
        return export(call) | {"training": steps if call.parameters["training"] else []}

    engine.programs["export"] = program
    return seen


def test_the_export_is_told_what_to_do_and_sees_the_function_and_its_data(asked, exported):
    pipeline.run(
        resolve(asked | {"prune": 0.5, "prune-structured": True, "finetune": "tuning.py:tune", "data": "data"})
    )
    function = {"module": "tuning", "callable": "tune"}
    assert exported["training"] == {
        "prune": 0.5,
        "structured": True,
        "cluster": None,
        "finetune": function,
        "qat": None,
    }
    assert set(exported["functions"]) == {"tuning.py", "shared.py"}
    assert exported["data"] == {"images.bin": "images"}


def test_a_function_for_quantization_aware_training(asked, exported):
    recipe = resolve(asked | {"qat": "tuning.py:tune"})
    assert recipe.tolerance == 0.1
    assert resolve(asked | {"qat": "tuning.py:tune", "tolerance": 0.5}).tolerance == 0.5
    assert resolve(asked | {"qat": "tuning.py:tune", "variant": ["int8", "int8-only"]}).calibration is None
    with pytest.raises(UsageError, match="--variant int16x8 needs --calibration"):
        resolve(asked | {"qat": "tuning.py:tune", "variant": ["int8", "int16x8"]})
    pipeline.run(recipe)
    assert exported["training"]["qat"] == {"module": "tuning", "callable": "tune"}
    assert set(exported["functions"]) == {"tuning.py", "shared.py"}


RANGE = {"name": "Relu_1", "elements": 48, "scale": 0.25, "zero_point": -128}


def earlier(asked, **options):
    """The output folder of a conversion to int8."""
    pipeline.run(resolve(asked | {"out": "earlier", "variant": ["float32", "int8"], "calibration": "random"} | options))
    return Path("earlier")


def test_a_training_for_int8_begins_with_the_ranges_of_an_earlier_file(asked, exported, engine):
    asked_of_ranges = []

    def ranges(call):
        asked_of_ranges.append(call.inputs["model"].read_bytes())
        return {"ranges": [RANGE]}

    engine.programs["ranges"] = ranges
    folder = earlier(asked)
    recipe = resolve(asked | {"qat": "tuning.py:tune", "qat-ranges": str(folder)})
    report = pipeline.run(recipe)
    assert asked_of_ranges == [Path(folder, "model.int8.tflite").read_bytes()]
    assert exported["training"]["ranges"] == [RANGE]
    assert "earlier/model.int8.tflite" in report.lock.inputs
    assert [record.name for record in report.stages][:2] == ["ranges", "export"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"variant": ["float32"], "calibration": None}, "has no int8 file of the nhwc lowering"),
        ({"lowering": "stock"}, "has no int8 file of the nhwc lowering"),
        ({"equalize": True}, "by --equalize its tensors are others than the model's own"),
        ({"qat": "tuning.py:tune", "calibration": None}, "by --qat its tensors are others than the model's own"),
    ],
)
def test_a_folder_without_the_model_s_own_ranges_is_refused(asked, exported, options, says):
    folder = earlier(asked, **options)
    with pytest.raises(UsageError, match=says) as caught:
        resolve(asked | {"qat": "tuning.py:tune", "qat-ranges": str(folder)})
    assert caught.value.hint
    assert exported


def test_a_file_of_ranges_that_has_changed_is_refused(asked, exported):
    Path(earlier(asked), "model.int8.tflite").write_bytes(b"another")
    with pytest.raises(UsageError, match=r"model\.int8\.tflite is not as its conversion left it"):
        resolve(asked | {"qat": "tuning.py:tune", "qat-ranges": "earlier"})
    assert exported


def test_without_a_technique_nothing_is_done(asked, exported, engine):
    report = pipeline.run(resolve(asked))
    assert exported == {"training": None}
    assert (report.training, report.variants[0].gzip_size) == ((), None)
    assert engine.running == []


def test_what_it_bought_is_in_the_report_and_on_the_screen(asked, exported):
    report = pipeline.run(resolve(asked | {"cluster": 16}))
    assert exported["training"]["cluster"] == 16
    assert [step.technique for step in report.training] == ["none", "prune"]
    assert [layer.distinct for layer in report.training[0].layers] == [200, 16]
    (variant,) = report.variants
    assert variant.gzip_size == len(gzip.compress(Path("out", variant.path).read_bytes(), 6))
    text = io.StringIO()
    tables.show(report, "out", Console(file=text, width=80))
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert ["prune", "4.00", "kB", "3.90", "kB", "50.0%", "16", "to", "200"] in lines
    assert f"after gzip: float32 {bytes_(variant.gzip_size)} of".split() in [line[:6] for line in lines]


def test_from_python_options_are_written_as_python_does(asked, exported):
    api.convert(
        asked["source"], inputs=asked["input"], out="out", prune=0.25, prune_structured=True, data=Path("data"),
        finetune="tuning.py:tune",
    )  # fmt: skip
    assert (exported["training"]["prune"], exported["training"]["structured"]) == (0.25, True)


def test_a_function_in_a_package_of_the_model_s_own(asked, exported):
    Path("net").mkdir()
    Path("net", "tuning.py").touch()
    pipeline.run(resolve(asked | {"prune": 0.5, "finetune": "net.tuning:tune"}))
    assert exported["training"]["finetune"] == {"module": "net.tuning", "callable": "tune"}
    assert set(exported["functions"]) == {"tuning.py"}


def test_a_module_of_the_model_s_name_elsewhere(asked, exported):
    Path("other").mkdir()
    other = Path("other", "model.py")
    other.write_text("def tune(model): ...\n")
    with pytest.raises(UsageError, match=r"two files are named model\.py: one beside other/model\.py"):
        pipeline.run(resolve(asked | {"prune": 0.5, "finetune": f"{other}:tune"}))
    other.write_bytes(Path("model.py").read_bytes())
    pipeline.run(resolve(asked | {"prune": 0.5, "finetune": f"{other}:build"}))
    assert exported["training"]["finetune"]["callable"] == "build"


def test_paths_in_a_file_are_relative_to_it(asked, tmp_path):
    for name in ("tuning.py", "data.npz"):
        (tmp_path / name).touch()
    file = tmp_path / "pinlite.toml"
    file.write_text('prune = 0.5\nfinetune = "tuning.py:tune"\ndata = "data.npz"\n')
    recipe = resolve(asked, file)
    assert recipe.training is not None
    assert recipe.training.finetune is not None
    assert (recipe.training.finetune.path, recipe.data) == (tmp_path / "tuning.py", tmp_path / "data.npz")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"prune": 0.0}, "--prune = 0.0: "),
        ({"prune": 1.0}, "--prune = 1.0: "),
        ({"cluster": 1}, "--cluster = 1: "),
        ({"cluster": 257}, "--cluster = 257: "),
        ({"prune-structured": True}, "--prune-structured is given without --prune"),
        ({"prune-structured": True, "cluster": 4}, "--prune-structured is given without --prune"),
        ({"finetune": "tuning.py:tune"}, "--finetune is given without --prune or --cluster"),
        ({"qat": "tuning.py:tune", "finetune": "tuning.py:tune"}, "--finetune is given without --prune or --cluster"),
        ({"qat": "tuning"}, "--qat: 'tuning' is not a source"),
        ({"prune": 0.5, "qat-ranges": "data"}, "--qat-ranges is given without --qat"),
        ({"qat": "tuning.py:tune", "qat-ranges": "data"}, "--qat-ranges data is not the output folder of a conversion"),
        ({"source": "model.onnx", "qat": "tuning.py:tune"}, "--qat changes the weights of a PyTorch model"),
        ({"prune": 0.5, "data": "data"}, "--data is given, but no function that reads it"),
        ({"prune": 0.5, "finetune": "tuning.py"}, "--finetune: 'tuning.py' is not a source"),
        ({"prune": 0.5, "finetune": "tunin.py:tune"}, "--finetune: there is no file tunin.py"),
        ({"prune": 0.5, "finetune": "model.onnx"}, "--finetune: model.onnx does not name a function"),
        ({"prune": 0.5, "finetune": "tuning.py:tune", "data": "dat"}, "--data: there is no file dat"),
        ({"source": "model.onnx", "prune": 0.5}, "--prune changes the weights of a PyTorch model, which model.onnx"),
    ],
)
def test_options_that_mean_nothing(asked, options, says):
    Path("model.onnx").touch()
    with pytest.raises(UsageError) as caught:
        resolve(asked | options)
    assert says in caught.value.message
    assert caught.value.hint
