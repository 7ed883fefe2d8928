"""The engine for machines without containers: the same locks and programs as local processes.

It keeps dependencies apart. It does not keep untrusted code from the machine.
"""

import contextlib
import functools
import os
import resource
import selectors
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pinlite import digest
from pinlite.contract import ENVIRONMENT
from pinlite.engine import browser, interpreter, owner, usage
from pinlite.engine.process import Ending, ProcessWorker
from pinlite.engine.protocol import Image, Job, Leftover, StartedWorker
from pinlite.errors import ImageError, NoEngineError, StageCrashError
from pinlite.events import BuildFinished, BuildProgress, BuildStarted, Notice, Observer
from pinlite.inputs import environment as users
from pinlite.machine import folders, guards, processes, processor, temporary, uv
from pinlite.machine.retries import passes, repeated
from pinlite.toolchain import ImageRecipe

if TYPE_CHECKING:
    from pinlite.engine.supply import Supply

# In an environment; beside it until all of it is installed.
_LOCK = "requirements.lock"
_IDENTITY = "identity"
# How the name of an environment ends that has packages alone, for one of the user's own.
_OVERLAY = "-overlay"
_HALF_AN_IMAGE, _HALF_AN_ENVIRONMENT = "half-made image", "half-made environment"
_CHUNK = 64 * 1024
_MOMENT = 0.002


_Supplies = Mapping[str, Sequence["Supply"]]


class VenvEngine:
    """Images are folders: the stage programs, beside a link to the environment that their lock makes.

    An environment of the user's own runs the programs where it is; the link leads to the packages that it lacks.
    """

    name = "venv"
    isolates = False
    shares_disk = True
    # Environments have links to this machine's CPython and paths of this cache in them; their packages travel.
    carrier = None

    def __init__(self) -> None:
        # Resolved, for images name their environments by path, and another name of this folder may go.
        self._root = (folders.cache() / "venv").resolve()

    @property
    def _half_made(self) -> Path:
        return self._root / "images" / "image"

    def version(self) -> str:
        return f"uv {uv.run('--version').split()[1]}"

    def find(self, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        places = [(recipe, self._place(recipe) / _IDENTITY) for recipe in recipes]
        found = [replace(_image(file), interpreter=recipe.interpreter) for recipe, file in places if file.exists()]
        return {image.name: image for image in found if _python(image).exists() and _environment_of(image).exists()}

    def ensure(self, recipes: Iterable[ImageRecipe], observe: Observer) -> dict[str, Image]:
        recipes = list(recipes)
        for recipe in recipes:
            if recipe.base.platform != processor.platform():
                raise NoEngineError(
                    f"{recipe.name} is for {recipe.base.platform}, and the venv engine runs what is for this machine, "
                    f"{processor.platform()}",
                    hint="take --engine docker, which has an emulator run it (see `pinlite doctor`), or leave out the "
                    "--runtime that is for it",
                )
        if not all(recipe.interpreter for recipe in recipes):
            observe(Notice("the venv engine does not isolate untrusted code: convert only models you trust with it"))
        if missing := [recipe for recipe in recipes if not self.find([recipe])]:
            self._make_all(missing, observe)
        found = self.find(recipes)
        usage.note(self.name, found.values())
        return found

    def images(self) -> list[Image]:
        return [_image(file) for file in sorted((self._root / "images").glob(f"*/{_IDENTITY}"))]

    def broken(self) -> list[Image]:
        """Those whose CPython does not start, because it is gone, or is another one by now."""
        # Images share environments.
        environments = {image: _environment_of(image).resolve() for image in self.images()}
        starts = {each: _is_overlay(each) or _starts(each) for each in {*environments.values()}}
        return [image for image, environment in environments.items() if not starts[environment]]

    def parts(self) -> list[Image]:
        """None: an installation that fails is removed at once."""
        return []

    def size(self) -> int:
        # What environments share is there once, by hard links.
        found = (path.lstat() for path in self._root.rglob("*"))
        return sum({status.st_ino: status.st_size for status in found if stat.S_ISREG(status.st_mode)}.values())

    def remove_image(self, image: Image) -> None:
        environment = _environment_of(image).resolve()
        shutil.rmtree(image.reference)
        if not any(_environment_of(other).resolve() == environment for other in self.images()):
            shutil.rmtree(environment, ignore_errors=True)

    def start(self, job: Job) -> StartedWorker:
        return ProcessWorker(_LocalProcess(job), job)

    def leftovers(self) -> list[Leftover]:
        left = [
            Leftover("process", str(pid), labels[owner.RUN])
            for pid, labels in _labelled()
            if not processes.is_alive(labels[owner.OWNER])
        ]
        left += [Leftover(_HALF_AN_IMAGE, str(path)) for path in temporary.leftovers(beside=self._half_made)]
        return left + [Leftover(_HALF_AN_ENVIRONMENT, str(path)) for path in self._half_installed()]

    def remove(self, leftover: Leftover) -> None:
        if leftover.kind == _HALF_AN_IMAGE:
            shutil.rmtree(leftover.name)
        elif leftover.kind == _HALF_AN_ENVIRONMENT:
            environment = Path(leftover.name)
            with guards.held(_guard_of(environment)):
                if not (environment / _LOCK).exists():
                    _discard(environment)
        else:
            _kill(int(leftover.name))

    def _half_installed(self) -> Iterator[Path]:
        """The environments whose lock is still beside them, and which nobody is installing."""
        for lock in sorted((self._root / "environments").glob("*.lock")):
            environment = lock.with_suffix("")
            with contextlib.suppress(BlockingIOError), guards.held(_guard_of(environment), wait=False):
                yield environment

    def _supplied(self, recipes: Iterable[ImageRecipe], observe: Observer) -> AbstractContextManager[_Supplies]:
        """The files of each environment that is not there yet, by its path; and of bases, where sources are built."""
        from pinlite.engine import supply  # noqa: PLC0415  # as what it imports, only where images are made
        from pinlite.engine.wheels import Pins  # noqa: PLC0415

        without = [recipe for recipe in recipes if recipe.npm or not _is_whole(self._environment(recipe))]
        bases = {recipe.base.name: recipe.base for recipe in without if recipe.builds}
        wanted = [supply.Wanted(str(self._environment(recipe)), Pins.of(recipe)) for recipe in without]
        wanted += [supply.Wanted(name, Pins(base.name, base.lock, base)) for name, base in bases.items()]
        return supply.provided(wanted, self._root, observe)

    def _place(self, recipe: ImageRecipe) -> Path:
        return self._root / "images" / f"{recipe.name}-{_identity(recipe)[:16]}"

    def _environment(self, recipe: ImageRecipe) -> Path:
        """What images with the same packages on the same Python share."""
        kind = _OVERLAY if recipe.interpreter else ""
        return self._root / "environments" / f"{recipe.base.python}-{digest.of_bytes(recipe.installed)[:16]}{kind}"

    def _make_all(self, recipes: Sequence[ImageRecipe], observe: Observer) -> None:
        for recipe in recipes:
            if recipe.base.browser:
                browser.check(recipe.name)
        with self._supplied(recipes, observe) as supplies:
            for recipe in recipes:
                started = time.monotonic()
                observe(BuildStarted(recipe.name, sum(each.file.size or 0 for each in supplies.get(recipe.name, ()))))
                self._make(recipe, supplies, observe)
                observe(BuildFinished(recipe.name, time.monotonic() - started))

    def _make(self, recipe: ImageRecipe, supplies: _Supplies, observe: Observer) -> None:
        from pinlite.engine import supply  # noqa: PLC0415  # as above
        from pinlite.engine.wheels import Pins  # noqa: PLC0415

        folder = self._place(recipe)
        environment = self._environment(recipe)
        with guards.held(_guard_of(folder)):
            if not self.find([recipe]):
                # What is there has a link to an environment that has gone, or has lost its CPython.
                shutil.rmtree(folder, ignore_errors=True)
                observe(BuildProgress(recipe.name, "installing the locked packages", 1, 2))
                self._install(recipe, environment, supplies, observe)
                observe(BuildProgress(recipe.name, "copying the stage programs", 2, 2))
                with temporary.folder(beside=self._half_made) as made:
                    image = Path(made, "image")
                    _write_files(recipe.programs, image / "programs")
                    _write_files(supply.beside(recipe, supplies.get(str(environment), ())), image / "programs")
                    # Relative, so that the cache can be moved.
                    (image / "environment").symlink_to(os.path.relpath(environment, folder))
                    # Compiled where they are not yet to be found, under the path that tracebacks will name.
                    python = recipe.interpreter or environment / "bin" / "python"
                    _compile(python, image / "programs", folder / "programs")
                    (image / "lock").write_text(Pins.of(recipe).key)
                    (image / _IDENTITY).write_text(_identity(recipe))
                    image.rename(folder)

    def _install(self, recipe: ImageRecipe, environment: Path, supplies: _Supplies, observe: Observer) -> None:
        with guards.held(_guard_of(environment)):
            if _is_whole(environment):
                return
            from pinlite.engine import supply  # noqa: PLC0415  # as above

            _discard(environment)
            python = recipe.interpreter or _found(recipe.base.python, observe)
            lock = _lock_of(environment)
            with contextlib.ExitStack() as undone:
                if str(environment) not in supplies:
                    # Somebody has removed the environment meanwhile.
                    supplies = undone.enter_context(self._supplied([recipe], observe))
                undone.callback(_discard, environment)
                lock.write_bytes(recipe.installed)
                files = supplies[str(environment)]
                try:
                    if recipe.interpreter:
                        environment.mkdir()
                        _install(python, files, "--target", environment)
                    else:
                        uv.run("venv", "--quiet", "--clear", "--no-project", "--python", python, environment)
                        python = environment / "bin" / "python"
                        # Sources are built with what the base has and with wheels, as in an image.
                        if recipe.builds:
                            _install(python, supplies[recipe.base.name])
                        _install(python, [each for each in files if not (each.file.is_source or each.file.is_npm)])
                        _install(python, [each for each in files if each.file.is_source], "--no-build-isolation")
                        _install_local(python, recipe.local)
                except uv.UvError as error:
                    raise ImageError(
                        f"the environment of the {recipe.name} image can't be installed:\n{error}",
                        hint=supply.advice(recipe)
                        or "run the same command again; PINLITE_CACHE moves the environments to another disk",
                    ) from error
                # The lock's place in the environment says that all of it is installed.
                lock.rename(environment / _LOCK)
                undone.pop_all()


class _LocalProcess:
    """A worker as a child in a session of its own, so that it can be killed with all that it started."""

    def __init__(self, job: Job) -> None:
        image = Path(job.image.reference)
        scratch = job.scratch
        for folder in (job.inputs, job.outputs, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        self._labels = owner.labels(job)
        environment = ENVIRONMENT | self._labels | {"TMPDIR": str(scratch), "PYTHONPATH": str(image / "programs")}
        command: list[str | Path] = [_python(job.image), "-m", "stagekit", job.program, job.inputs, job.outputs]
        if job.image.interpreter:
            # Where it finds modules of the user's own is for it to say.
            environment = users.surroundings() | {k: v for k, v in environment.items() if k != "PYTHONNOUSERSITE"}
            command.append(_environment_of(job.image))
        else:
            environment |= {"HOME": str(scratch), "PATH": os.defpath}
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=scratch,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise StageCrashError(
                f"the {job.name} program can't be started: {error}",
                hint="`pinlite doctor` says what is wrong with its environment",
            ) from error
        self._end = os.fdopen(os.pidfd_open(self._child.pid), "rb", buffering=0)
        # A limit of the user's own that is stricter can't be raised, and stays.
        with contextlib.suppress(OSError, ValueError):
            # RLIMIT_DATA counts what is allocated; RLIMIT_AS would count what frameworks merely reserve.
            resource.prlimit(self._child.pid, resource.RLIMIT_DATA, (job.limits.memory, job.limits.memory))
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (job.limits.disk, job.limits.disk))

    def send(self, data: bytes) -> None:
        assert self._child.stdin
        self._child.stdin.write(data)
        self._child.stdin.flush()

    def chunks(self) -> Iterator[tuple[Literal["out", "err"], bytes]]:
        """What is written until the process itself ends: one that it started can hold the pipes open for longer."""
        assert self._child.stdout
        assert self._child.stderr
        with (
            self._child.stdout as out,
            self._child.stderr as err,
            self._end as end,
            selectors.DefaultSelector() as selector,
        ):
            for source, name in ((out, "out"), (err, "err"), (end, "end")):
                selector.register(source, selectors.EVENT_READ, name)
            patience = None
            while found := selector.select(patience):
                for key, _ in found:
                    if key.data == "end":
                        selector.unregister(end)
                        patience = 0
                    elif data := os.read(key.fd, _CHUNK):
                        yield key.data, data
                    else:
                        selector.unregister(key.fileobj)

    def check(self) -> None:
        """Nothing stands between the child and its pipes."""

    def ending(self) -> Ending:
        return Ending(self._child.wait())

    def clear(self) -> None:
        """All of its files are in its job's folder."""

    def remove(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        # What made a session of its own still has the labels, and what was killed may take a moment to end.
        while remaining := [pid for pid, labels in _labelled() if labels == self._labels]:
            for pid in remaining:
                _kill(pid)
            time.sleep(_MOMENT)
        assert self._child.stdin
        with contextlib.suppress(BrokenPipeError):  # closing writes what is left to write
            self._child.stdin.close()


def _labelled() -> Iterator[tuple[int, dict[str, str]]]:
    """Every process with a worker's labels in its environment, by its number."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
        except OSError:
            continue  # another user's process, or one that just ended
        pairs = (item.decode(errors="replace").partition("=") for item in environ.split(b"\0"))
        labels = {key: value for key, _, value in pairs if key.partition(".")[0] == owner.MARK}
        if owner.OWNER in labels:
            yield int(process.name), labels


def _image(identity: Path) -> Image:
    """The image whose folder has the file of its identity."""
    folder = identity.parent
    name, _, _ = folder.name.rpartition("-")
    lock = _read(folder / "lock")
    return Image(name, identity.read_text(), str(folder), lock=lock, made=identity.stat().st_mtime)


def _lock_of(environment: Path) -> Path:
    """Where an environment's lock is while it is installed. There is a dot in its name: Python's version."""
    return environment.with_name(f"{environment.name}.lock")


def _environment_of(image: Image) -> Path:
    return Path(image.reference, "environment")


def _python(image: Image) -> Path:
    return image.interpreter or _environment_of(image) / "bin" / "python"


def _found(version: str, observe: Observer) -> Path:
    return repeated(functools.partial(interpreter.find_or_make, version), passes, observe)


def _is_overlay(environment: Path) -> bool:
    """Whether it has packages alone, which an environment of the user's own lacks."""
    return environment.name.endswith(_OVERLAY)


def _starts(environment: Path) -> bool:
    try:
        return (
            subprocess.run(
                [environment / "bin" / "python", "-I", "-c", ""], capture_output=True, check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


def _is_whole(environment: Path) -> bool:
    """Whether all of it is installed, and its CPython, which it only has a link to, is still there."""
    return (environment / _LOCK).exists() and (_is_overlay(environment) or (environment / "bin" / "python").exists())


def _guard_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.guard")


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _discard(environment: Path) -> None:
    """Remove what there is of an environment that is not whole."""
    shutil.rmtree(environment, ignore_errors=True)
    _lock_of(environment).unlink(missing_ok=True)


def _install_local(python: Path, local: Mapping[str, bytes]) -> None:
    """Install the user's own wheels, and build packages of the user's folders."""
    with temporary.folder() as folder:
        _write_files(local, Path(folder))
        packages = sorted({Path(folder, *Path(place).parts[:3]) for place in local})
        if packages:
            _run_pip(python, folder, "--no-build-isolation", *packages)


def _install(python: Path, files: Sequence["Supply"], *options: str | Path) -> None:
    """Install files from where they are for a Python, each held to its hash; no index is asked."""
    if not files:
        return
    places: list[str | Path] = [word for each in files for word in ("--find-links", each.path.parent)]
    with temporary.folder() as folder:
        wanted = Path(folder, _LOCK)
        wanted.write_text("".join(f"{each.file.requirement}\n" for each in files))
        _run_pip(python, folder, *places, "--require-hashes", "--requirements", wanted, *options)


def _run_pip(python: Path, scratch: str, *arguments: str | Path) -> None:
    uv.run(
        *("pip", "install", "--quiet", "--python", python, "--compile-bytecode"),
        *("--offline", "--no-index", "--no-deps", *arguments),
        scratch=scratch,
    )


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _identity(recipe: ImageRecipe) -> str:
    """An image's on an interpreter and a browser of this machine's own; an environment of the user's own has its
    content's.
    """
    if recipe.interpreter:
        return recipe.identity()
    base = recipe.base
    return recipe.identity(base.with_browser(f"cpython-{base.python}", browser.version() if base.browser else ""))


def _write_files(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _compile(python: Path, folder: Path, known_as: Path) -> None:
    subprocess.run(
        [python, "-I", "-m", "compileall", "-q", "-d", str(known_as), folder], check=True, capture_output=True
    )
