"""What --fail-if says: comparisons of figures, joined by `and` and `or`."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from pinlite.errors import UsageError
from pinlite.schema.comparison import Figure, FigureName

_SIGNS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_COMPARISON = re.compile(r"\s*([a-z]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d*)?|\.\d+)\s*")
_NAMES: tuple[FigureName, ...] = get_args(FigureName)


@dataclass(frozen=True)
class Comparison:
    """Of a figure's ratio, after to before, with a number."""

    name: FigureName
    sign: str
    number: float

    def holds(self, figure: Figure) -> bool:
        """What was 0 before and is no longer has grown beyond every number."""
        ratio = figure.ratio if figure.ratio is not None else (float("inf") if figure.after else 1.0)
        return figure.name == self.name and _SIGNS[self.sign](ratio, self.number)

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.number:g}"


@dataclass(frozen=True)
class Condition:
    """It holds where all comparisons of one of ``alternatives`` do, each of some figure."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    def check(self, figures: Iterable[Figure]) -> None:
        """Raise a UsageError where the figures have none of a name in it, so that it would never hold."""
        there = dict.fromkeys(figure.name for figure in figures)
        for each in (each for alternative in self.alternatives for each in alternative):
            if each.name not in there:
                raise UsageError(
                    f"--fail-if asks for {each.name}, which the two results do not both have",
                    hint=f"there is {', '.join(there)}" if there else "no variant is in both",
                )

    def why(self, figures: Iterable[Figure]) -> tuple[tuple[Comparison, Figure], ...]:
        """The comparisons by which it holds, each with the first figure that is so; nothing where it does not hold."""
        found = list(figures)
        for alternative in self.alternatives:
            holding = [(each, one) for each in alternative for one in found if each.holds(one)]
            first = dict(reversed(holding))
            if len(first) == len(set(alternative)):
                return tuple((each, first[each]) for each in alternative)
        return ()


def parse(text: str) -> Condition:
    """``"size > 1.05 or latency > 1.1 and accuracy < 0.99"``; `and` binds more strongly.

    Raises:
        UsageError: It says something else.
    """
    return Condition(
        tuple(
            tuple(_comparison(part, text) for part in re.split(r"\band\b", alternative))
            for alternative in re.split(r"\bor\b", text)
        )
    )


def _comparison(part: str, text: str) -> Comparison:
    found = _COMPARISON.fullmatch(part)
    hint = f'e.g. --fail-if "size > 1.05 or accuracy < 0.99", of {", ".join(_NAMES)}'
    if found is None:
        raise UsageError(f"--fail-if {text!r}: {part.strip() or 'nothing'!r} is no comparison of a ratio", hint=hint)
    name = next((name for name in _NAMES if name == found[1]), None)
    if name is None:
        raise UsageError(f"--fail-if {text!r}: there is no {found[1]}", hint=hint)
    return Comparison(name, found[2], float(found[3]))
