"""The outcomes of a zoo as a table and as JSON."""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Sequence

from conversion import Outcome
from rich.table import Table
from rich.text import Text

MOST_OPERATORS = 6
# A refusal may go on for pages; the JSON has all of it.
LONGEST_REASON = 300
SHORT_RUNTIME = {"onnxruntime": "onnx", "tensorflow": "tf"}


def table(outcomes: Sequence[Outcome]) -> Table:
    hops = _named(outcome.hops for outcome in outcomes)
    runtimes = _named(outcome.latency_ms for outcome in outcomes)
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column("model")
    made.add_column("")
    for column in (*(SHORT_RUNTIME.get(hop, hop) for hop in hops), "MB", *(f"ms {name}" for name in runtimes), "s"):
        made.add_column(column, justify="right")
    made.add_column("again")
    made.add_column("select-tf")
    made.add_column("operators, or why not", overflow="fold")
    for outcome in outcomes:
        made.add_row(
            outcome.name,
            verdict(outcome),
            *(_difference(outcome.hops[hop]) if hop in outcome.hops else "" for hop in hops),
            f"{outcome.size / 1e6:.2f}" if outcome.size else "",
            *(f"{outcome.latency_ms[name]:.1f}" if name in outcome.latency_ms else "" for name in runtimes),
            f"{outcome.seconds:.1f}",
            "" if outcome.changed is None else "other bytes" if outcome.changed else "same bytes",
            "needed" if outcome.select_tf else "",
            Text(reason(outcome) or short(outcome.operators)),
        )
    return made


def verdict(outcome: Outcome) -> Text:
    return Text(outcome.state, "green" if outcome.right else "red")


def reason(outcome: Outcome) -> str:
    if outcome.changed:
        return f"other bytes when it was converted again: {', '.join(outcome.changed)}"
    whole = f"{outcome.stage}: {outcome.message}" if outcome.stage else outcome.message
    return textwrap.shorten(whole, LONGEST_REASON, placeholder=" ...")


def short(operators: dict[str, int]) -> str:
    """The most frequent operators."""
    counts = sorted(operators.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count} {name}" for name, count in counts[:MOST_OPERATORS]]
    rest = sum(count for _, count in counts[MOST_OPERATORS:])
    return ", ".join([*shown, f"{rest} others"] if rest else shown)


def summary(outcomes: Sequence[Outcome]) -> str:
    converted = sum(outcome.state == "converted" for outcome in outcomes)
    wrong = [outcome.name for outcome in outcomes if not outcome.right]
    verdict = f"{len(wrong)} not as they should be: {', '.join(wrong)}" if wrong else "all as they should be"
    twice = sum(outcome.changed is not None for outcome in outcomes)
    again = f", {twice} of them twice" if twice else ""
    return f"{converted} of {len(outcomes)} models converted{again}; {verdict}"


def to_json(outcomes: Sequence[Outcome], engine: str) -> str:
    return json.dumps({"engine": engine, "models": [dataclasses.asdict(each) for each in outcomes]}, indent=1) + "\n"


def _named(mappings: Iterable[dict[str, object]]) -> list[str]:
    """All keys, in the order in which they first occur."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _difference(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
