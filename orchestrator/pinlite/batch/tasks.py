"""From what a command is given to the conversions of a batch, each with its options and its folder."""

import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinlite.batch import models_file
from pinlite.batch.models_file import Entry
from pinlite.errors import UsageError
from pinlite.options.checked import checked
from pinlite.options.declared import Settings

_PATTERN = re.compile(r"[*?\[]")
_TOML = ".toml"
# What no folder's name should have.
_STRANGE = re.compile(r"[^\w.+=,@%-]+")
_MOST_NAMES = 5


@dataclass(frozen=True)
class Task:
    """One conversion of a batch: its ``name``, its result's folder, and its options under the keys of pinlite.toml,
    the source and that folder among them.
    """

    name: str
    out: Path
    settings: Mapping[str, Any]

    @property
    def source(self) -> str:
        return str(self.settings["source"])

    @property
    def size(self) -> int:
        """Of the model's file, or the file of its code, in bytes; 0 where there is none."""
        path = Path(self.source.rpartition(":")[0] or self.source)
        try:
            return path.stat().st_size
        except OSError:
            return 0


def of(sources: Sequence[str], command_line: Mapping[str, Any], out: Path) -> tuple[Task, ...]:
    """The tasks of a models.toml, or of sources; ``command_line`` are options, which win over a file's.

    Raises:
        UsageError: A file, a pattern or an option is wrong, or two models have one name.
    """
    named = [*_named(_entries(sources), command_line)]
    _check_names([name for name, _ in named])
    return tuple(Task(name, out / name, {**settings, "out": str(out / name)}) for name, settings in named)


def _entries(sources: Sequence[str]) -> Sequence[Entry]:
    if not sources and not Path(models_file.FILE).is_file():
        raise UsageError(
            "no model is given", hint=f"e.g. pinlite batch A.onnx net.py:build, or pinlite batch {models_file.FILE}"
        )
    files = [source for source in sources or [models_file.FILE] if source.endswith(_TOML)]
    if not files:
        return [Entry("", {"source": source}) for source in sources]
    if len(sources) > 1:
        raise UsageError(
            f"{files[0]} is given with other models", hint="give one file of models, and all of them in it"
        )
    return models_file.read(Path(files[0]))


def _named(entries: Iterable[Entry], command_line: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each model is called, and its options."""
    for entry in entries:
        found = [*_found(str(entry.settings["source"]))]
        for source in found:
            if entry.name and "*" not in entry.name and len(found) > 1:
                raise UsageError(
                    f"{entry.settings['source']} is {len(found)} files, and their name is {entry.name}",
                    hint=f'let * stand for what each is called, e.g. name = "{entry.name}-*"',
                )
            name = entry.name.replace("*", _called(source)) if entry.name else _called(source)
            for words, chosen in entry.matrix.combinations():
                settings = {**entry.settings, **chosen, **command_line, "source": source}
                checked(Settings, settings)
                yield "-".join([name, *words]), settings


def _found(source: str) -> Iterator[str]:
    """The files of a pattern, sorted; a source that is none as it is."""
    path, colon, called = source.rpartition(":")
    pattern = path if colon and path.endswith(".py") else source
    if not _PATTERN.search(pattern) or Path(pattern).exists():
        yield source
        return
    files = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # a pattern may be absolute
    if not files:
        raise UsageError(f"{pattern} is a pattern, and no file fits it", hint="check the folder and the ending")
    for file in files:
        yield f"{file}:{called}" if pattern is path else file


def _called(source: str) -> str:
    """What a source is called, by its file and callable, without looking at it."""
    path, colon, callable_ = source.rpartition(":")
    parts = (Path(path).stem, callable_) if colon else (Path(source).stem,)
    return _STRANGE.sub("-", "-".join(dict.fromkeys(parts))).strip(".-") or "model"


def _check_names(names: Sequence[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        more = f", and {len(twice) - _MOST_NAMES} more" if len(twice) > _MOST_NAMES else ""
        raise UsageError(
            f"several models are called {', '.join(twice[:_MOST_NAMES])}{more}",
            hint='each has a folder of its name: give them others in a models.toml, e.g. name = "large-*"',
        )
