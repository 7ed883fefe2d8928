"""Write the pages of docs/ that say what was measured (a file each in docs/measured) or what the package declares
(errors.md, runtime-faults.md, cli.md, api.md, JSON Schemas), the tables in peers.md, and the picture in architecture.md
from the imports that there are.

What a page says of measurements is kept in docs/measured, a file of JSON each. A result in build/ that is whole takes
its place first.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import api_page
import batch_page
import cells
import cluster_page
import command_table
import error_table
import expressions
import fault_table
import import_graph
import json_schemas
import manifest
import peers_page
import scale_page
import soak_table
import table
import techniques_page
from accuracy import page as accuracy_page
from audited import page as audited_page
from bench import soak
from zoo_new import page as zoo_new_page

from pinlite.cli.schema import SCHEMAS
from pinlite.machine import logs

ROOT = Path(__file__).parents[2]
BUILD, MEASURED, DOCS = ROOT / "build", ROOT / "docs" / "measured", ROOT / "docs"

NEWEST = "tflite-runtime 2.14.0"

OPERATORS = """\
# PyTorch's operators, and what each becomes

For everybody who wants to know whether a model converts. Each line is an operator or a module as one writes it in a
model. `make operators` exported it to ONNX (opset 12), converted it, and ran it in onnxruntime, TensorFlow and every
TFLite runtime: {right} convert, equal to PyTorch's result within {difference:.0e} of its largest magnitude, {refused}
are refused. `make docs` writes this page.

- **bold**: torch 1.7.1 does not export it, exports it wrongly, or exports operators that no runtime has. pinlite
  exports it as ONNX operators.
- The input image is the output of a convolution, as in a network. If the column TFLite does not list the operator, it
  became part of that convolution.
- *Flex...*: TFLite has no operator for it; the runtime needs Select-TF operators.
- Indices, sizes and axes that the model computes are refused if TFLite needs them fixed; the error names the operator
  and its line. The export fixes the sizes of inputs.
- The list is not complete: other operators convert too, if torch 1.7.1 exports them as operators of the last table.
"""

ONNX = """\
## ONNX operators

For a model that comes as `.onnx`. Of the {total} ONNX operator tests that TFLite 2.4.1 has operators for, {passed} pass
(`make conformance`).
"""

NEWER = """\
## ONNX operators of today

For a model of another opset than 7 to 13, which is adapted first. Of the {total} tests of onnx 1.23.2 (opsets 7 to 28)
and of what PyTorch wrote in 2017 that TFLite has operators for, {passed} pass (`make conformance-new`).
"""

ZOO = """\
# The zoo

For everybody who wants to know which whole models convert. `make zoo` converted each model, with seeded weights:
{converted} of {total} convert. The difference is the largest of any output in any runtime from PyTorch's, relative to
the output's largest magnitude. The time is that of one thread in tflite-runtime 2.14.0 on the machine that measured.
`make docs` writes this page.
"""


def reduced_operators(results: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """What the page says of the probes; None if these are not all there are."""
    if [result["code"] for result in results] != [probe.code for probe in expressions.load()]:
        return None
    kept = ("title", "code", "ours", "kept", "onnx", "tflite", "stage", "message", "hint")
    return [
        {**{name: result[name] for name in kept}, "difference": cells.rounded(result["difference"])}
        for result in results
    ]


def reduced_conformance(document: dict[str, Any]) -> dict[str, Any] | None:
    """What the page says of ONNX's operators; None if not all cases ran."""
    if not document["everything"]:
        return None
    counts: dict[str, Counter[str]] = {}
    refused: dict[str, list[str]] = {}
    for case in document["cases"]:
        # An operator that is spelled out in others is theirs.
        if "(expanded)" not in case["operator"]:
            counts.setdefault(case["operator"], Counter())[case["status"]] += 1
            if case["status"] not in ("pass", "disputed"):
                refused.setdefault(case["operator"], []).append(case["reason"])
    operators = {
        name: {"counts": dict(sorted(counts[name].items())), "reasons": sorted(set(refused.get(name, [])))}
        for name in sorted(counts)
    }
    return {"counts": document["counts"], **operators}


def reduced_zoo(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What the page says of the models; None if these are not all there are."""
    if [model["name"] for model in document["models"]] != [model.name for model in manifest.load()]:
        return None
    return [
        {
            "name": model["name"],
            "state": model["state"],
            "right": model["right"],
            "reason": f"{model['stage']}: {model['message']}" if model["message"] else "",
            "difference": cells.rounded(max(model["hops"].values(), default=None)),
            "size": model["size"],
            "ms": model["latency_ms"].get(NEWEST),
            "operators": model["operators"],
            "same": None if model["changed"] is None else not model["changed"],
        }
        for model in document["models"]
    ]


def operators_page(results: list[dict[str, Any]], conformance: dict[str, Any], newer: dict[str, Any]) -> str:
    converted = [result for result in results if not result["stage"]]
    lines = OPERATORS.format(
        right=len(converted),
        refused=len(results) - len(converted),
        difference=max((result["difference"] for result in converted), default=0),
    ).splitlines()
    for title in dict.fromkeys(result["title"] for result in results):
        lines += ["", f"## {title}", "", "| PyTorch | ONNX | TFLite |", "|---|---|---|"]
        lines += [_operator_row(result) for result in results if result["title"] == title]
    return "\n".join([*lines, "", *_onnx_lines(ONNX, conformance), "", *_onnx_lines(NEWER, newer)]) + "\n"


def zoo_page(models: list[dict[str, Any]]) -> str:
    twice = sum(model["same"] is not None for model in models)
    same = sum(model["same"] is True for model in models)
    lines = ZOO.format(
        converted=sum(model["state"] == "converted" for model in models),
        total=len(models),
    ).splitlines()
    if twice:
        lines.append(f"\nOf the {twice} models that were converted twice, {same} have the same bytes.")
    if wrong := [model["name"] for model in models if not model["right"]]:
        lines += ["", f"Wrong: {', '.join(wrong)}."]
    lines += ["", "| model | difference | MB | ms | TFLite operators, or the refusal |", "|---|---:|---:|---:|---|"]
    return "\n".join([*lines, *(_model_row(model) for model in models)]) + "\n"


def _operator_row(result: dict[str, Any]) -> str:
    code = _code(result["code"])
    # What every index and shape goes through tells nothing of a probe.
    if set(result["ours"]) - set(result["kept"]) - {"permute", "select", "size", "squeeze"}:
        code = f"**{code}**"
    if result["stage"]:
        refused = f"refused by {result['stage']}: {result['message']}; {result['hint']}"
        return f"| {code} | {cells.text(refused)} | |"
    return f"| {code} | {_counted(result['onnx'])} | {_counted(result['tflite'])} |"


def _onnx_lines(text: str, conformance: dict[str, Any]) -> list[str]:
    counts = conformance["counts"]
    operators = {name: found for name, found in conformance.items() if name != "counts"}
    total = sum(counts.values()) - counts["inexpressible"] - counts["disputed"]
    whole = [name for name, found in operators.items() if not found["reasons"]]
    lines = text.format(passed=counts["pass"], total=total).splitlines()
    lines += ["", f"Every case of these passes: {', '.join(whole)}."]
    lines += ["", "| ONNX | passes | why others don't |", "|---|---:|---|"]
    for name, found in operators.items():
        if found["reasons"]:
            passed = found["counts"].get("pass", 0) + found["counts"].get("disputed", 0)
            share = f"{passed} of {sum(found['counts'].values())}"
            lines.append(f"| {name} | {share} | {cells.text('; '.join(found['reasons']))} |")
    return lines


def _model_row(model: dict[str, Any]) -> str:
    if model["reason"]:
        why = f"{model['state']} by {model['reason']}"
        return f"| {model['name']} | | | | {cells.text(why)} |"
    ms = "" if model["ms"] is None else f"{model['ms']:.1f}"
    words = table.short(model["operators"])
    return f"| {model['name']} | {model['difference']:.0e} | {model['size'] / 1e6:.2f} | {ms} | {words} |"


def _counted(operators: dict[str, int]) -> str:
    return ", ".join((f"{count} " if count > 1 else "") + _operator(name) for name, count in sorted(operators.items()))


def _operator(name: str) -> str:
    return f"*{name}*" if name.startswith("Flex") else name


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


Reduce = Callable[[Any], Any]
SOURCES: dict[str, Reduce] = {
    "operators": reduced_operators,
    "conformance": reduced_conformance,
    "conformance-new": reduced_conformance,
    "zoo": reduced_zoo,
    "zoo-new": zoo_new_page.reduced,
    "audited": audited_page.reduced,
    "accuracy": accuracy_page.reduced,
    "techniques": techniques_page.reduced,
    "soak": soak_table.reduced,
    "scale": scale_page.reduced,
    "batch": lambda found: batch_page.reduced(found, measured("batch")),
    "cluster": cluster_page.reduced,
    "peers": lambda found: peers_page.reduced(found, measured("peers")),
}


def take() -> Iterable[str]:
    """Put whole results of build/ in docs/measured; what is not taken is told."""
    for name, reduce in SOURCES.items():
        file = BUILD / name / f"{name}.json"
        found = reduce(json.loads(file.read_text())) if file.exists() else None
        if found is None:
            yield f"build/{name} has no result of everything: docs/measured/{name}.json stays"
        else:
            (MEASURED / f"{name}.json").write_text(_json(found))


def _json(found: Any) -> str:
    """An entry a line, so that a difference shows what changed."""
    if isinstance(found, list):
        return "[\n" + ",\n".join(json.dumps(entry, sort_keys=True) for entry in found) + "\n]\n"
    entries = (f"{json.dumps(name)}: {json.dumps(found[name], sort_keys=True)}" for name in sorted(found))
    return "{\n" + ",\n".join(entries) + "\n}\n"


def measured(name: str) -> Any:
    """What is kept of a result."""
    return json.loads((MEASURED / f"{name}.json").read_text())


def pages() -> dict[str, str]:
    """The pages by their file names, from docs/measured and from what the package declares."""
    return {
        "operators.md": operators_page(*map(measured, ("operators", "conformance", "conformance-new"))),
        "zoo.md": zoo_page(measured("zoo")),
        "zoo-new.md": zoo_new_page.page(measured("zoo-new")),
        "audited.md": audited_page.page(measured("audited")),
        "accuracy.md": accuracy_page.page(measured("accuracy")),
        "techniques.md": techniques_page.page(measured("techniques")),
        "errors.md": error_table.page(),
        "runtime-faults.md": fault_table.page(),
        "architecture.md": import_graph.page((DOCS / "architecture.md").read_text()),
        "cli.md": command_table.page(),
        "api.md": api_page.page(),
        "peers.md": peers_page.page((DOCS / "peers.md").read_text(), measured("peers")),
        "performance.md": scale_page.page(measured("scale")),
        "scale.md": batch_page.page(measured("batch")) + cluster_page.section(measured("cluster")),
        "soak.md": soak_table.page(measured("soak"), warm=soak.WARM, kept=logs.KEPT),
    }


def main() -> None:
    for line in take():
        print(line, file=sys.stderr)
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    for name, text in json_schemas.schemas().items():
        (SCHEMAS / name).write_text(text)


if __name__ == "__main__":
    main()
