"""docs/performance.md: where the time and the memory of a conversion go, as `make bench-scale` measured it."""

from collections.abc import Sequence
from typing import Any

from bench import scale

Points = Sequence[dict[str, Any]]
# A stage of less than so much of the whole is not worth a row.
LEAST = 0.01

PAGE = """\
# Where the time and the memory go

For everybody who converts large models, or waits for small ones. `make bench-scale` converted PyTorch callables to
float32 files that are compared in every runtime, nothing cached: dense layers with 10 MB to 1.9 GB of weights, and
chains of 100 to 5,000 small layers. `make docs` writes this page. [peers.md](peers.md) has conversions beside onnx2tf.

## What runs beside what

    export ── check ──┬─ translate ──┬─ convert ──┬─ infer, each runtime ──┬─ time, each runtime in turn
                      └─ run-onnxruntime          │
                                     └─ run-tensorflow

A stage answers as soon as it has made what the next one needs. What onnxruntime and TensorFlow compute for the
comparison, and the graph in words, are made beside the stages after them; the runtimes run a file beside each other;
with several variants, the next one is converted while the runtimes run the last one. Nothing runs beside the timing: at
least 5 invocations in each runtime, and up to 20 in a twentieth of a second (`--latency-runs` for more). Workers import
their frameworks while the stages before them run; that is most of the time of a small model.

## A small model, second by second

mobilenet_v2, an ONNX file of 14 MB, on 2026-12-01, on two processors on which onnx2tf takes 2.8 s for it: medians of
five runs. Integers are an int8 file that is calibrated on 100 samples.

| since the start, seconds | venv | docker | int8, venv |
|---|---:|---:|---:|
| options, plan and images are known; the first worker starts | 0.35 | 0.47 | 0.54 |
| the last of five workers is started | 0.39 | 0.94 | 0.56 |
| check answers | 0.99 | 1.30 | 1.15 |
| translate answers; it has imported TensorFlow before | 1.61 | 2.05 | 1.82 |
| convert answers; for integers, it calibrates | 1.85 | 2.37 | 6.40 |
| every runtime has run the file, and it is audited | 1.94 | 2.45 | 7.03 |
| every runtime has timed it | 2.18 | 2.70 | 7.40 |
| the folder is written, the workers are ended | 2.25 | 2.88 | 7.50 |

Both processors are busy until the runtimes have run. Two workers import TensorFlow, of its API what they name
(`stagekit/gathered_names.py`): 0.5 and 0.6 CPU seconds, where all of it takes one. The other three workers take 0.5 for
their imports, and pinlite itself 0.55 in a run whose workers are there.

## Weights

Files go from one stage to the next by a second name, not by a copy, and so they do to the output folder where that is
on the same filesystem; each is hashed once. Programs look at models without their weights (`stagekit/wire.py`), and the
frameworks read the files themselves where they can. What is left are the frameworks' own copies: protobuf messages,
their bytes, the converter's modules. The last column is what the peak memory of a stage grows by for each byte of
weights, between the two largest models.

{size_table}

{size_plot}

{memory_plot}

## Nodes

{node_table}

{node_plot}

The seconds grow with the power {size_power:.2f} of the size, and {node_power:.2f} of the number of nodes, at the two
largest models: 1 is a straight line.
"""

_PLOT = """\
```mermaid
xychart-beta
    title "{title}"
    x-axis "{x}" {first} --> {last}
    y-axis "{y}" 0 --> {most}
    line {values}
```"""


def reduced(found: dict[str, Any]) -> dict[str, Any] | None:
    """What the page says; None of a part of the models."""
    whole = {"by_size": scale.SIZES, "by_nodes": scale.NODES}
    return found if all([each["count"] for each in found.get(kind, ())] == [*whole[kind]] for kind in whole) else None


def page(found: dict[str, Any]) -> str:
    sizes, nodes = found["by_size"], found["by_nodes"]
    largest = [max(point["memory"].values()) / 1e9 for point in sizes]
    return PAGE.format(
        size_table=_table(sizes, "MB of weights", memory=True),
        node_table=_table(nodes, "nodes"),
        size_plot=_plot("Seconds of a conversion", "MB of weights", "seconds", sizes, _seconds(sizes)),
        memory_plot=_plot("Peak memory of the largest stage", "MB of weights", "GB", sizes, largest),
        node_plot=_plot("Seconds of a conversion", "nodes", "seconds", nodes, _seconds(nodes)),
        size_power=scale.exponent(sizes),
        node_power=scale.exponent(nodes),
    )


def _seconds(points: Points) -> list[float]:
    return [point["seconds"] for point in points]


def _table(points: Points, counted: str, *, memory: bool = False) -> str:
    """Seconds by stage, the slowest first and the whole at the end."""
    heads = ["stage, seconds", *(f"{point['count']:,}" for point in points), *(["copies"] if memory else [])]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    last = points[-1]["stages"]
    for name in sorted(last, key=lambda stage: -last[stage]):
        seconds = [point["stages"][name] for point in points]
        if seconds[-1] >= LEAST * points[-1]["seconds"]:
            cells = [name, *(f"{each:.1f}" for each in seconds), *([f"{_copies(points, name):.1f}"] if memory else [])]
            lines.append(f"| {' | '.join(cells)} |")
    whole = (f"**{seconds:.1f}**" for seconds in _seconds(points))
    return "\n".join([*lines, f"| {' | '.join([f'**the whole**, {counted}', *whole, *([''] if memory else [])])} |"])


def _copies(points: Points, stage: str) -> float:
    before, last = points[-2:]
    return (last["memory"][stage] - before["memory"][stage]) / ((last["count"] - before["count"]) * 1e6)


def _plot(title: str, x: str, y: str, points: Points, values: Sequence[float]) -> str:
    """A line through the points, whose counts are as far apart from one another."""
    return _PLOT.format(
        title=title,
        x=x,
        y=y,
        first=points[0]["count"],
        last=points[-1]["count"],
        most=round(max(values) * 1.1) + 1,
        values=f"[{', '.join(f'{each:.2f}' for each in values)}]",
    )
