"""docs/zoo-new.md: what became of each model by each way."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cells
import manifest
import table
from zoo_new.results import OURS, PEERS, WAYS

HERE = Path(__file__).parent
MODELS = HERE / "models.toml"
PINS = (HERE / "environment.in", HERE.parent / "bench" / "onnx2tf.in")

TEXT = """\
# The zoo of today

For everybody who wants to know which models of today's PyTorch convert. `make zoo-new` built {models} models of timm
{timm}, torchvision {torchvision}, transformers {transformers} and torch {torch} with seeded weights, and converted
each in every way in which pinlite takes one: as the `.onnx` file that `torch.onnx.export` writes, by the toolchain
`current`, and by `--python`. `PEERS=1` gives the same models to onnx2tf {onnx2tf} (the same `.onnx` file) and to
litert-torch {litert_torch} (the same module). A file is right if LiteRT, on the same samples, computes what PyTorch has
computed, within 1e-4 of an output's largest magnitude. `make docs` writes this page.

`make zoo-new` needs 7 GB for an environment with PyTorch of today, and makes it of `tests/zoo_new/environment.lock`.
"""

TITLES = {
    "onnx": "`.onnx`",
    "current": "`--toolchain current`",
    "python": "`--python`",
    "onnx2tf": "onnx2tf",
    "litert-torch": "litert-torch",
}


def reduced(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What the page says of the results; None if some way has not been gone by all models."""
    found = {(result["model"], result["way"]): result for result in document["results"]}
    models, ways = [model.name for model in manifest.load(MODELS)], {way for _, way in found}
    if set(found) != {(model, way) for model in models for way in ways}:
        return None
    kept = ("model", "way", "state", "right", "reason", "size", "operators")
    return [
        {
            **{name: result[name] for name in kept},
            "difference": cells.rounded(result["difference"]),
            "same": None if result["changed"] is None else not result["changed"],
        }
        for result in document["results"]
    ]


def page(results: list[dict[str, Any]]) -> str:
    ways = [way for way in WAYS if any(result["way"] == way for result in results)]
    found = {(result["model"], result["way"]): result for result in results}
    models = list(dict.fromkeys(result["model"] for result in results))
    lines = [*TEXT.format(models=len(models), **_pins()).splitlines(), "", "| | right |", "|---|---:|"]
    for way in ways:
        right = sum(found[model, way]["right"] for model in models)
        lines.append(f"| {TITLES[way]} | {right} of {len(models)} |")
    if twice := [result for result in results if result["same"] is not None]:
        same = sum(result["same"] for result in twice)
        lines += ["", f"Of {len(twice)} conversions that were made twice, {same} have the same bytes."]
    lines += ["", "## Models", "", "The differences of what is right. The file is that of the first way.", ""]
    lines += [f"| model | {' | '.join(TITLES[way] for way in ways)} | MB | TFLite operators |"]
    lines += [f"|---|{'---:|' * (len(ways) + 1)}---|"]
    lines += [_row(model, [found[model, way] for way in ways]) for model in models]
    for title, chosen in (("Why not", OURS), ("Why not, of peers", PEERS)):
        lines += _reasons(title, [result for result in results if result["way"] in chosen and result["reason"]])
    return "\n".join(lines) + "\n"


def _pins() -> dict[str, str]:
    pins = (line.split("==") for file in PINS for line in file.read_text().splitlines() if "==" in line)
    return {name.replace("-", "_"): version for name, version in pins}


def _row(model: str, results: list[dict[str, Any]]) -> str:
    cells = [f"{result['difference']:.0e}" if result["state"] == "converted" else result["state"] for result in results]
    file = next((result for result in results if result["operators"]), None)
    size, operators = (f"{file['size'] / 1e6:.2f}", table.short(file["operators"])) if file else ("", "")
    return f"| {model} | {' | '.join(cells)} | {size} | {operators} |"


def _reasons(title: str, results: Iterable[dict[str, Any]]) -> list[str]:
    """Each reason once for all ways of a model that have it."""
    ways: dict[tuple[str, str], list[str]] = {}
    for result in results:
        ways.setdefault((result["model"], result["reason"]), []).append(TITLES[result["way"]])
    rows = [f"| {model} | {', '.join(found)} | {cells.text(reason)} |" for (model, reason), found in ways.items()]
    return ["", f"## {title}", "", "| model | by | |", "|---|---|---|", *rows] if rows else []
