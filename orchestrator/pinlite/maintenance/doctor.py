"""Checks what this machine has and lacks for pinlite, and says what to do."""

import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from pinlite import __version__, toolchain
from pinlite.engine import Engine, VenvEngine, browser, choose, interpreter, warm
from pinlite.engine.docker import DockerEngine
from pinlite.engine.sharing import shared
from pinlite.errors import NoEngineError
from pinlite.events import Notice, Observer
from pinlite.machine import folders
from pinlite.toolchain import Base, bases

_PLENTY = 8 * 10**9
_SPACE = "space"


@dataclass(frozen=True)
class Finding:
    """``ok`` is None for what is good to know but may be missing."""

    subject: str
    ok: bool | None
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Diagnosis:
    findings: tuple[Finding, ...]

    @property
    def can_convert(self) -> bool:
        if any(finding.ok is False for finding in self.findings if finding.subject == _SPACE):
            return False
        return any(finding.ok for finding in self.findings if finding.subject.startswith("engine"))


def fix(observe: Observer) -> None:
    """Remove environments that don't start, and make what is missing to run the default toolchain on the engine that a
    run would take.

    Raises:
        ImageError: An image can't be made; the hint says what to do.
    """
    engine = VenvEngine()
    for image in engine.broken():
        engine.remove_image(image)
        observe(Notice(f"removed {image.reference}: its CPython does not start"))
    shared.ensured(choose("auto", observe), toolchain.load().recipes, None, observe)


def diagnose() -> Diagnosis:
    return Diagnosis(tuple(_findings()))


def _findings() -> Iterator[Finding]:
    yield Finding("pinlite", True, f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield from _docker()
    yield from _venv()
    yield _browser()
    yield from _warm()
    yield _space()


def _docker() -> Iterator[Finding]:
    try:
        engine = DockerEngine()
    except NoEngineError as error:
        yield Finding("engine docker", False, error.message, error.hint)
        return
    yield Finding("engine docker", True, engine.version())
    files = "folders are mounted" if engine.shares_disk else "sent and fetched: it does not see this machine's folders"
    yield Finding("docker files", True, files)
    yield _images(engine)
    for base in _bases():
        yield _base(engine, base)
    yield from _other_processors(engine)


def _base(engine: DockerEngine, base: Base) -> Finding:
    found = engine.base(base)
    if found is None:
        text = f"{base.name} is not here yet: pulled at the first build"
        return Finding("docker base", None, text, f"without a registry: {bases.command(base)}")
    return Finding("docker base", True, found)


def _other_processors(engine: DockerEngine) -> Iterator[Finding]:
    """What the runtimes of other processors want."""
    others = [base for base in bases.load().values() if base.platform != engine.platform and base not in {*_bases()}]
    for base in others:
        _, _, arch = base.platform.partition("/")
        try:
            emulator = engine.emulator(base.platform)
        except NoEngineError as error:
            yield Finding(f"docker {arch}", None, error.message, error.hint)
        else:
            yield Finding(f"docker {arch}", True, f"programs for {base.platform} run by {emulator}, and are not timed")
            yield _base(engine, base)


def _venv() -> Iterator[Finding]:
    found = {base.python: interpreter.find(base.python) for base in _bases()}
    if missing := [version for version, python in found.items() if python is None]:
        hint = f"pyenv install {missing[0]}, or let uv download one at the first run"
        yield Finding("engine venv", None, f"no CPython {' and '.join(missing)} found", hint)
        return
    engine = VenvEngine()
    where = ", ".join(map(str, found.values()))
    yield Finding("engine venv", True, f"{engine.version()}, {where}; does not isolate untrusted code")
    if broken := [image.name for image in engine.broken()]:
        text = f"the CPython of {', '.join(broken)} does not start"
        yield Finding("venv images", False, text, "pinlite doctor --fix makes them anew")
    else:
        yield _images(engine)


def _browser() -> Finding:
    if version := browser.version():
        return Finding("browser", True, f"{browser.NAME} {version}, for --runtime web in the venv engine")
    return Finding("browser", None, f"no {browser.NAME}, which --runtime web needs in the venv engine", browser.HINT)


def _bases() -> Iterator[Base]:
    """Those that the default toolchain stands on, each once."""
    yield from {recipe.base.name: recipe.base for recipe in toolchain.load().recipes}.values()


def _images(engine: Engine) -> Finding:
    wanted = toolchain.load().recipes
    found = engine.find(wanted)
    missing = [recipe.name for recipe in wanted if recipe.name not in found]
    if missing:
        hint = f"built when first needed, or now by: pinlite images build --engine {engine.name}"
        return Finding(f"{engine.name} images", None, f"missing: {', '.join(missing)}", hint)
    return Finding(f"{engine.name} images", True, f"all {len(wanted)} are there")


def _warm() -> Iterator[Finding]:
    """The workers that are kept for the next run, each by itself."""
    for worker in warm.listed():
        until = "serves a run" if worker.is_lent else f"waits {worker.left:.0f} s more"
        taken = f", took {worker.peak_memory / 10**6:.0f} MB" if worker.peak_memory else ""
        text = f"{worker.program} of {worker.image} by {worker.engine}, {worker.age:.0f} s old, {until}{taken}"
        yield Finding("warm worker", True, text, "" if worker.is_lent else "pinlite clean ends it")


def _space() -> Finding:
    folder = folders.cache()
    try:
        tempfile.TemporaryDirectory(dir=folders.nearest(folder)).cleanup()
    except OSError as error:
        return Finding(_SPACE, False, f"{folder} can't be written: {error.strerror}", "PINLITE_CACHE=FOLDER moves it")
    free = folders.free(folder)
    hint = "" if free > _PLENTY else "the environments need about 8 GB; PINLITE_CACHE moves them"
    return Finding(_SPACE, None if hint else True, f"{free / 10**9:.0f} GB free at {folder}", hint)
