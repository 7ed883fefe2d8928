"""What uv is told beside its arguments."""

import sys

from pinlite.machine import uv

PRINT = "import os; print(os.environ['UV_COMPILE_BYTECODE_TIMEOUT'])"


def said():
    return uv.run("run", "--quiet", "--no-project", "--offline", "--python", sys.executable, "python", "-c", PRINT)


def test_a_busy_machine_has_time_to_compile(monkeypatch):
    monkeypatch.delenv("UV_COMPILE_BYTECODE_TIMEOUT", raising=False)
    assert said() == "600"
    monkeypatch.setenv("UV_COMPILE_BYTECODE_TIMEOUT", "7")
    assert said() == "7"
