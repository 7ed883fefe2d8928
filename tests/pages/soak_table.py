"""docs/soak.md: whether anything grows over many conversions, as `make soak` measured it."""

from typing import Any

# Fewer conversions would not show what grows slowly.
LEAST = 100

PAGE = """\
# Many conversions, one after the other

For everybody who converts in a loop and asks what grows or is left. `make soak` converted a small model again and again
on the docker engine, with another seed each time and without the store: in one process, and in four processes at a time
that share the engine, the cache and the folder of temporary files. Growth is what a process held after its last
conversion, less what it held after its {warm}th. "Left" counts what was there after all conversions. `make docs` writes
this page.

| | {heads} |
|---|{rules}
{rows}

The machine had other work at the same time: the times show that conversions went on, not how fast they can be. The
cache held the logs of the newest {kept} runs, which pinlite keeps.
"""

_ROWS = {
    "converted": lambda turn: f"{turn['converted']} of {turn['asked']}",
    "lost": lambda turn: str(turn["asked"] - turn["converted"]),
    "seconds a conversion": lambda turn: f"{turn['seconds'] / turn['asked']:.1f}",
    "slowest, seconds": lambda turn: f"{turn['slowest']:.1f}",
    "memory of the host process, at most": lambda turn: f"{turn['memory'] / 1e6:.0f} MB",
    "its memory grew by": lambda turn: f"{turn['grown']['memory'] / 1e6:.2f} MB",
    "its open files grew by": lambda turn: str(turn["grown"]["files"]),
    "its threads grew by": lambda turn: str(turn["grown"]["threads"]),
    "containers left": lambda turn: str(turn["left"]["containers"]),
    "volumes left": lambda turn: str(turn["left"]["volumes"]),
    "temporary files and folders left": lambda turn: str(turn["left"]["temporary"]),
    "kept in the cache": lambda turn: f"{turn['left']['cache'] / 1e3:.0f} kB, logs of {turn['left']['logs']} runs",
}


def reduced(results: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """What the page says; None of too few conversions."""
    return results if all(turn["asked"] >= LEAST for turn in results) else None


def page(results: list[dict[str, Any]], *, warm: int, kept: int) -> str:
    rows = [f"| {name} | {' | '.join(shown(turn) for turn in results)} |" for name, shown in _ROWS.items()]
    heads = ["in a row" if turn["processes"] == 1 else f"{turn['processes']} at a time" for turn in results]
    return PAGE.format(heads=" | ".join(heads), rules="---:|" * len(heads), rows="\n".join(rows), warm=warm, kept=kept)
