from pathlib import Path

import pytest

from pinlite import doctor
from pinlite.engine import interpreter
from pinlite.errors import NoEngineError


@pytest.fixture
def machine(monkeypatch):
    """A machine without Docker, with or without CPython 3.8."""

    def no_docker():
        raise NoEngineError("no Docker engine answers: refused", hint="start one")

    def make(python):
        monkeypatch.setattr(doctor, "DockerEngine", no_docker)
        monkeypatch.setattr(interpreter, "find", lambda: python)

    return make


def test_a_machine_without_anything_is_told_what_to_do(machine, command):
    machine(None)
    status, out, err = command("doctor")
    assert status == 4
    assert "no Docker engine answers" in out
    assert "no CPython 3.8 found" in out
    assert out.count("hint: ") >= 2
    assert "\nhint: " in err
    assert "ready" not in out


def test_a_machine_with_cpython_can_convert_and_knows_what_is_missing(machine, command):
    machine(Path("/opt/python3.8"))
    status, out, err = command("doctor")
    assert (status, err) == (0, "")
    assert "/opt/python3.8" in out
    assert "missing: torch, onnx, tensorflow, onnx-tf, tflite" in out
    assert "pinlite images build --engine venv" in out
    assert out.endswith("ready to convert\n")
