"""Bases, images, runtimes, targets and toolchains as data."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.toolchain import ImageRecipe, bases, targets, toolchains

FILES = {"Dockerfile": b"FROM base", "requirements.lock": b"torch==1.7.1", "programs/torch_export/export.py": b"pass"}
MINE = """
description = "what we had in 2021"
opsets = { least = 9, most = 12, default = 11 }
lowerings = ["stock"]
target = "tflite-2.10"

[images]
torch = "torch-1.7.1"
onnx = "mine"
onnx-tf = "onnx-tf-1.7.0"
tensorflow = "tensorflow-2.4.1"

[[runtimes]]
image = "tensorflow-2.4.1"
program = "tflite_convert.convert"
package = "tensorflow-cpu"
select-tf = true
"""


@pytest.fixture
def base():
    return bases.load()["python-3.8"]


@pytest.mark.parametrize("name", FILES)
def test_any_file_changes_the_identity(base, name):
    changed = ImageRecipe("torch", FILES | {name: b"other"}, base)
    assert changed.identity() != ImageRecipe("torch", FILES, base).identity()


def test_a_new_or_renamed_file_changes_the_identity(base):
    renamed = {name.replace("export.py", "load.py"): data for name, data in FILES.items()}
    added = FILES | {"more.py": b""}
    identities = {ImageRecipe("torch", files, base).identity() for files in (FILES, renamed, added)}
    assert len(identities) == 3


def test_the_base_its_platform_the_parent_and_the_sources_change_the_identity(base):
    parent = ImageRecipe("tensorflow", {"requirements.lock": b"1"}, base)
    other = ImageRecipe("tensorflow", {"requirements.lock": b"2"}, base)
    child = ImageRecipe("onnx-tf", FILES, base, parent)
    identities = {
        ImageRecipe("onnx-tf", FILES, base).identity(),
        ImageRecipe("onnx-tf", FILES, replace(base, platform="linux/arm64")).identity(),
        ImageRecipe("onnx-tf", FILES, base, sources=("wrapt",)).identity(),
        child.identity(),
        child.identity("another base"),
        ImageRecipe("onnx-tf", FILES, base, other).identity(),
    }
    assert len(identities) == 6
    assert child.identity() == child.identity(base.digest)


def test_the_order_of_files_does_not_count(base):
    backwards = dict(reversed(FILES.items()))
    assert ImageRecipe("torch", FILES, base).identity() == ImageRecipe("torch", backwards, base).identity()


def test_an_image_that_adds_packages_runs_its_parents_programs(base):
    parent = ImageRecipe("torch", FILES, base, sources=("wrapt",))
    child = toolchain.with_requirements(parent, b"torch==1.7.1\ntimm==0.4.12")
    assert child.name == "torch-with"
    assert child.programs == parent.programs == {"torch_export/export.py": b"pass"}
    assert child.lock.endswith(b"timm==0.4.12")
    assert child.versions == {"torch": "1.7.1", "timm": "0.4.12"}
    assert child.identity() != toolchain.with_requirements(parent, b"torch==1.7.1").identity()
    assert child.sources == (), "what a user chooses comes as wheels alone"


def identities():
    # A process reads pinlite's own files once.
    toolchains.read_anew()
    return {recipe.name: recipe.identity("base") for recipe in toolchain.load().recipes}


def changed(before):
    return {name for name, identity in identities().items() if identity != before[name]}


def test_times_modes_and_bytecode_do_not_count(images_data):
    before = identities()
    for path in images_data.rglob("*"):
        os.utime(path, (0, 0))
    (images_data / "Dockerfile").chmod(0o700)
    programs = images_data / "programs" / "torch_export" / "__pycache__"
    programs.mkdir()
    (programs / "export.cpython-38.pyc").write_bytes(b"x")
    assert identities() == before


def test_what_a_lock_was_made_from_and_what_an_image_is_for_do_not_count_but_the_lock_does(images_data):
    before = identities()
    pins = images_data / "pins" / "onnx-1.8.0"
    (pins / "requirements.in").write_text("onnx")
    text = (pins / "image.toml").read_text()
    (pins / "image.toml").write_text(text.replace("description = ", 'description = "other" # '))
    assert identities() == before
    (pins / "requirements.lock").write_text("onnx==1.8.0")
    assert changed(before) == {"onnx-1.8.0"}


@pytest.mark.parametrize(
    ("package", "images"),
    [
        ("stagekit", None),
        ("tflite_run", {"tflite-2.14.0", "litert-2.3.0"}),
        # The image that stands on it changes with it.
        ("tflite_convert", {"tensorflow-2.4.1", "onnx-tf-1.7.0"}),
    ],
)
def test_programs_change_the_images_that_carry_them(images_data, package, images):
    before = identities()
    (images_data / "programs" / package / "__init__.py").write_text("1")
    assert changed(before) == (set(before) if images is None else images)


def test_the_default_toolchain_is_the_classic_one():
    chosen = toolchain.load()
    assert (chosen.name, toolchain.names()[0]) == ("classic", "classic")
    assert set(chosen.images) == {"torch", "onnx-adapt", "onnx", "onnx-tf", "tensorflow", "metadata"} | {
        run.image for run in chosen.runtimes
    }
    assert chosen.images["tensorflow"] is not None
    assert chosen.lowerings == ("nhwc", "stock")
    assert [runtime.name for runtime in chosen.runtimes] == [
        "tflite-runtime 2.14.0",
        "tensorflow-cpu 2.4.1",
        "ai-edge-litert 2.3.0",
    ]


def test_every_toolchain_that_pinlite_brings_can_be_read():
    recipes = toolchain.every_recipe()
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    assert {recipe.base.name for recipe in recipes} <= set(bases.load())


def test_a_device_brings_a_runtime_of_its_own():
    chosen = toolchain.load()
    micro = toolchain.with_target(chosen, "micro")
    first, *others = micro.runtimes
    assert (first.package, tuple(others)) == ("tflite-micro", chosen.runtimes)
    assert micro.images[first.image].versions["tflite-micro"] == first.version
    assert [each.package for each in micro.runtimes if micro.targets["micro"].requires(each)] == [
        "tflite-micro",
        "ai-edge-litert",
    ]
    assert micro.targets["micro"].is_proven_by(first)
    assert first.image in {recipe.name for recipe in toolchain.every_recipe()}
    assert toolchain.with_target(chosen, "tflite-2.4") == chosen


def test_a_runtime_is_added_before_those_of_the_toolchain(added_runtime):
    chosen = toolchain.load()
    first, *others = (extended := toolchain.with_runtimes(chosen, [added_runtime])).runtimes
    assert (first.package, first.added, tuple(others)) == ("tflite-micro", True, chosen.runtimes)
    assert chosen.target.requires(first)
    assert not any(each.added for each in others)
    assert first.image in extended.images
    assert first.image in {recipe.name for recipe in toolchain.brought_recipes(chosen)}
    assert toolchain.with_runtimes(chosen, []) == chosen
    with pytest.raises(UsageError, match="two runtimes are tflite-micro"):
        toolchain.with_runtimes(toolchain.with_target(chosen, "micro"), [added_runtime])


def test_a_target_of_the_users_own_may_bring_a_runtime(mine):
    added = """
[targets.our-board]
description = "ours"
since = { tflite-micro = "0" }

[[targets.our-board.runtimes]]
image = "tflite-micro"
program = "micro_run.micro"
package = "tflite-micro"
"""
    mine.write_text(mine.read_text() + added)
    chosen = toolchain.with_target(toolchain.load(str(mine)), "our-board")
    assert [each.package for each in chosen.runtimes] == ["tflite-micro", "tensorflow-cpu"]
    mine.write_text(mine.read_text().replace("micro_run.micro", "micro_run.absent"))
    with pytest.raises(UsageError, match=r"the image tflite-micro has no program micro_run.absent"):
        toolchain.with_target(toolchain.load(str(mine)), "our-board")


def test_a_local_base_is_known_by_what_makes_it(images_data):
    before = {name: base.local_identity for name, base in bases.load().items()}
    assert all(identity.startswith("sha256:") for identity in before.values())
    assert len(set(before.values())) == len(before)
    (images_data / "pins" / "python-3.8" / "requirements.lock").write_text("")
    after = {name: base.local_identity for name, base in bases.load().items()}
    assert [name for name in before if after[name] != before[name]] == ["python-3.8"]
    (images_data / "base.sh").write_text("")
    assert not set(before.values()) & {base.local_identity for base in bases.load().values()}


def test_public_bases_are_pinned_by_their_digests():
    for base in bases.load().values():
        assert base.pinned.partition("@sha256:")[2] == base.digest.removeprefix("sha256:")
        assert ":" not in base.pinned.partition("@")[0]


@pytest.fixture
def mine():
    """A toolchain of the user's with an image of its own."""
    pins = Path("pins/mine")
    pins.mkdir(parents=True)
    (pins / "image.toml").write_text(
        'description = "ours"\nbase = "python-3.8"\nprograms = ["stagekit", "onnx_check"]\n'
    )
    (pins / "requirements.lock").write_text("onnx==1.8.1\n")
    file = Path("mine.toml")
    file.write_text(MINE)
    return file


def test_a_toolchain_of_the_users(mine):
    chosen = toolchain.load(str(mine))
    assert (chosen.name, chosen.opsets.default, chosen.target.name) == ("mine", 11, "tflite-2.10")
    assert chosen.images["onnx"].versions == {"onnx": "1.8.1"}
    assert chosen.images["torch"].identity() == toolchain.load().images["torch"].identity()
    assert toolchain.own_files("mine.toml") == (mine, Path("pins"))
    assert toolchain.own_files("classic") == ()


def test_a_target_of_the_users(mine):
    own = '\n[targets."our-phones"]\ndescription = "ours"\nsince = { tensorflow-cpu = "2.3" }\n'
    mine.write_text(MINE.replace("tflite-2.10", "our-phones") + own)
    chosen = toolchain.load(str(mine))
    assert chosen.target.requires(chosen.runtimes[0])
    assert chosen.target.has == ()
    mine.write_text(mine.read_text() + 'has = ["dense-channels"]\n')
    assert toolchain.load(str(mine)).target.has == ("dense-channels",)
    mine.write_text(mine.read_text().replace("dense-", "many-"))
    with pytest.raises(UsageError, match="input should be 'dense-channels'"):
        toolchain.load(str(mine))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["stock"]', '["stok"]', "mine.toml: lowerings.0: input should be 'nhwc' or 'stock'"),
        ('["stock"]', "[]", "mine.toml: lowerings: "),
        ('onnx = "mine"\n', "", "images has nothing for onnx"),
        ('onnx = "mine"', 'onnx = "mine"\njax = "mine"', "images has jax, which no stage asks for"),
        ('onnx = "mine"', 'onnx = "yours"', "no pins were found for the image 'yours'"),
        ('onnx = "mine"', 'onnx = "../mine"', "'../mine' can't name an image"),
        ('onnx = "mine"', 'onnx = "Mine"', "'Mine' can't name an image"),
        ("default = 11", "default = 13", "the default opset is not between the least and the most"),
        ("tflite-2.10", "tflite-9", "unknown target 'tflite-9'"),
        ('"tensorflow-cpu"', '"tensorflow"', "the image tensorflow-2.4.1 has no package tensorflow"),
        ("tflite_convert.convert", "tflite_run.infer", "the image tensorflow-2.4.1 has no program tflite_run.infer"),
        ("description =", "describtion =", "mine.toml: unknown key 'describtion'"),
        ("[images]", "[images", "mine.toml is not TOML: "),
    ],
)
def test_what_is_wrong_in_a_toolchain_is_told(mine, old, new, said):
    mine.write_text(MINE.replace(old, new, 1))
    with pytest.raises(UsageError) as raised:
        toolchain.load(str(mine))
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('description = "ours"\nprograms = []\n', "an image needs either a base or another image (from), not both"),
        ('description = "ours"\nbase = "python-2.7"\nprograms = []\n', "unknown base 'python-2.7'"),
        ('description = "ours"\nbase = "python-3.8"\nprograms = ["../x"]\n', "unknown programs '../x'"),
        ('description = "ours"\nfrom = "nothing"\nprograms = []\n', "no pins were found for the image 'nothing'"),
        ('description = "ours"\nfrom = "mine"\nprograms = []\n', "the image mine adds to itself"),
    ],
)
def test_what_is_wrong_in_an_image_is_told(mine, text, said):
    (mine.parent / "pins" / "mine" / "image.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        toolchain.load(str(mine))
    assert said in raised.value.message


def test_two_runtimes_of_one_name_are_refused(mine):
    mine.write_text(MINE + "\n[[" + MINE.partition("[[")[2])
    with pytest.raises(UsageError, match=r"mine\.toml: two runtimes are tensorflow-cpu 2\.4\.1"):
        toolchain.load(str(mine))


def test_a_runtimes_image_that_has_the_name_of_a_role_is_refused(mine):
    """The stage that asks for the role would get the runtime's image."""
    shutil.copytree("pins/mine", "pins/onnx")
    row = '\n[[runtimes]]\nimage = "onnx"\nprogram = "onnx_check.check"\npackage = "onnx"\n'
    mine.write_text(MINE + row)
    with pytest.raises(UsageError, match=r"a runtime has the image onnx, but .images. says that onnx is mine"):
        toolchain.load(str(mine))
    mine.write_text(MINE.replace('onnx = "mine"', 'onnx = "onnx"') + row)
    assert len(toolchain.load(str(mine)).runtimes) == 2


def test_a_lock_that_is_no_text_is_told(mine):
    (mine.parent / "pins" / "mine" / "requirements.lock").write_bytes(b"onnx==1.8.1\n\xff")
    with pytest.raises(UsageError, match=r"requirements\.lock is not text"):
        toolchain.load(str(mine))


@pytest.mark.parametrize(
    ("text", "said"),
    [("classical", "there is no toolchain 'classical'"), ("other.toml", "there is no file other.toml")],
)
def test_a_toolchain_that_is_not_there(text, said):
    with pytest.raises(UsageError) as raised:
        toolchain.load(text)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("package", "version", "required", "proven"),
    [
        ("tensorflow-cpu", "2.3.4", False, False),
        ("tensorflow-cpu", "2.4.1", True, True),
        ("tflite-runtime", "2.14.0", True, False),
        ("ai-edge-litert", "2.3.0", True, False),
        ("another-runtime", "9.0", False, False),
    ],
)
def test_a_target_asks_for_runtimes_from_a_version_on(package, version, required, proven):
    target = targets.load()["tflite-2.4"]
    runtime = replace(toolchain.load().runtimes[0], package=package, version=version)
    assert (target.requires(runtime), target.is_proven_by(runtime)) == (required, proven)
