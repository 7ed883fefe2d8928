import os
import shutil

import pytest

from pinlite import folders, images
from pinlite.images import ImageRecipe

FILES = {"Dockerfile": b"FROM base", "requirements.lock": b"torch==1.7.1", "export.py": b"pass", "stagekit/a.py": b""}


@pytest.mark.parametrize("name", FILES)
def test_any_file_changes_the_identity(name):
    assert ImageRecipe("torch", FILES | {name: b"other"}, None).identity("b") != ImageRecipe("torch", FILES).identity(
        "b"
    )


def test_a_new_or_renamed_file_changes_the_identity():
    renamed = {("load.py" if name == "export.py" else name): data for name, data in FILES.items()}
    added = FILES | {"more.py": b""}
    identities = {ImageRecipe("torch", files).identity("b") for files in (FILES, renamed, added)}
    assert len(identities) == 3


def test_the_base_and_the_parent_change_the_identity():
    parent = ImageRecipe("tensorflow", {"requirements.lock": b"1"})
    other = ImageRecipe("tensorflow", {"requirements.lock": b"2"})
    child = ImageRecipe("onnx-tf", FILES, parent)
    identities = {
        ImageRecipe("onnx-tf", FILES).identity("a"),
        child.identity("a"),
        child.identity("b"),
        ImageRecipe("onnx-tf", FILES, other).identity("a"),
    }
    assert len(identities) == 4


def test_the_order_of_files_does_not_count():
    backwards = dict(reversed(FILES.items()))
    assert ImageRecipe("torch", FILES).identity("b") == ImageRecipe("torch", backwards).identity("b")


def test_an_image_that_adds_packages_runs_its_parents_programs():
    parent = ImageRecipe("torch", FILES)
    child = images.with_requirements(parent, b"torch==1.7.1\ntimm==0.4.12")
    assert child.name == "torch-with"
    assert child.programs == parent.programs == {"export.py": b"pass", "stagekit/a.py": b""}
    assert child.lock.endswith(b"timm==0.4.12")
    assert child.identity("b") != images.with_requirements(parent, b"torch==1.7.1").identity("b")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the image recipes, to be changed."""
    copy = tmp_path / "images"
    shutil.copytree(folders.IMAGES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(folders, "IMAGES", copy)
    return copy


def identities():
    return {name: recipe.identity("base") for name, recipe in images.toolchain().items()}


def test_times_modes_and_bytecode_do_not_count(folder):
    before = identities()
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    (folder / "torch" / "Dockerfile").chmod(0o700)
    (folder / "torch" / "__pycache__").mkdir()
    (folder / "torch" / "__pycache__" / "export.cpython-38.pyc").write_bytes(b"x")
    assert identities() == before


def test_what_a_lock_was_made_from_does_not_count_but_the_lock_does(folder):
    before = identities()
    (folder / "onnx" / "requirements.in").write_text("onnx")
    assert identities() == before
    (folder / "onnx" / "requirements.lock").write_text("onnx==1.8.0")
    assert changed(before) == {"onnx"}


def changed(before):
    return {name for name, identity in identities().items() if identity != before[name]}


def test_stagekit_is_in_every_image(folder):
    before = identities()
    (folder / "stagekit" / "__main__.py").write_text("")
    assert changed(before) == set(before)


def test_a_parent_changes_its_children(folder):
    before = identities()
    (folder / "tensorflow" / "new.py").write_text("")
    assert changed(before) == {"tensorflow", "onnx-tf"}


def test_parents_come_before_children():
    names = list(images.toolchain())
    assert names.index("tensorflow") < names.index("onnx-tf")
    assert set(names) == {"torch", "onnx", "tensorflow", "onnx-tf", "tflite"}


def test_a_local_base_is_known_by_what_makes_it(folder):
    before = images.local_base_identity()
    assert before.startswith("sha256:")
    (folder / "base" / "build.sh").write_text("")
    assert images.local_base_identity() != before


def test_the_public_base_is_pinned_by_its_digest():
    base = images.base()
    assert base.pinned.partition("@sha256:")[2] == base.digest.removeprefix("sha256:")
    assert ":" not in base.pinned.partition("@")[0]
