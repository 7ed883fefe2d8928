"""The packages of ``--with``, locked with hashes on top of a stage's own lock."""

import functools
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from pinlite import digest
from pinlite.errors import ImageError, UsageError
from pinlite.events import Notice, Observer
from pinlite.inputs import packages, requirements_file
from pinlite.inputs.packages import Description
from pinlite.inputs.paths import WHEEL
from pinlite.inputs.requirements_file import Line
from pinlite.machine import folders, guards, temporary, uv
from pinlite.machine.retries import advice, blames_network, passes, repeated
from pinlite.schema.choices import CURRENT_TOOLCHAIN, DEFAULT_TOOLCHAIN
from pinlite.toolchain import ImageRecipe, bases, days, indexes, locks, source_packages, toolchains, wheel_tags
from pinlite.toolchain.images import SOURCE_LINE
from pinlite.toolchain.source_packages import SourceFile

_STANDS_IN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])? @ file:")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_NO_WHEEL = re.compile(r"([A-Za-z0-9._-]+==\S+) has no usable wheels")
_PYTHON = re.compile(r"(\S+==\S+) depends on Python")
_LATER = "was filtered by `exclude-newer`"
_PUBLISHED = re.compile(r"was published at (\d{4}-\d\d-\d\d)")
_UNDATED = "is missing an upload date"
_WARNING = re.compile(r"(?m)^warning: .*\n?")

Fetch = Callable[[SourceFile], Path]


@dataclass(frozen=True)
class Wanted:
    """What ``--with`` asks for: ``lines`` by name, ``paths`` of wheels and of packages' folders. What the lines don't
    pin, and what all of it needs, is chosen as of the day ``before``; "" is any.
    """

    lines: tuple[Line, ...]
    paths: tuple[Path, ...] = ()
    before: str = ""


@dataclass(frozen=True)
class Added:
    """What is added to an image: ``lock`` has the image's own packages too, and says which exist as source only. It
    lists by their digests the files of ``local``, which are the user's, by their place in the build.
    """

    lock: bytes
    local: Mapping[str, bytes]


def wanted(pinned: tuple[str, ...], paths: tuple[Path, ...], before: str) -> Wanted:
    """What is asked for, with the files of requirements read; a UsageError names a line that is none."""
    files = [path for path in paths if path.suffix != WHEEL and not path.is_dir()]
    lines = [Line(text) for text in pinned] + [line for file in files for line in requirements_file.read(file)]
    return Wanted(tuple(lines), tuple(path for path in paths if path not in files), before)


def locked(asked: Wanted, image: ImageRecipe, fetch: Fetch, observe: Observer) -> Added:
    """A lock with the image's packages, those that are asked for, and what those need, each with its hashes.

    It is made once and kept, because a resolver's answer changes with the index. ``fetch`` gets the source of a package
    that exists as nothing else.

    Raises:
        UsageError: A wheel or a folder is none, or is for another Python or platform.
        ImageError: The packages don't exist, have no wheel for the image's CPython, or contradict its pins; or the
            index can't be reached.
    """
    own = [_described(path, image) for path in asked.paths]
    _check_each_once(own)
    local = _files(asked.paths)
    question = [
        sorted((line.requirement, *sorted(line.allowed)) for line in asked.lines),
        [astuple(package) for package in own],
        {place: digest.of_bytes(data) for place, data in local.items()},
        asked.before,
        *(digest.of_bytes(image.lock), image.base.python, image.base.wheels),
    ]
    kept = folders.cache() / "locks" / f"{digest.of_json(question)}.lock"
    with guards.held(kept.with_suffix(".guard")):
        if not kept.exists():
            _tell(own, observe)
            chosen = repeated(lambda: _Resolution(asked, own, image, fetch, observe).lock(), passes, observe)
            made = kept.with_suffix(".made")
            made.write_text(_list_of(local) + chosen)
            made.replace(kept)
    return Added(kept.read_bytes(), local)


def _described(path: Path, image: ImageRecipe) -> Description:
    if path.is_dir():
        return packages.of_folder(path)
    found = packages.of_wheel(path)
    if wheel_tags.best([{"url": path.name}], image.base) is None:
        raise UsageError(
            f"--with {path}: this wheel is for another Python or platform than CPython {image.base.python} on "
            f"{image.base.platform}",
            hint=_other_toolchain(lambda base: wheel_tags.best([{"url": path.name}], base) is not None, image)
            or "give a wheel of that Python, or the package's folder, of which one is built",
        )
    return found


def _check_each_once(described: list[Description]) -> None:
    names = [package.name for package in described]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--with gives {twice} twice, as a wheel or a folder", hint="leave one of them out")


def _files(paths: tuple[Path, ...]) -> dict[str, bytes]:
    """The content of wheels and folders by its place in a build, which has a folder for each."""
    found = {}
    for at, path in enumerate(paths):
        if path.is_dir():
            for file in packages.files_of(path):
                found[f"local/{at}/package/{file.relative_to(path).as_posix()}"] = file.read_bytes()
        else:
            found[f"local/{at}/{path.name}"] = path.read_bytes()
    return found


def _list_of(local: Mapping[str, bytes]) -> str:
    """Comments in a lock, by which it changes with the user's own files."""
    return "".join(f"# sha256:{digest.of_bytes(data)} {json.dumps(place)}\n" for place, data in local.items())


def _tell(described: list[Description], observe: Observer) -> None:
    for package in described:
        if not package.is_complete:
            observe(Notice(f"what {package.name} needs is decided while it is built: add that by --with of its own"))
        for requirement in package.elsewhere:
            observe(Notice(f"{package.name} needs {requirement}: addresses are not followed, so give that by --with"))


class _Resolution:
    """Versions chosen for one question, again and again: with what each source says that turns out to be needed."""

    def __init__(
        self, asked: Wanted, own: list[Description], image: ImageRecipe, fetch: Fetch, observe: Observer
    ) -> None:
        self._asked = asked
        self._own = own
        self._image = image
        self._fetch = fetch
        self._observe = observe
        self._sources: dict[str, tuple[SourceFile, Description]] = {}
        named = (*asked.lines, *(Line(requirement) for package in own for requirement in package.requires))
        pinned = [line.name for line in named if line.is_pinned]
        self._day = days.options(asked.before, [*image.versions, *pinned])

    def lock(self) -> str:
        while True:
            with temporary.folder() as folder:
                try:
                    return self._compiled(Path(folder))
                except uv.UvError as error:
                    failed = error
            source = None if blames_network(failed) else self._source(str(failed))
            if source is None:
                raise self._explained(failed) from failed
            self._observe(Notice(f"{source.filename} exists as source only: its code runs when it is built"))
            said = packages.of_archive(self._fetch(source), source.package, source.version)
            _tell([said], self._observe)
            self._sources[source.package] = source, said

    def _compiled(self, folder: Path) -> str:
        base, listed, lock = (Path(folder, name) for name in ("base.lock", "asked.in", "made.lock"))
        places = [
            source_packages.stand_in(package, folder, self._image.base, built=built)
            for package, built in (
                *((said, True) for _, said in self._sources.values()),
                *((own, path.is_dir()) for own, path in zip(self._own, self._asked.paths, strict=True)),
            )
        ]
        names = [*self._sources, *(package.name for package in self._own)]
        lines = [line.requirement for line in self._asked.lines]
        lines += [f"{name} @ {place.resolve().as_uri()}" for name, place in zip(names, places, strict=True)]
        base.write_bytes(self._image.lock)
        listed.write_text("\n".join(sorted(lines)) + "\n")
        uv.run(
            *("pip", "compile", "--no-progress", "--no-header", "--no-annotate", "--generate-hashes"),
            # uv reads wheels only: without this, it would look for the image's Python, and download it.
            *("--python", sys.executable, "--no-python-downloads"),
            *("--python-version", self._image.base.python, "--python-platform", self._image.base.wheels),
            *("--only-binary", ":all:"),
            *self._day,
            *indexes.beside(
                f"{self._image.lock.decode()}\n{listed.read_text()}", self._image.index, self._image.base, folder
            ),
            *("--constraint", base, "--output-file", lock, base, listed),
        )
        entries = [self._entry(entry) for entry in re.split(r"\n(?=\S)", lock.read_text().rstrip("\n"))]
        sources = [f"{SOURCE_LINE} {name}\n" for name in sorted(self._sources)]
        return "".join([*sources, *(f"{entry}\n" for entry in entries if entry)])

    def _entry(self, entry: str) -> str:
        """A lock's, with a source's own file where something stood for it; "" for what stood for the user's own."""
        if found := _STANDS_IN.match(entry):
            if found["name"] not in self._sources:
                return ""
            source, _ = self._sources[found["name"]]
            entry = f"{source.package}=={source.version} \\\n    --hash=sha256:{source.sha256}"
        name = _NAME.match(entry)
        limits = [
            line.allowed
            for line in self._asked.lines
            if line.allowed and name and canonicalize_name(line.name) == name[0]
        ]
        if not limits:
            return entry
        allowed = sorted(frozenset.intersection(frozenset(_HASH.findall(entry)), *limits))
        if not allowed:
            raise ImageError(
                f"the package index has no file of {entry.split()[0]} with a hash that --with allows",
                hint="check where the file of requirements comes from, and that its hashes are of this version",
            )
        return entry.split(" \\\n")[0] + "".join(f" \\\n    --hash=sha256:{sha256}" for sha256 in allowed)

    def _source(self, said: str) -> SourceFile | None:
        """The source of the package that uv has no wheel of."""
        found = locks.SOURCE_ONLY.search(said)
        if found is None or found[1] in self._sources:
            return None
        name = found[1]
        limits = re.findall(rf"(?:requires?|depends on) {re.escape(name)}((?:[<>=!~]=?[^\s,]+,?)+)", said)
        limits += re.findall(rf"{re.escape(name)}(==\S+) has no usable wheels", said)
        specifiers = ",".join(dict.fromkeys(limit.strip(",") for limit in limits))
        return source_packages.find(name + specifiers, self._image.base, self._day)

    def _explained(self, error: uv.UvError) -> ImageError:
        said = str(error)
        text = _WARNING.sub("", said).strip()
        return ImageError(
            f"the packages of --with can't be added to the pins of the export image:\n{text}", hint=self._hint(said)
        )

    def _hint(self, said: str) -> str:
        image, asked = self._image, self._asked
        if blames_network(ImageError(said)):
            return advice(ImageError(said))
        if asked.before and _UNDATED in said:
            return "the package index does not say when files were uploaded: give --with-before any"
        if asked.before and _LATER in said:
            day = next(iter(_PUBLISHED.findall(said)), "any")
            return f"packages are chosen as of {asked.before}: give a later day, as --with-before {day}"
        named = {canonicalize_name(line.name) for line in asked.lines}
        if conflict := next((name for name in image.versions if name in named and f"{name}==" in said), None):
            return (
                f"{image.name} has {conflict} {image.versions[conflict]}: leave {conflict} out, or choose another "
                "--toolchain"
            )
        blamed = next((found[1] for pattern in (_PYTHON, _NO_WHEEL) if (found := pattern.search(said))), None)
        if blamed and (other := _other_toolchain(functools.partial(source_packages.runs_on, blamed), image)):
            return f"{blamed} has no wheel for CPython {image.base.python}: {other}, or an older version"
        return f"choose older versions, which run on CPython {image.base.python} with the pins of {image.name}"


def _other_toolchain(runs: Callable[[bases.Base], bool], image: ImageRecipe) -> str:
    """The toolchain that exports on a Python for which something runs, as a hint; "" where there is none."""
    for name in (DEFAULT_TOOLCHAIN, CURRENT_TOOLCHAIN):
        base = toolchains.load(name).images["torch"].base
        if base.python != image.base.python and runs(base):
            return f"give --toolchain {name}, which has CPython {base.python}"
    return ""
