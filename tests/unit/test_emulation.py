"""Programs for other processors: asking for the least of them, and what is said where it does not run."""

import subprocess
from dataclasses import replace

import pytest

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.errors import NoEngineError
from pinlite.events import ignore
from pinlite.machine import emulation, processor

OURS = processor.platform()


@pytest.fixture(params=["linux/amd64", "linux/arm64"])
def other(request):
    if request.param == OURS:
        pytest.skip("this machine's own")
    return request.param


def test_the_least_program_of_this_machine_ends_with_0(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(emulation.program(OURS))
    path.chmod(0o755)
    assert subprocess.run([path], capture_output=True, check=True).stdout == b""


def test_a_processor_that_no_machine_runs_programs_for_is_refused(monkeypatch):
    monkeypatch.setitem(emulation.MACHINES, "linux/none", (0x4242, b""))
    with pytest.raises(NoEngineError, match="this machine runs no programs for linux/none: no emulator") as raised:
        emulation.check("linux/none")
    assert "--install none" in raised.value.hint
    emulation.check(OURS)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", "qemu-user 7.2.22"),
        ("qemu-x86_64 version 10.0.2\n", "qemu-user 10.0.2"),
        ("", emulation.NATIVE),
        ("Python 3.11.2\n", emulation.NATIVE),
    ],
)
def test_an_emulator_is_known_by_what_it_says(said, name):
    assert emulation.named(said) == name


def test_the_venv_engine_refuses_what_is_for_another_processor(other):
    recipe = toolchain.load().recipes[0]
    recipe = replace(recipe, base=replace(recipe.base, platform=other))
    with pytest.raises(NoEngineError, match=rf"{recipe.name} is for {other}, and the venv engine runs what") as raised:
        VenvEngine().ensure([recipe], ignore)
    assert "--engine docker" in raised.value.hint
