"""What the declaration of an option says, and reading it. This module imports nothing that takes time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, get_args, get_origin

StrPath = str | PathLike[str]
Texts = Sequence[str]
Paths = Sequence[StrPath]
Assigned = Mapping[str, str] | Sequence[str]
Numbers = Mapping[str, float] | Sequence[str]
# To what of a lock a conversion is held; True is all.
Held = Literal["all", "toolchain"]
Locked = bool | Held

Group = Literal["Model", "Inputs", "Files to make", "Training", "Evaluation", "Engine", "Store", "Output"]
GROUPS: tuple[Group, ...] = get_args(Group)
# These decide nothing of what is made.
AROUND: tuple[Group, ...] = ("Engine", "Store", "Output")

# What a value is on the command line and in pinlite.toml, where that is less than Python takes.
_WRITTEN: dict[Any, Any] = {
    StrPath: str,
    Texts: list[str],
    Paths: list[str],
    Assigned: list[str],
    Numbers: list[str],
    Locked: Held,
}


@dataclass(frozen=True)
class Argument:
    """What a command takes without a flag."""

    metavar: str
    help: str
    required: bool = True


@dataclass(frozen=True)
class Option:
    """An option. ``otherwise`` says what holds without it, where that is no constant ``default``.

    ``key`` is its name in pinlite.toml, unless that is the field's. ``ge``, ``gt``, ``le`` and ``lt`` are bounds.
    ``or_name`` says of a path that a name may stand for it: a word, or a module that an image holds. ``alone`` is what
    the flag means on the command line without a value, which then only follows "=".
    """

    group: Group
    metavar: str
    help: str
    default: Any = None
    otherwise: str = ""
    key: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    or_name: bool = False
    alone: str = ""
    required: bool = False

    @property
    def shown_default(self) -> str:
        """The default in words; nothing where there is none: a flag that is off, a step that is left out."""
        if self.otherwise or self.default is None or self.default is False:
            return self.otherwise
        return ", ".join(self.default) if isinstance(self.default, tuple) else str(self.default)


@dataclass(frozen=True)
class Field:
    """A field of a declaration: its ``name`` in Python, and what it ``takes`` there."""

    name: str
    takes: Any
    declared: Option | Argument

    @property
    def key(self) -> str:
        key = self.declared.key if isinstance(self.declared, Option) else ""
        return key or self.name.replace("_", "-")

    @property
    def written(self) -> Any:
        """Its type on the command line and in pinlite.toml: a scalar, or list[str]."""
        return list[str] if self.words else _WRITTEN.get(self.takes, self.takes)

    @property
    def words(self) -> tuple[str, ...]:
        """What each of several values is chosen among; nothing where there is no such choice."""
        inner = get_args(self.takes)[0] if get_origin(self.takes) is Sequence else None
        return get_args(inner) if get_origin(inner) is Literal else ()


def fields(declaration: type) -> Iterator[Field]:
    """The fields of a declaration, in its order."""
    for name, annotation in declaration.__annotations__.items():
        takes, declared = get_args(annotation)
        yield Field(name, takes, declared)
