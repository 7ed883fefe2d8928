"""Environments of the user's own: what is read of them, and what decides how a model is exported there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinlite.digest import of_tree
from pinlite.errors import UsageError
from pinlite.inputs import environment
from pinlite.schema.environment import Environment
from pinlite.toolchain import environments

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


@pytest.fixture
def own(tmp_path):
    """An environment in which something called torch is installed."""
    folder = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    install(folder, "torch", "2.13.0+cpu")
    return folder


def packages(folder):
    return next(folder.glob("lib/python*/site-packages"))


def install(folder, name, version, record=""):
    """What an installer leaves of a package, as far as it can be asked for it."""
    info = packages(folder) / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(name, version))
    (info / "RECORD").write_text(record)
    return info


def test_it_is_asked_what_is_installed_and_left_as_it_was(own):
    before = of_tree(own)
    found = environment.read(own)
    assert found.interpreter == own / "bin" / "python"
    assert found.packages == {"torch": "2.13.0+cpu"}
    assert found.python.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert environment.read(own / "bin" / "python") == found
    assert of_tree(own) == before


def test_the_same_packages_elsewhere_are_the_same_content(own, tmp_path):
    other = tmp_path / "deeper" / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    install(other, "torch", "2.13.0+cpu", f"../../../bin/torchrun,sha256={other},1\ntorch-2.dist-info/INSTALLER,,\n")
    assert environment.read(other).content == environment.read(own).content


def test_another_content_of_the_same_version_is_told(own):
    before = environment.read(own).content
    shutil.rmtree(next(packages(own).glob("torch-*")))
    install(own, "torch", "2.13.0+cpu", "torch/__init__.py,sha256=abc,1\n")
    assert environment.read(own).content != before


@pytest.mark.parametrize("how", ["direct_url", "path"])
def test_code_that_is_installed_in_place_counts_by_its_content(own, tmp_path, how):
    project = tmp_path / "project"
    project.mkdir()
    module = project / "nets.py"
    module.write_text("size = 1\n")
    if how == "direct_url":
        info = install(own, "nets", "1.0")
        (info / "direct_url.json").write_text(f'{{"url": "file://{project}", "dir_info": {{"editable": true}}}}')
    else:
        (packages(own) / "nets.pth").write_text(f"{project}\n")
    before = environment.read(own).content
    module.write_text("size = 2\n")
    assert environment.read(own).content != before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("absent", "does not exist"),
        ("empty", "has no bin/python"),
        ("file", "is no interpreter"),
        ("silent", "does not say what is installed"),
        ("plain", "torch is not installed there"),
    ],
)
def test_what_is_no_environment_is_told(tmp_path, path, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "silent").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "silent").chmod(0o755)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "plain"], check=True)
    with pytest.raises(UsageError, match=words) as caught:
        environment.read(tmp_path / path)
    assert caught.value.hint


def an(torch, python="3.11.7", **packages):
    return Environment(
        interpreter=Path("/own/bin/python"),
        python=python,
        platform="linux/amd64",
        packages={"torch": torch, **packages},
        content="0" * 64,
    )


def test_each_tested_torch_has_its_own_row():
    for row in environments.rows():
        for version in row.tested:
            assert environments.row_of(an(f"{version}+cpu")) == row
            assert not environments.untested(an(version))
    assert "was not tried" in environments.untested(an("1.9.0"))


def test_an_overlay_has_what_the_environment_lacks_and_no_more():
    row = environments.rows()[-1]
    recipe = environments.image_of(an(row.tested[-1], numpy="2.4.6", **{"typing-extensions": "4.16.0"}))
    overlay = recipe.installed.decode()
    assert "onnxscript==" in overlay
    assert "numpy==" not in overlay
    assert "typing-extensions==" not in overlay
    assert ";" not in overlay
    assert recipe.versions["numpy"] == "2.4.6"
    assert {"torch", "onnx", "onnxscript"} <= recipe.versions.keys()


def test_other_packages_make_another_identity():
    one, other = (environments.image_of(an("2.13.0", numpy=version)) for version in ("2.4.5", "2.4.6"))
    assert one.identity() != other.identity()
