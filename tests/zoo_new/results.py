"""What came of each model by each way, ours and peers', as JSON and as a table."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

OURS = ("onnx", "current", "python")
PEERS = ("onnx2tf", "litert-torch")
WAYS = (*OURS, *PEERS)
# The state of a model that torch.onnx.export does not write: nobody's fault here.
NOT_EXPORTED = "not exported"


@dataclass(frozen=True)
class Result:
    """A model by one way. ``right`` says that it is as it should be: converted and equal to PyTorch, or refused where
    it has to be. ``difference`` is the largest of any output from PyTorch's, over the output's largest magnitude.
    ``reason`` says why there is no file, or none that is right. ``changed`` names files that had other bytes the second
    time.
    """

    model: str
    way: str
    state: str
    right: bool
    seconds: float
    reason: str = ""
    difference: float | None = None
    size: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    changed: list[str] | None = None


def merged(before: Iterable[Result], now: Iterable[Result], models: Sequence[str]) -> list[Result]:
    """All results, those of now in place of earlier ones, in the order of models and ways."""
    found = {(result.model, result.way): result for result in (*before, *now)}
    return [found[model, way] for model in models for way in WAYS if (model, way) in found]


def load(file: Path) -> list[Result]:
    return [Result(**each) for each in json.loads(file.read_text())["results"]] if file.exists() else []


def to_json(results: Sequence[Result]) -> str:
    return json.dumps({"results": [asdict(result) for result in results]}, indent=1) + "\n"


def table(results: Sequence[Result]) -> Table:
    """A row for each model, and a column for each way that was gone."""
    ways = [way for way in WAYS if any(result.way == way for result in results)]
    found = {(result.model, result.way): result for result in results}
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("model", *ways, "why not"):
        made.add_column(column, overflow="fold")
    for model in dict.fromkeys(result.model for result in results):
        row = [found.get((model, way)) for way in ways]
        reasons = dict.fromkeys(f"{each.way}: {each.reason}" for each in row if each and each.reason)
        made.add_row(model, *(verdict(each) if each else "" for each in row), Text("\n".join(reasons)))
    return made


def verdict(result: Result) -> Text:
    """The difference of what was converted, or else what came of it."""
    words = result.state if result.difference is None else f"{result.difference:.0e}"
    words += "" if result.changed is None else ", other bytes" if result.changed else ", same bytes"
    return Text(words, "green" if result.right else "red")


def summary(results: Sequence[Result]) -> str:
    """How many are right, by way."""
    given = [result for result in results if result.state != NOT_EXPORTED]
    ways = {way: [result for result in given if result.way == way] for way in WAYS}
    counted = (f"{way} {sum(each.right for each in found)} of {len(found)}" for way, found in ways.items() if found)
    return f"right: {', '.join(counted)}"
