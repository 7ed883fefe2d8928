"""Which cases there are: families.toml, as objects."""

import itertools
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("families.toml")

PROFILES = ("signed", "zeros", "ties", "large")
CALIBRATED = ("signed", "zeros")


@dataclass(frozen=True)
class Input:
    """``draw`` is an expression of numpy for its numbers; "" are those of the profile."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    draw: str


@dataclass(frozen=True)
class Case:
    """One model, or one part of a model; families.toml says what each is for. ``family`` is the first of its name.

    ``wrong_in`` has by runtime those profiles on which it is known to be wrong.
    """

    name: str
    code: str
    onnx: str
    inputs: tuple[Input, ...]
    profiles: tuple[str, ...]
    integer_profiles: tuple[str, ...]
    variants: tuple[str, ...]
    bounds: dict[str, float]
    by_channel: bool
    finite_only: bool
    wrong_in: dict[str, tuple[str, ...]]
    names: tuple[str, ...]
    alone: bool
    options: tuple[str, ...]
    quick: bool

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]

    def judged_on(self, variant: str) -> tuple[str, ...]:
        """The profiles that say something of a variant: integers are meant for those that they are calibrated on."""
        return self.integer_profiles if variant.startswith("int") else self.profiles


def load(file: Path = FILE) -> list[Case]:
    """Every case, in the file's order."""
    content = tomllib.loads(file.read_text())
    return [case for family in content["family"] for case in _expanded(family, content)]


def select(cases: Sequence[Case], only: str = "*", *, quick: bool = False) -> list[Case]:
    """Those whose name fits a pattern; ``quick`` ones alone if asked."""
    return [case for case in cases if fnmatchcase(case.name, only) and (case.quick or not quick)]


def _expanded(family: dict[str, Any], content: dict[str, Any]) -> Iterator[Case]:
    axes = [[(axis, *value) for value in values.items()] for axis, values in family["axes"].items()]
    for chosen in itertools.product(*axes):
        merged: dict[str, Any] = {**family, "draw": dict(family.get("draw", {}))}
        for axis, _, value in chosen:
            table = value if isinstance(value, dict) else {axis: value}
            merged |= table | {"draw": merged["draw"] | table.get("draw", {})}
        words = {key: value for key, value in merged.items() if isinstance(value, str)}
        name = "/".join([family["name"], *(word for _, word, _ in chosen)])
        yield _case(name, merged, words, content)


def _case(name: str, family: dict[str, Any], words: dict[str, str], content: dict[str, Any]) -> Case:
    draws = {key: _filled(text, words) for key, text in family["draw"].items()}
    profiles = tuple(family.get("profiles", PROFILES))
    return Case(
        name=name,
        code=_filled(family["code"], words),
        onnx=_filled(family.get("onnx", ""), words),
        inputs=tuple(_input(_filled(text, words), draws) for text in family["inputs"]),
        profiles=profiles,
        integer_profiles=tuple(family.get("integer_profiles", CALIBRATED)),
        variants=tuple(family.get("variants", ("float32",))),
        bounds=content["bounds"] | family.get("bounds", {}),
        by_channel=family.get("by_channel", False),
        finite_only=family.get("finite_only", False),
        wrong_in={runtime: tuple(names) for runtime, names in family.get("wrong_in", {}).items()},
        names=tuple(_filled(text, words) for text in family.get("names", ())),
        alone=family.get("alone", "onnx" in family),
        options=tuple(family.get("options", ())),
        quick=name in content["quick"],
    )


def _filled(text: str, words: dict[str, str]) -> str:
    """A text with all that "$word" stands for, down to the last."""
    while (found := re.sub(r"\$(\w+)", lambda match: words[match[1]], text)) != text:
        text = found
    return text


def _input(text: str, draws: dict[str, str]) -> Input:
    name, _, form = text.rpartition("=")
    shape, _, dtype = form.partition(":")
    return Input(name, tuple(map(int, shape.split("x"))), dtype or "float32", draws.get(name, ""))
