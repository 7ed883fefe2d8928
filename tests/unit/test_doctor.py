from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.engine import interpreter
from pinlite.errors import NoEngineError
from pinlite.maintenance import doctor


@pytest.fixture
def machine(monkeypatch):
    """A machine without Docker, and with the CPythons of these versions."""

    def no_docker():
        raise NoEngineError("no Docker engine answers: refused", hint="start one")

    def make(*versions):
        monkeypatch.setattr(doctor, "DockerEngine", no_docker)
        there = {version: Path(f"/opt/python{version}") for version in versions}
        monkeypatch.setattr(interpreter, "find", there.get)

    return make


def test_a_machine_without_anything_is_told_what_to_do(machine, command):
    machine()
    status, out, err = command("doctor")
    assert status == 4
    assert "no Docker engine answers" in out
    assert "no CPython 3.8 and 3.11 found" in out
    assert out.count("hint: ") >= 2
    assert "\nhint: " in err
    assert "ready" not in out


def test_the_cpython_that_is_missing_is_the_one_to_install(machine, command):
    machine("3.8")
    status, out, _ = command("doctor")
    assert status == 4
    assert "no CPython 3.11 found" in out
    assert "pyenv install 3.11" in out


def test_a_machine_with_cpython_can_convert_and_knows_what_is_missing(machine, command):
    machine("3.8", "3.11")
    status, out, err = command("doctor")
    assert (status, err) == (0, "")
    assert "/opt/python3.8, /opt/python3.11" in out
    assert f"missing: {', '.join(image.name for image in toolchain.load().recipes)}" in out
    assert "pinlite images build --engine venv" in out
    assert out.endswith("ready to convert\n")


def test_docker_is_told_with_every_base(monkeypatch, command, engine):
    first, second = {recipe.base.name: recipe.base for recipe in toolchain.load().recipes}.values()
    engine.base = {first: f"{first.local} is here"}.get
    monkeypatch.setattr(doctor, "DockerEngine", lambda: engine)
    monkeypatch.setattr(interpreter, "find", lambda _: None)
    status, out, err = command("doctor")
    assert (status, err) == (0, "")
    assert f"{first.local} is here" in out
    assert f"{second.name} is not here yet" in out
    assert "make base" in out
    assert f"all {len(toolchain.load().recipes)} are there" in out
