"""`pinlite images`: what it says."""

import sys

import pytest

from pinlite import toolchain
from pinlite.errors import ImageError
from pinlite.machine import folders
from pinlite.maintenance import local_base


@pytest.fixture(autouse=True)
def _without_docker(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


def test_images_that_are_there_are_told(monkeypatch, command, engine):
    monkeypatch.setattr("pinlite.api.choose", lambda *_: engine)
    count = len(toolchain.load().recipes)
    assert command("images", "build") == (0, "", f"all {count} images of classic are there already\n")


@pytest.mark.parametrize("arguments", [["list"], ["rm"], ["gc"], ["gc", "--dry-run"]])
def test_every_command_says_whose_images_it_is_about(command, arguments):
    status, _, err = command("images", *arguments)
    assert status == 0
    assert err.startswith("note: no Docker engine answers: ")
    assert "the venv engine runs the stages" in " ".join(err.split())


def test_without_docker_there_is_nothing_to_build_a_base_for(command):
    status, _, err = command("images", "base")
    assert status == 4
    assert "no Docker engine answers" in err
    assert "make " not in err


def test_a_base_is_built_by_the_script_that_comes_with_pinlite(tmp_path, monkeypatch, capfd):
    """Wherever that is installed, and whatever its Python is called."""
    images = tmp_path / "an installed" / "_images"
    images.mkdir(parents=True)
    (images / "base.sh").write_text('python -c "import pinlite, sys; print(sys.executable)"; uv --version; exit 3')
    (tmp_path / "docker").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(folders, "IMAGES", images)
    monkeypatch.setattr(local_base, "DockerEngine", lambda: None)
    with pytest.raises(ImageError, match="can't be built"):
        local_base.build()
    said = capfd.readouterr()
    assert said.err.startswith(f"{sys.executable}\nuv ")
    assert said.out == ""
