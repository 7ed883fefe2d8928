"""What a wheel, a package's folder or the archive of a source says of itself. No code of it is run."""

import ast
import configparser
import email.parser
import os
import re
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from pinlite import digest
from pinlite.errors import UsageError
from pinlite.inputs.paths import check_closed

_PROJECT, _SETUP, _CONFIG, _INFO, _REQUIRES = "pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO", "requires.txt"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
# Before this one, metadata did not say whether what it leaves out is decided by the build.
_STATIC = Version("2.2")
# What is read of a description, and the sizes that a source archive may claim.
_LARGEST, _LARGEST_ARCHIVE = 2**20, 2**31
# What reading an archive raises if it is damaged; NotImplementedError is zipfile's, for an unknown compression.
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@dataclass(frozen=True)
class Description:
    """A package as it describes itself. ``requires`` is what it needs where it runs, ``builds_with`` where it is built;
    ``python`` are the versions of Python that it is for, "" for any; ``elsewhere`` are requirements by an address.
    ``is_complete`` says that ``requires`` could be read: a setup.py decides it while it runs.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    builds_with: tuple[str, ...] = ()
    python: str = ""
    elsewhere: tuple[str, ...] = ()
    is_complete: bool = True


def of_wheel(path: Path) -> Description:
    """A UsageError if it is none."""
    hint = "give it as it was built: NAME-VERSION-PYTHON-ABI-PLATFORM.whl"
    try:
        name, version, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        raise UsageError(f"{path} has no name of a wheel", hint=hint) from None
    if not _NAME.fullmatch(name):
        raise UsageError(f"{path} has no name of a wheel", hint=hint)
    try:
        with zipfile.ZipFile(path) as archive:
            inner = next(
                entry
                for entry in archive.infolist()
                if re.fullmatch(r"[^/]+\.dist-info/METADATA", entry.filename) and entry.file_size <= _LARGEST
            )
            said = _Metadata(archive.read(inner))
    except (*_DAMAGED, StopIteration) as error:
        raise UsageError(f"{path} is not a wheel: {error or 'it has no METADATA'}", hint=hint) from None
    if canonicalize_name(said.one("Name")) != name or _version(said.one("Version")) != str(version):
        raise UsageError(f"{path} holds {said.one('Name')} {said.one('Version')}", hint=hint)
    return _described(name, str(version), said.all("Requires-Dist"), python=said.one("Requires-Python"))


def of_folder(folder: Path) -> Description:
    """A UsageError if it can't be built, or has links that lead out of it."""
    found = {file.relative_to(folder).as_posix(): file for file in files_of(folder)}
    if not {_PROJECT, _SETUP} & found.keys():
        raise UsageError(
            f"{folder} is a folder without {_PROJECT} or {_SETUP}, so it can't be built",
            hint="give the folder that has one; modules beside the model's own file are found without --with",
        )
    texts = {name: _beginning(found[name]) for name in (_PROJECT, _SETUP, _CONFIG) if name in found}
    try:
        return _of_source(texts, fallback=folder.resolve().name)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{folder / _PROJECT} is not TOML: {error}", hint="mend it") from None


def of_archive(path: Path, name: str, version: str) -> Description:
    """The source of a package of that name and version; nothing but these is known of one that can't be read."""
    try:
        texts = dict(_texts(path))
        found = _of_source(texts, fallback=name)
    except (*_DAMAGED, tomllib.TOMLDecodeError, RecursionError):
        return Description(name, version, is_complete=False)
    return _described(name, version, found.requires, found.builds_with, found.python, is_complete=found.is_complete)


def files_of(folder: Path) -> list[Path]:
    """The files of a package's folder, sorted by their path: without hidden ones, bytecode, environments, and what
    earlier builds have left. A UsageError if a link in it leads out of it.
    """
    found = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not _is_left_out(Path(place, name))]
        kept = [path for name in (*inner, *names) if not _is_left_out(path := Path(place, name))]
        check_closed(kept, folder)
        found += [path for path in kept if path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def digests(folder: Path) -> dict[str, str]:
    """Those of a package's files, by their POSIX path there."""
    return {path.relative_to(folder).as_posix(): digest.of_file(path) for path in files_of(folder)}


def _is_left_out(path: Path) -> bool:
    return (
        path.name.startswith(".")
        or path.name == "__pycache__"
        or path.suffix in (".pyc", ".egg-info")
        or (path / "pyvenv.cfg").is_file()
    )


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LARGEST)


def _texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """What describes the package in an archive with one folder, by `_described_in`."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if (name := _described_in(entry.filename)) and entry.file_size <= _LARGEST:
                    yield name, archive.read(entry)
        return
    with tarfile.open(path) as tar:
        claimed = 0
        for member in tar:
            claimed += member.size
            if claimed > _LARGEST_ARCHIVE:
                raise tarfile.TarError("it is too large")
            if member.isfile() and member.size <= _LARGEST and (name := _described_in(member.name)):
                stream: IO[bytes] | None = tar.extractfile(member)
                yield name, stream.read() if stream else b""


def _described_in(path: str) -> str:
    """What a file of an archive is known as here: by its name, which setuptools has in ``egg-info``, too; or ""."""
    folder, _, inner = path.removeprefix("./").partition("/")
    if not folder or "/" not in inner:
        return inner if inner in (_PROJECT, _SETUP, _CONFIG, _INFO) else ""
    *_, place, name = inner.split("/")
    return f"egg-info/{name}" if place.endswith(".egg-info") and name in (_INFO, _REQUIRES) else ""


def _of_source(texts: Mapping[str, bytes], fallback: str) -> Description:
    toml = tomllib.loads(texts.get(_PROJECT, b"").decode(errors="replace"))
    project, build = _table(toml, "project"), _table(toml, "build-system")
    config, called = _Config(texts.get(_CONFIG, b"")), _setup_call(texts.get(_SETUP, b""))
    name = _text(project.get("name")) or config.one("metadata", "name") or _text(called.get("name"))
    version = _text(project.get("version")) or config.one("metadata", "version") or _text(called.get("version"))
    requires = _requires(texts, project, config, called)
    return _described(
        canonicalize_name(
            name if _NAME.fullmatch(name) else re.sub(r"[^a-z0-9]+", "-", fallback.lower()).strip("-") or "x"
        ),
        _version(version),
        requires or (),
        _list(build.get("requires")) or (),
        _text(project.get("requires-python")) or config.one("options", "python_requires"),
        is_complete=requires is not None,
    )


def _requires(
    texts: Mapping[str, bytes], project: Mapping[str, Any], config: "_Config", called: Mapping[str, Any]
) -> list[str] | None:
    """What a source needs, by the first of its files that says so; None where that is decided while it is built."""
    info = _Metadata(texts.get(_INFO, b""))
    dynamic = {text.lower() for text in info.all("Dynamic")}
    if info.all("Requires-Dist") or (info.is_static and "requires-dist" not in dynamic):
        return info.all("Requires-Dist")
    if project and "dependencies" not in (_list(project.get("dynamic")) or ()):
        return _list(project.get("dependencies")) or []
    if f"egg-info/{_INFO}" in texts:
        return _of_requires_txt(texts.get(f"egg-info/{_REQUIRES}", b""))
    if listed := config.one("options", "install_requires"):
        return [line.strip() for line in listed.splitlines() if line.strip()]
    if called:
        return _list(called.get("install_requires", []))
    return None


def _of_requires_txt(data: bytes) -> list[str]:
    """What setuptools writes: requirements, then those of sections, ``[extra:marker]``; extras are left out."""
    found, extra, marker = [], "", ""
    for line in data.decode(errors="replace").splitlines():
        if section := re.fullmatch(r"\[([^:]*):?(.*)\]", line.strip()):
            extra, marker = section.groups()
        elif line.strip() and not extra:
            found.append(f"{line.strip()} ; {marker}" if marker else line.strip())
    return found


def _described(
    name: str,
    version: str,
    requires: Iterable[str],
    builds_with: Iterable[str] = (),
    python: str = "",
    *,
    is_complete: bool = True,
) -> Description:
    """Requirements that are none are left out, and so are those of extras."""
    wanted = [found for text in requires if (found := _requirement(text))]
    wanted = [found for found in wanted if not (found.marker and "extra" in str(found.marker))]
    return Description(
        name=name,
        version=version,
        requires=tuple(str(found) for found in wanted if not found.url),
        builds_with=tuple(str(found) for text in builds_with if (found := _requirement(text)) and not found.url),
        python=_python(python),
        elsewhere=tuple(str(found) for found in wanted if found.url),
        is_complete=is_complete,
    )


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _python(text: str) -> str:
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return ""


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        return "0"


def _table(toml: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = toml.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[str] | None:
    """Texts, or one with a line for each; None for what is neither."""
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return [*value]
    return None


class _Metadata:
    """The fields of a METADATA or PKG-INFO."""

    def __init__(self, data: bytes) -> None:
        self._said = email.parser.HeaderParser().parsestr(data.decode(errors="replace"))

    def one(self, key: str) -> str:
        return str(self._said.get(key, ""))

    def all(self, key: str) -> list[str]:
        return [str(value) for value in self._said.get_all(key, ())]

    @property
    def is_static(self) -> bool:
        return Version(_version(self.one("Metadata-Version"))) >= _STATIC


class _Config:
    """A setup.cfg."""

    def __init__(self, data: bytes) -> None:
        self._said = configparser.RawConfigParser()
        try:
            self._said.read_string(data.decode(errors="replace"))
        except configparser.Error:
            self._said.clear()

    def one(self, section: str, key: str) -> str:
        """A value that stands there itself, and not in a file that it names."""
        found = self._said.get(section, key, fallback="")
        return "" if found.startswith(("attr:", "file:")) else found


def _setup_call(data: bytes) -> dict[str, Any]:
    """What a setup.py gives setup() in so many words; what it computes is None. Empty without a call of setup()."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node.func) == "setup"]
    found: dict[str, Any] = {"name": None} if calls else {}
    for call in calls:
        for keyword in call.keywords:
            found[keyword.arg or "**"] = _literal(keyword.value)
    if "**" in found:
        found.setdefault("install_requires", None)
    return found


def _called(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
