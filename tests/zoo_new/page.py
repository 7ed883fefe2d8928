"""docs/zoo-new.md: what became of each model by each way."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cells
import manifest
import table
from zoo_new.results import NOT_EXPORTED, OURS, PEERS, WAYS

HERE = Path(__file__).parent
NOISE = re.compile(
    r"\x1b?\[\d+m|(?<![\w.:/])/(?:[\w.+-]+/)+|(?:INFO: |For more debugging help, see )[^\n]*?(?=error: |For C\+\+|$)"
)
# In characters.
LONGEST = 200
MODELS = HERE / "models.toml"
PINS = (HERE / "environment.in", HERE.parent / "bench" / "onnx2tf.in")

TEXT = """\
# The zoo of today

For everybody who wants to know which models of today's PyTorch convert. `make zoo-new` built {models} models of timm
{timm}, torchvision {torchvision}, transformers {transformers} and torch {torch} with seeded weights, and converted each
in the ways in which pinlite takes one: as the `.onnx` file that `torch.onnx.export` writes, by `--python`, and by the
toolchain `current`, which gets timm's and torchvision's as programs of `torch.export`. `PEERS=1` gives the same models
to onnx2tf {onnx2tf} (the same `.onnx` file) and to litert-torch {litert_torch} (the same module). `make docs` writes
this page.

A file is right if LiteRT, on the same samples, computes what PyTorch has computed, within 1e-4 of an output's largest
magnitude. What torch.onnx.export does not write is counted for nobody. {refused}: {why}. To refuse these is right.

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
    """What the page says of the results, by the ways that all models have gone; None if there is no such way."""
    found = {(result["model"], result["way"]) for result in document["results"]}
    models = [model.name for model in manifest.load(MODELS)]
    whole = [way for way in WAYS if all((model, way) in found for model in models)]
    kept = ("model", "way", "state", "right", "reason", "size", "operators")
    return [
        {
            **{name: result[name] for name in kept},
            "reason": plain(result["reason"]),
            "difference": cells.rounded(result["difference"]),
            "same": None if result["changed"] is None else not result["changed"],
        }
        for result in document["results"]
        if result["way"] in whole
    ] or None


def plain(reason: str) -> str:
    """A reason without what is about the machine: colours of a terminal, folders, and what is only told; cut off where
    an exporter goes on to explain.
    """
    text = " ".join(NOISE.sub("", reason).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}..."


def page(results: list[dict[str, Any]]) -> str:
    ways = [way for way in WAYS if any(result["way"] == way for result in results)]
    found = {(result["model"], result["way"]): result for result in results}
    models = list(dict.fromkeys(result["model"] for result in results))
    lines = [*TEXT.format(models=len(models), **_refused(), **pins()).splitlines(), "", "| | right |", "|---|---:|"]
    for way in ways:
        given = [found[model, way] for model in models if found[model, way]["state"] != NOT_EXPORTED]
        lines.append(f"| {TITLES[way]} | {sum(result['right'] for result in given)} of {len(given)} |")
    if twice := [result for result in results if result["same"] is not None]:
        same = sum(result["same"] for result in twice)
        lines += ["", f"Of {len(twice)} conversions that were made twice, {same} have the same bytes."]
    lines += ["", "## Models", "", "The differences of what is right. The file is that of the first way.", ""]
    lines += [f"| model | {' | '.join(TITLES[way] for way in ways)} | MB | TFLite operators |"]
    lines += [f"|---|{'---:|' * (len(ways) + 1)}---|"]
    lines += [_row(model, [found[model, way] for way in ways]) for model in models]
    for title, chosen in (("Why not", OURS), ("Why not, of peers", PEERS)):
        told = [result for result in results if result["way"] in chosen and result["reason"]]
        lines += _reasons(title, [each for each in told if chosen == OURS or each["state"] != NOT_EXPORTED])
    return "\n".join(lines) + "\n"


def _refused() -> dict[str, str]:
    """The models that have to be refused, and what of them no runtime can express."""
    refused = [model for model in manifest.load(MODELS) if model.refused]
    names = ", ".join(model.name for model in refused)
    return {"refused": names, "why": "; ".join(dict.fromkeys(str(model.refused) for model in refused))}


def pins() -> dict[str, str]:
    """The versions of the peers and of what the models are made with, by names that a text can have."""
    lines = (line.split(" ")[0].split("==") for file in PINS for line in file.read_text().splitlines() if "==" in line)
    return {name.replace("-", "_"): version for name, version in lines}


def _row(model: str, results: list[dict[str, Any]]) -> str:
    cells = [_figure(result) for result in results]
    file = next((result for result in results if result["operators"]), None)
    size, operators = (f"{file['size'] / 1e6:.2f}", table.short(file["operators"])) if file else ("", "")
    return f"| {model} | {' | '.join(cells)} | {size} | {operators} |"


def _figure(result: dict[str, Any]) -> str:
    """The difference of a right file, or else what became of the model."""
    if result["state"] != "converted":
        return result["state"]
    return f"{result['difference']:.0e}" if result["right"] else "does not run"


def _reasons(title: str, results: Iterable[dict[str, Any]]) -> list[str]:
    """Each reason once for all ways of a model that have it."""
    ways: dict[tuple[str, str], list[str]] = {}
    for result in results:
        ways.setdefault((result["model"], result["reason"]), []).append(TITLES[result["way"]])
    rows = [f"| {model} | {', '.join(found)} | {cells.text(reason)} |" for (model, reason), found in ways.items()]
    return ["", f"## {title}", "", "| model | by | |", "|---|---|---|", *rows] if rows else []
