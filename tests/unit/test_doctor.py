from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.engine import VenvEngine, browser, interpreter
from pinlite.errors import ImageError, NoEngineError
from pinlite.events import ignore
from pinlite.machine import emulation, folders
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
    engine.platform, engine.emulator = "linux/amd64", lambda _: "qemu-user 7.2.22"
    monkeypatch.setattr(doctor, "DockerEngine", lambda: engine)
    monkeypatch.setattr(interpreter, "find", lambda _: None)
    status, out, err = command("doctor")
    assert (status, err) == (0, "")
    assert f"{first.local} is here" in out
    assert f"{second.name} is not here yet" in out
    assert "pinlite images base" in out
    assert f"all {len(toolchain.load().recipes)} are there" in out
    assert "docker files" in out
    assert "folders are mounted" in out
    engine.shares_disk = False
    assert "sent and fetched: it does not see this machine's folders" in command("doctor")[1]


def test_what_runs_programs_for_another_processor_is_told(monkeypatch, command, engine):
    def emulator(platform):
        raise emulation.missing("the Docker engine", platform)

    engine.base, engine.platform = (lambda base: base.local if base.platform == "linux/amd64" else None), "linux/amd64"
    engine.emulator = emulator
    monkeypatch.setattr(doctor, "DockerEngine", lambda: engine)
    status, out, _ = command("doctor")
    assert status == 0
    assert "docker arm64   the Docker engine runs no programs for linux/arm64: no emulator is registered" in out
    assert "hint: register qemu-user there" in out
    assert "python-3.11-arm64" not in out
    engine.emulator = lambda _: "qemu-user 7.2.22"
    _, out, _ = command("doctor")
    assert "docker arm64   programs for linux/arm64 run by qemu-user 7.2.22, and are not timed" in out
    assert "python-3.11-arm64 is not here yet" in out
    assert "hint: without a registry: pinlite images base python-3.11-arm64" in out


@pytest.fixture
def broken(machine):
    """An image of the venv engine whose CPython is gone; its folder."""
    machine("3.8", "3.11")
    recipe = toolchain.load().images["onnx"]
    identity = recipe.identity(f"cpython-{recipe.base.python}")
    root = folders.cache() / "venv"
    (root / "environments" / "one" / "bin").mkdir(parents=True)
    (root / "environments" / "one" / "bin" / "python").symlink_to("/opt/gone/bin/python3.8")
    folder = root / "images" / f"{recipe.name}-{identity[:16]}"
    folder.mkdir(parents=True)
    (folder / "environment").symlink_to(root / "environments" / "one")
    (folder / "identity").write_text(identity)
    return folder


def test_an_environment_whose_cpython_is_gone_is_told(broken, command):
    status, out, _ = command("doctor")
    assert status == 0
    assert f"the CPython of {broken.name.rpartition('-')[0]} does not start" in out
    assert "hint: pinlite doctor --fix" in out


def test_what_is_broken_is_removed_and_what_is_missing_is_made(broken, command, monkeypatch):
    asked = []

    def ensure(_, recipes, observe):
        del observe
        asked.extend(recipes)

    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setattr(VenvEngine, "ensure", ensure)
    status, out, err = command("doctor", "--fix")
    assert status == 0
    assert f"removed {broken}" in err.replace("\n", "")
    assert not broken.exists()
    assert asked == [*toolchain.load().recipes]
    assert "does not start" not in out


def test_what_can_not_be_made_is_told(machine, command, monkeypatch):
    def ensure(*_):
        raise ImageError("no CPython 3.8 on this machine", hint="pyenv install 3.8")

    machine()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setattr(VenvEngine, "ensure", ensure)
    status, _, err = command("doctor", "--fix")
    assert status == 5
    assert "error: no CPython 3.8 on this machine\nhint: pyenv install 3.8\n" in err


def test_a_folder_of_pyenv_that_can_not_be_read_is_none(monkeypatch):
    # To root, whom no permission stops, a name that is too long is as closed as a folder of another user.
    monkeypatch.setenv("PYENV_ROOT", "x" * 5000)
    interpreter.find("3.8")


def test_a_cache_that_can_not_be_written_is_told(machine, command, monkeypatch):
    machine("3.8", "3.11")
    monkeypatch.setenv("PINLITE_CACHE", "/proc/pinlite")
    status, out, _ = command("doctor")
    assert status == 4
    assert "/proc/pinlite can't be written" in out
    assert "PINLITE_CACHE" in out


@pytest.mark.parametrize("place", ["file", "x" * 300])
@pytest.mark.parametrize("arguments", [("images", "build", "--engine", "venv"), ("cache", "verify"), ("cache", "gc")])
def test_a_cache_that_can_not_be_used_is_no_bug(command, monkeypatch, place, arguments):
    Path("file").touch()
    monkeypatch.setenv("PINLITE_CACHE", str(Path(place).absolute()))
    status, _, err = command(*arguments)
    assert status in (2, 5)
    assert "bug" not in err
    assert "PINLITE_CACHE" in err


def test_a_browser_is_told_with_its_version(machine, command, monkeypatch):
    machine("3.8", "3.11")
    monkeypatch.setattr(browser, "version", lambda: "156.0-1")
    assert "chromium 156.0-1, for --runtime web" in command("doctor")[1]
    monkeypatch.setattr(browser, "version", lambda: "")
    status, out, _ = command("doctor")
    assert status == 0
    assert "no chromium, which --runtime web needs in the venv engine" in out
    assert "apt-get install chromium" in out


def test_an_image_that_needs_a_browser_is_not_made_without_one(monkeypatch):
    monkeypatch.setattr(browser, "version", lambda: "")
    recipe = toolchain.with_runtimes(toolchain.load(), ["web"]).images["litert-js-2.5.3"]
    engine = VenvEngine()
    assert engine.find([recipe]) == {}
    with pytest.raises(ImageError, match="runs files in Debian's chromium, which this machine does not have") as raised:
        engine.ensure([recipe], ignore)
    assert "apt-get install chromium" in raised.value.hint
