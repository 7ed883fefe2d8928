"""Writing toolchains: a copy of another one to change, and one with the versions that an old project recorded."""

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinlite.errors import ImageError, UsageError
from pinlite.events import Notice, Observer
from pinlite.inputs.paths import existing_file
from pinlite.toolchain import bases, days, locks, runtimes, targets, toolchains
from pinlite.toolchain.bases import Base
from pinlite.toolchain.images import FILE, LOCK, REQUIREMENTS, normalized
from pinlite.toolchain.toolchains import PINS, ROLES

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*==\s*(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)")

# TensorFlow without GPU support is the same Python package, and makes the same bytes.
_SAME = {"tensorflow": "tensorflow-cpu", "tensorflow-gpu": "tensorflow-cpu"}


@dataclass(frozen=True)
class _Part:
    """What an image of a role holds: ``packages``, of which a project has to pin the first; ``programs``; ``on`` is the
    role of the image that it adds to.
    """

    packages: tuple[str, ...]
    programs: str
    description: str
    on: str = ""


_PARTS: Mapping[str, _Part] = {
    "torch": _Part(("torch", "torchvision"), "torch_export", "a PyTorch {} model to ONNX"),
    "onnx": _Part(("onnx", "onnxruntime"), "onnx_check", "ONNX {} checked and run"),
    "tensorflow": _Part(("tensorflow-cpu",), "tflite_convert", "a TensorFlow {} SavedModel to TFLite"),
    "onnx-tf": _Part(("onnx-tf", "onnx"), "onnx_translate", "ONNX to a SavedModel by onnx-tf {}", on="tensorflow"),
}
_TOOLCHAIN = """\
# {why}
description = "{description}"
{date}opsets = {{ least = {opsets.least}, most = {opsets.most}, default = {opsets.default} }}
lowerings = [{lowerings}]
target = "{target}"

# What serves the stages: pins/<image>/ beside this file, or what pinlite brings.
[images]
{images}
"""
# As of which day packages of --with are chosen.
_DATE = 'date = "{}"\n'
_SAID_DATE = re.compile(r"(?m)\A((?:[^\[\n].*\n|\n)*?)date = .*\n")
_DESCRIPTION = re.compile(r"(?m)^description = .*\n")
_RUNTIME = """
[[runtimes]]
image = "{image}"
program = "{program}"
package = "{package}"
{more}"""
_TARGET = """
[targets."{name}"]
description = "every runtime since TensorFlow {version}"

[targets."{name}".since]
tensorflow = "{version}"
tensorflow-cpu = "{version}"
tflite-runtime = "{version}"
ai-edge-litert = "1.0"
"""


def new(file: Path, like: str) -> None:
    """Write a copy of a toolchain's file, for the user to change.

    Raises:
        UsageError: The file exists already or can't be written, or there is no toolchain to copy.
    """
    _check_new(file)
    _write(file, toolchains.load(like).file.read_text())


def lock(text: str, observe: Observer, *, before: str | None = None) -> None:
    """Write the locks of a toolchain's own images, and of those that its targets bring, parents first. For a toolchain
    that pinlite brings, these are all of its images, and the bases. The day ``before`` becomes that of the toolchain.

    Raises:
        UsageError: As `toolchains.load`.
        ImageError: As `locks.write`.
    """
    said, pins = toolchains.read(text)
    own, before = pins[0], _day(before)
    if not toolchains.is_file(text):
        for base in bases.load().values():
            locks.lock_base(base, observe)
    known = targets.load()
    brought = [
        *targets.images(known | targets.of(said.targets, known)),
        *(row.image for row in runtimes.added().values()),
    ]
    for name in locks.in_order([*said.images.values(), *(row.image for row in said.runtimes), *brought], pins):
        if (own / name / FILE).is_file():
            locks.lock_image(name, pins, observe, before=before)
    if before and toolchains.is_file(text):
        _date(Path(text), before)


def _date(file: Path, day: str) -> None:
    """Have a toolchain's file name the day, before its first table, in place of another one."""
    text = _SAID_DATE.sub(r"\1", file.read_text())
    _write(file, _DESCRIPTION.sub(lambda found: found[0] + _DATE.format(day), text, count=1))


def from_requirements(
    file: Path, requirements: Path, observe: Observer, *, before: str | None = None, python: str | None = None
) -> None:
    """Write a toolchain's file, and the pins of its images beside it, from the ``pip freeze`` of a project.

    Its versions hold in every image that needs the package; other packages are chosen as of the day ``before``
    (2021-09-01). ``python`` (3.8) names the base; without it, it is the first that all packages have wheels for.

    Raises:
        UsageError: The file exists already, the requirements don't pin torch, for example, or no base has the Python.
        ImageError: Packages don't exist, contradict each other, or have no wheels. No files are left then.
    """
    _check_new(file)
    before = _day(before)
    pinned = _pinned(existing_file(requirements), observe)
    missing = [part.packages[0] for part in _PARTS.values() if part.packages[0] not in pinned]
    if missing:
        raise UsageError(
            f"{requirements} does not pin {', '.join(missing)}", hint="add a line like torch==1.9.0 for each of them"
        )
    pins = file.parent / PINS
    names = {role: f"{role}-{pinned[part.packages[0]]}" for role, part in _PARTS.items()}
    if taken := [name for name in names.values() if (pins / name).exists()]:
        raise UsageError(f"{pins / taken[0]} exists already", hint="remove it, or choose another folder")
    made: list[Path] = []
    try:
        _make(names, pins, pinned, observe, before=before, candidates=_candidates(python), made=made)
        _write(file, _text(requirements, before, names, pinned))
    except BaseException:
        for folder in made:
            _remove(folder)
        raise


def _make(
    names: Mapping[str, str],
    pins: Path,
    pinned: Mapping[str, str],
    observe: Observer,
    *,
    before: str | None,
    candidates: Sequence[Base],
    made: list[Path],
) -> None:
    """The pins of all images, on the first base that has wheels for all of them."""
    for base in candidates:
        try:
            for role, part in _PARTS.items():
                folder = pins / names[role]
                if folder not in made:
                    folder.mkdir(parents=True)
                    made.append(folder)
                _lock(folder, functools.partial(_describe, folder, part, base, names, pinned), observe, pinned, before)
        except ImageError as error:
            if base is candidates[-1] or not locks.NO_WHEEL.search(error.message):
                raise
            observe(Notice(f"not all packages have wheels for Python {base.python}"))
        else:
            return


def _lock(
    folder: Path,
    describe: Callable[[Sequence[str]], None],
    observe: Observer,
    pinned: Mapping[str, str],
    before: str | None,
) -> None:
    """The lock of an image, with packages as source where there are no wheels; ``describe`` writes the other files."""
    sources: list[str] = []
    while True:
        describe(sources)
        try:
            locks.lock_image(folder.name, [folder.parent], observe, pinned=pinned, before=before)
        except ImageError as error:
            found = locks.SOURCE_ONLY.search(error.message)
            if found is None or found[1] in sources:
                raise
            sources.append(found[1])
        else:
            break
    if sources:
        observe(Notice(f"{', '.join(sources)} exist only as source: their setup.py runs when {folder.name} is made"))


def _describe(
    folder: Path,
    part: _Part,
    base: Base,
    names: Mapping[str, str],
    pinned: Mapping[str, str],
    sources: Sequence[str],
) -> None:
    below = f'from = "{names[part.on]}"' if part.on else f'base = "{base.name}"'
    description = part.description.format(pinned[part.packages[0]])
    lines = [f'description = "{description}"', below, f'programs = ["stagekit", "{part.programs}"]']
    if sources:
        lines.append(f"sources = {json.dumps(sources)}")
    asked = [f"{name}=={pinned[name]}" if name in pinned else name for name in part.packages]
    if part.on:
        asked += [f"{name}=={pinned[name]}" for name in _PARTS[part.on].packages]
    _write(folder / FILE, "\n".join(lines) + "\n")
    _write(folder / REQUIREMENTS, "\n".join(asked) + "\n")
    (folder / LOCK).unlink(missing_ok=True)


def _text(requirements: Path, before: str | None, names: Mapping[str, str], pinned: Mapping[str, str]) -> str:
    classic = toolchains.load()
    # Beside the interpreter of the project's own TensorFlow, the runtimes of today's devices.
    version = ".".join(pinned["tensorflow-cpu"].split(".")[:2])
    target = f"tflite-{version}"
    known = target in classic.targets
    rows = [(names["tensorflow"], "tflite_convert.convert", "tensorflow-cpu", "select-tf = true\n")]
    rows += [(row.image, row.program, row.package, "") for row in classic.runtimes if not row.select_tf]
    text = _TOOLCHAIN.format(
        why=f"The versions of {requirements.name}" + (f", as of {before}." if before else "."),
        date=_DATE.format(before) if before else "",
        description=", ".join(f"{part.packages[0]} {pinned[part.packages[0]]}" for part in _PARTS.values()),
        opsets=classic.opsets,
        lowerings='"stock"',
        target=target,
        images="\n".join(f'{role} = "{names[role]}"' for role in ROLES),
    )
    text += "".join(
        _RUNTIME.format(image=image, program=program, package=package, more=more)
        for image, program, package, more in rows
    )
    return text if known else text + _TARGET.format(name=target, version=version)


def _pinned(file: Path, observe: Observer) -> dict[str, str]:
    """Versions by package, from the lines that pin one."""
    found: dict[str, str] = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        text = line.partition("#")[0].partition(";")[0].split(" --hash")[0].strip().rstrip("\\").strip()
        if matched := _PIN.fullmatch(text):
            name = normalized(matched["name"])
            # A local version names a build, as +cu110, which is not on the index.
            found[_SAME.get(name, name)] = matched["version"].partition("+")[0]
        elif text and not text.startswith("--hash"):
            observe(Notice(f"{file}, line {number}: {text} is left out, because it pins no version"))
    return found


def _day(text: str | None) -> str | None:
    return text if text is None else days.checked("--before", text)


def _candidates(python: str | None) -> list[Base]:
    known = bases.load()
    found = [base for base in known.values() if python in (None, base.python)]
    if not found:
        raise UsageError(
            f"no base has Python {python}",
            hint=f"choose {' or '.join(base.python for base in known.values())}; images/bases.toml lists the bases",
        )
    return found


def _check_new(file: Path) -> None:
    if not toolchains.is_file(str(file)):
        raise UsageError(f"{file} can't name a toolchain's file", hint=f"e.g. {file.stem}{toolchains.SUFFIX}")
    if file.exists():
        raise UsageError(f"{file} exists already", hint="give another name; no file was changed")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise UsageError(
            f"{file} can't be written: {error.strerror}", hint="give a folder that you may write"
        ) from error


def _remove(folder: Path) -> None:
    for name in (FILE, REQUIREMENTS, LOCK):
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()
