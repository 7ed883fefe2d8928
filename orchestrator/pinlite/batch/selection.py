"""Some of a batch's models: by their names, and by a share of them for each of several machines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from pinlite.batch.tasks import Task
from pinlite.errors import UsageError

# How many models a hint names.
_NAMED = 5
_SHARD = re.compile(r"([1-9]\d{0,4})/([1-9]\d{0,4})")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``count`` shares, from 1 on."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Self:
        """NUMBER/COUNT as the command line has it; a UsageError for anything else."""
        found = _SHARD.fullmatch(text)
        if not found or int(found[1]) > int(found[2]):
            raise UsageError(
                f"--shard {text!r} is not NUMBER/COUNT, with a number from 1 to that count",
                hint="e.g. --shard 2/8 for the second of eight machines",
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def selected(tasks: Sequence[Task], only: Sequence[str] = (), shard: Shard | None = None) -> tuple[Task, ...]:
    """Those tasks whose names fit one of the patterns ``only``; of these every COUNT-th, where there is a shard.

    Raises:
        UsageError: A pattern fits no name.
    """
    for pattern in only:
        if not any(fnmatchcase(task.name, pattern) for task in tasks):
            names = [*(task.name for task in tasks[:_NAMED]), *(["..."] if len(tasks) > _NAMED else [])]
            raise UsageError(f"--only {pattern}: no model is called so", hint=f"there are {', '.join(names)}")
    chosen = [task for task in tasks if not only or any(fnmatchcase(task.name, pattern) for pattern in only)]
    return tuple(chosen[shard.number - 1 :: shard.count] if shard else chosen)
