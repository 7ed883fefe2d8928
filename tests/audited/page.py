"""docs/audited.md: what the audit found in files of pinlite and its peers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import cells
from audited.matrix import MAKERS, MODELS, SAMPLES, VARIANTS
from zoo_new import page as zoo_new_page

TEXT = """\
# What the audit found in converters' files

For everybody who asks what an [audit](audit.md) finds in practice. `make audited` made {models} models of
[today's zoo](zoo-new.md) as float32, int8 and int16x8 with pinlite, with onnx2tf {onnx2tf} (`-oiqt`), and with
litert-torch {litert_torch} and ai-edge-quantizer {ai_edge_quantizer} (static, 8 bits and 16), calibrated on the same
{samples} samples, and held each file to `pinlite audit`. `make docs` writes this page.

- **pinlite**: every file passes, and every integer operator is checked.
- **onnx2tf** holds its integer files to its own runtime, and makes none where an operator has no integers there.
- **litert-torch** with ai-edge-quantizer: dense biases of four dimensions get the square of their values
  (`findings/dense_bias_of_four_dimensions.sh`), and LiteRT computes RSQRT of 16 bits by a table that is too coarse near
  0 ([runtime-faults.md](runtime-faults.md)).

An operator that is *exact* gives the nearest integer in all values; one is *off* that misses it by more steps than its
kernel may. Weights are random: whether the file is as good as the model is another question, which an audit does not
ask.
"""
OTHERS = """
## Files that do not pass, or were not made

| model | converter | variant | why |
|---|---|---|---|
"""
FAULTS = """
## Known runtimes that compute them wrongly

How many of the files have an operator that a [known runtime](runtime-faults.md) computes wrongly:

| operator | type | pinlite | onnx2tf | litert-torch |
|---|---|---:|---:|---:|
"""


def reduced(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What the page says of the results; None if not all models went."""
    results = document["results"]
    wanted = {(model, maker, variant) for model in MODELS for maker in MAKERS for variant in VARIANTS}
    if {(result["model"], result["maker"], result["variant"]) for result in results} != wanted:
        return None
    return [{**result, "failed": zoo_new_page.plain(result["failed"])} for result in results]


def page(results: Sequence[dict[str, Any]]) -> str:
    lines = TEXT.format(models=len(MODELS), samples=SAMPLES, **zoo_new_page.pins()).splitlines()
    lines += ["", "| converter | variant | made | pass | integer operators | exact | off | unchecked | in floats |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for maker in MAKERS:
        lines += [_counts(maker, variant, _of(results, maker=maker, variant=variant)) for variant in VARIANTS]
    others = [_other(result) for result in results if result["failed"] or result["failures"] or result["told"]]
    return "\n".join([*lines, *OTHERS.splitlines(), *others, *FAULTS.splitlines(), *_faults(results)]) + "\n"


def _of(results: Sequence[dict[str, Any]], **wanted: str) -> list[dict[str, Any]]:
    return [result for result in results if all(result[key] == value for key, value in wanted.items())]


def _counts(maker: str, variant: str, results: Sequence[dict[str, Any]]) -> str:
    made = [result for result in results if not result["failed"]]
    unchecked = sum(sum(result["unchecked"].values()) for result in made)
    checked = sum(result["checked"] for result in made)
    figures = (
        len(made),
        sum(not result["failures"] for result in made),
        checked + unchecked,
        sum(result["exact"] for result in made),
        sum(len(result["off"]) for result in made),
        unchecked,
        sum(sum(result["floats"].values()) for result in made),
    )
    return f"| {maker} | {variant} | {' | '.join(map(str, figures))} |"


def _other(result: dict[str, Any]) -> str:
    why = f"not made: {result['failed']}" if result["failed"] else "; ".join(result["failures"]) or "passes"
    told = f" ({result['told']})" if result["told"] and not result["failed"] else ""
    return f"| {result['model']} | {result['maker']} | {result['variant']}{told} | {cells.text(why)} |"


def _faults(results: Sequence[dict[str, Any]]) -> list[str]:
    made = [result for result in results if not result["failed"]]
    counted = {
        maker: Counter((operator, kind) for result in _of(made, maker=maker) for operator, kind in result["faults"])
        for maker in MAKERS
    }
    faults = sorted(set[tuple[str, str]]().union(*counted.values()))
    return [f"| {' | '.join([*fault, *(str(counted[maker][fault]) for maker in MAKERS)])} |" for fault in faults]
