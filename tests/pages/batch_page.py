"""docs/scale.md: how fast a batch is, as `make bench-batch` measured it."""

import statistics
import textwrap
from typing import Any

from bench import batch

PAGE = """\
# Many models: how fast

For everybody who converts hundreds of models. `make bench-batch` measured `pinlite batch` ([batch.md](batch.md)) on
{date} with {processors} processors. `make docs` writes this page.
"""

TWENTY = """
## Twenty models of the zoo

{models}:
ONNX files of {megabytes:.0f} MB together, nothing cached, everything compared in every runtime. Beside it
onnx2tf 2.6.9, which compares nothing, on copies of the same files: each in turn, and two at a time by `xargs -P2`. By
turns, {rounds}.{load}

| | seconds | of onnx2tf in turn | of onnx2tf two at a time |
|---|---:|---:|---:|
| pinlite batch | {ours:.1f} | {in_turn:.2f} | {by_two:.2f} |
| onnx2tf, each in turn | {theirs:.1f} | | |
| onnx2tf, `xargs -P2` | {theirs_by_two:.1f} | | |
"""

DRAWN = """
## {count:,} small models

Graphs of 10 to 50 nodes, each another one, {megabytes:.0f} MB together: {seconds:.0f} seconds,
**{pace:.1f} a second**.{load}

The memory is that of all processes together: a worker of each program for each of {processes} models at a time, and
what lends these out.

{plot}

From the second quarter of the models to the last the memory grew by {growth:.0f} %, at the medians.
"""

KEPT = """
## What is in the store already

{kept:,} models that were converted before: {new:.1f} seconds into new folders, {there:.1f} where these are there, which
is {each:.0f} and {each_there:.0f} ms each.{load} Every file that they were made of is hashed, and so is all that is
taken.
"""

_PLOT = """\
```mermaid
xychart-beta
    title "Memory of a batch"
    x-axis "models done" 0 --> {last}
    y-axis "GB" 0 --> {most}
    line {values}
```"""
# So many points are enough for the plot.
_POINTS = 24
# The load of a machine that is not at rest.
_BUSY = 1.5


def reduced(found: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """What the page says, of the parts that were measured with all models; those of ``before`` in place of others.
    None where there is none.
    """
    whole = {
        "twenty": lambda part: len(part["models"]) == len(batch.MODEL_NAMES),
        "drawn": lambda part: part["models"] == batch.DRAWN,
        "kept": lambda part: part["models"] == 2 * batch.DRAWN,
    }
    parts = {name: found[name] for name, is_whole in whole.items() if name in found and is_whole(found[name])}
    return {**(before or {}), "date": found["date"], "processors": found["processors"], **parts} if parts else None


def page(found: dict[str, Any]) -> str:
    told = [PAGE.format(date=found["date"], processors=found["processors"])]
    if "twenty" in found:
        told.append(_twenty(found["twenty"]))
    if "drawn" in found:
        told.append(_drawn(found["drawn"], found["processors"]))
    if "kept" in found:
        told.append(_kept(found["kept"]))
    return "".join(told)


def _twenty(twenty: dict[str, Any]) -> str:
    rounds = twenty["rounds"]

    def median(name: str) -> float:
        return statistics.median(turn[name] for turn in rounds)

    def ratio(name: str) -> float:
        return statistics.median(turn["ours"] / turn[name] for turn in rounds)

    return TWENTY.format(
        models=textwrap.fill(", ".join(twenty["models"]), 120),
        megabytes=twenty["bytes"] / 1e6,
        rounds=f"{len(rounds)} times, of which this is the median" if len(rounds) > 1 else "once",
        load=load(twenty),
        ours=median("ours"),
        theirs=median("in turn"),
        theirs_by_two=median("by two"),
        in_turn=ratio("in turn"),
        by_two=ratio("by two"),
    )


def _drawn(drawn: dict[str, Any], processors: int) -> str:
    return DRAWN.format(
        count=drawn["models"],
        megabytes=drawn["bytes"] / 1e6,
        seconds=drawn["seconds"],
        pace=drawn["models"] / drawn["seconds"],
        load=load(drawn),
        processes=processors,
        plot=_plot(drawn),
        growth=100 * batch.growth(drawn),
    )


def _kept(kept: dict[str, Any]) -> str:
    return KEPT.format(
        kept=kept["models"],
        new=kept["new folders"],
        there=kept["folders there"],
        each=1000 * kept["new folders"] / kept["models"],
        each_there=1000 * kept["folders there"] / kept["models"],
        load=load(kept),
    )


def load(part: dict[str, Any]) -> str:
    """What else the machine did when the measuring began: so many processes were running, or waited to."""
    return f" The load of the machine was {part['load']:.0f} before." if part["load"] >= _BUSY else ""


def _plot(drawn: dict[str, Any]) -> str:
    """As many models from one point to the next."""
    steps = [drawn["models"] * number / _POINTS for number in range(_POINTS + 1)]
    nearest = [min(drawn["memory"], key=lambda point, at=at: abs(point["models"] - at)) for at in steps]
    values = [point["bytes"] / 1e9 for point in nearest]
    return _PLOT.format(
        last=drawn["models"],
        most=round(max(values)) + 1,
        values=f"[{', '.join(f'{value:.2f}' for value in values)}]",
    )
