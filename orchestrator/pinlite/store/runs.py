"""A repeated command: if nothing that it read has changed, its result comes from the store.

That each of its actions is a hit would say the same, after imports that take ten times as long. This module, and what
it imports, are to stay cheap.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pinlite import digest, trust
from pinlite.digest import HashedPath
from pinlite.inputs import dependencies
from pinlite.inputs.dependencies import Dependency
from pinlite.machine import folders
from pinlite.store import output
from pinlite.store.files import Damaged, Store

if TYPE_CHECKING:
    from pinlite.schema.recipe import Recipe
    from pinlite.schema.report import Report

_SCHEMA = "pinlite.run/1"

# What was read, as `pinlite.inputs.dependencies` tells it: how, where, and its digest.
State = list[tuple[dependencies.Kind, str, str]]
Contents = Mapping[Path, HashedPath]


class Shown(dict[str, Any]):
    """What is in a report, as its JSON has it, with the attributes of a `Report`."""

    def __getattr__(self, name: str) -> Any:
        return self["from" if name == "origin" else name]


@dataclass(frozen=True)
class Known:
    """What a command left in its output folder: ``files`` by name, with whether that is a folder, and the digest;
    ``given`` says of which of them the user's own file is there, and where; ``documents`` by name, the report among
    them.
    """

    key: str
    out: Path
    documents: Mapping[str, str]
    files: Mapping[str, tuple[bool, str]]
    given: Mapping[str, Path]

    @property
    def report(self) -> Any:
        """The report, for `pinlite.ui.tables` or as JSON: what ran then is a hit now."""
        found = json.loads(self.documents[output.REPORT], object_hook=Shown)
        for stage in found.stages:
            stage["source"] = "hit" if stage.source == "ran" else stage.source
        return found


def find(arguments: Sequence[str], own: str = "") -> Known | None:
    """What the command line came to before; None where anything that it read has changed, or pinlite itself, whose
    `own_files` are looked at anew unless they are given.
    """
    key = key_of(arguments, own)
    record = Store().read("runs", key)
    try:
        if record is None or _has_changed(record["read"]):
            return None
        files = {name: (bool(folder), str(sha256)) for name, (folder, sha256) in record["files"].items()}
        given = record.get("given", {})
        files |= {name: (False, str(sha256)) for name, (sha256, _) in given.items()}
        given = {name: Path(path) for name, (_, path) in given.items()}
        return Known(key, Path(record["out"]), {**record["documents"]}, files, given)
    except (TypeError, KeyError, ValueError, AttributeError, OSError):
        return None


def publish(known: Known) -> bool:
    """Write the output folder, unless it holds all of it already; False where the store no longer has it.

    Raises:
        UsageError: As `pinlite.store.output.publish`.
    """
    store = Store()

    def fill(folder: Path) -> None:
        for name, (is_folder, sha256) in known.files.items():
            if name in known.given:
                _copy(known.given[name], folder / name, sha256)
            else:
                store.take(sha256, folder / name, folder=is_folder, linked=False)

    try:
        if not _is_there(known):
            output.publish(fill, known.documents, known.out)
    except Damaged:
        store.drop("runs", known.key)
        return False
    store.note_use("runs", known.key)
    return True


def _copy(source: Path, target: Path, sha256: str) -> None:
    """Copy what the user gave; Damaged where it is another one by now."""
    shutil.copyfile(source, target)
    if digest.of_file(target) != sha256:
        raise Damaged(sha256)


def _has_changed(read: State, contents: Contents = MappingProxyType({})) -> bool:
    """Whether anything that was read is another one; ``contents`` are files that need not be hashed to see that."""
    for kind, path, known in read:
        content = contents.get(Path(path))
        is_known = content is not None and content.sha256 == known and content.is_unchanged
        if not is_known and dependencies.digest_of(kind, Path(path)) != known:
            return True
    return False


def _is_there(known: Known) -> bool:
    try:
        names = {path.name for path in known.out.iterdir()}
        return (
            names == {*known.documents, *known.files}
            and all((known.out / name).read_text() == text for name, text in known.documents.items())
            and all(digest.of_path(known.out / name) == sha256 for name, (_, sha256) in known.files.items())
        )
    except OSError:
        return False


def state(read: Iterable[Dependency], *others: Path) -> State:
    """All that a recipe reads of the user's, and ``others``, with the digest of each."""
    known: State = [(each.kind, str(each.path), each.digest) for each in read]
    return [*known, *(("path", str(path), dependencies.digest_of("path", path)) for path in others)]


def keep(
    arguments: Sequence[str],
    recipe: "Recipe",
    before: State,
    report: "Report",
    *,
    written: Path | None = None,
    own: str = "",
    contents: Contents = MappingProxyType({}),
) -> None:
    """Keep what a command came to, whose outcome is in its output folder; ``before`` is the `state` it started from,
    ``written`` a file that it has left beside, ``contents`` the single files of `state`, by their paths.

    Nothing is kept where what it read has changed meanwhile, or the store can't be written.
    """
    if _has_changed(before, contents):
        return
    store = Store()
    own_copies = {content.sha256: str(path.absolute()) for path, content in contents.items()}
    with contextlib.suppress(OSError), store.committing():
        files, given = {}, {}
        for artifact in report.artifacts:
            path = recipe.out / artifact.path
            is_folder = path.is_dir()
            if artifact.sha256 in own_copies:
                # A model that was not changed is there once more; the store has no need of it.
                given[artifact.path] = own_copies[artifact.sha256]
            # Most of the rest is what the actions have kept already.
            elif not store.has(artifact.sha256, folder=is_folder) and store.put(path) != artifact.sha256:
                return
            files[artifact.path] = is_folder, artifact.sha256
        documents = {path.name: path.read_text() for path in recipe.out.iterdir() if path.name in output.DOCUMENTS}
        left = [("path", str(written), dependencies.digest_of("path", written))] if written else []
        record = {
            "read": [*before, *left],
            "out": str(recipe.out),
            "files": {name: found for name, found in files.items() if name not in given},
            "given": {name: (files[name][1], path) for name, path in given.items()},
            "documents": documents,
        }
        store.write("runs", key_of(arguments, own), record)


def key_of(arguments: Sequence[str], own: str = "") -> str:
    """The variables of keys decide whose results are believed."""
    asked = {"schema": _SCHEMA, "command": list(arguments), "folder": str(Path.cwd()), "pinlite": own or own_files()}
    keys = {name: os.environ[name] for name in (trust.SIGNING, trust.TRUSTED) if name in os.environ}
    return digest.of_json(asked | keys)


def own_files() -> str:
    """Pinlite's own files, by size and time of change: whoever edits them wants to see what that does."""
    own = [entry for folder in (Path(__file__).parents[1], folders.IMAGES) for entry in sorted(_entries(folder))]
    return digest.of_json(own)


def _entries(folder: Path | str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _entries(entry.path) if entry.name != "__pycache__" else ()
            else:
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns
