"""Time single operators, and the spellings of what one result costs, in the newest and the oldest TFLite runtime.

Writes build/op-costs/op-costs.json and prints a table: for each case its forms, the cheapest in the newest runtime
first, in microseconds of an invocation with their quartiles. Fails when two forms of a case don't compute the same.
"""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from bench import pairs
from bench.pairs import Quartiles
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "op-costs"
# The runtimes that are timed, by their packages, and where each has its interpreter.
MODULES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tensorflow-cpu": "tensorflow.lite.python.interpreter"}
# What spellings of GELU may differ by, of the largest magnitude; all others are nearer.
ALIKE = 0.05


@dataclass(frozen=True)
class Cost:
    """A form of a case in the runtimes by name: microseconds of an invocation, or why it is refused, and how much its
    result differs from that of the case's first form, of the largest magnitude.
    """

    case: str
    form: str
    shape: tuple[int, ...]
    microseconds: dict[str, Quartiles] = field(default_factory=dict)
    difference: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


COSTS = TypeAdapter(list[Cost])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="of cases, which op_forms.py has")
    costs, names = measured(parser.parse_args().only)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "op-costs.json").write_bytes(COSTS.dump_json(costs, indent=1) + b"\n")
    shown = Console(width=160) if not sys.stdout.isatty() else Console()
    shown.print(table(costs, names))
    other = unlike(costs)
    for line in other:
        print(line)
    sys.exit(bool(other))


def measured(only: str) -> tuple[list[Cost], list[str]]:
    """The forms of those cases, and the names of the runtimes, the newest first."""
    chosen = toolchain.load()
    rows = {row.package: row for row in chosen.runtimes}
    images = VenvEngine().ensure([chosen.images[rows[package].image] for package in MODULES], ignore)
    pythons = [
        Path(images[chosen.images[rows[package].image].name].reference, "environment", "bin", "python")
        for package in MODULES
    ]
    with tempfile.TemporaryDirectory(prefix="op-costs-") as folder:
        file = Path(folder, "forms.npz")
        _printed([pythons[0], HERE / "op_forms.py", file, only])
        with np.load(file) as written:
            costs = [
                Cost(form["case"], form["form"], tuple(form["shape"])) for form in json.loads(str(written["forms"]))
            ]
        for package, python in zip(MODULES, pythons, strict=True):
            lines = _printed([python, HERE / "op_time.py", MODULES[package], file])
            for line in map(json.loads, lines):
                _add(costs[line["number"]], rows[package].name, line)
    return costs, [rows[package].name for package in MODULES]


def _add(cost: Cost, runtime: str, line: dict[str, Any]) -> None:
    if "refused" in line:
        cost.refused[runtime] = line["refused"]
    else:
        cost.microseconds[runtime] = pairs.of(line["microseconds"])
        cost.difference[runtime] = line["difference"]


def _printed(command: Sequence[str | Path]) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests" / "programs" / "tflite_run")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=3600)
    return done.stdout.splitlines()


def table(costs: Iterable[Cost], names: Sequence[str]) -> Table:
    """A row for each form, the cheapest of a case in the newest runtime first."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("case", "form"):
        shown.add_column(column)
    for name in names:
        shown.add_column(f"{name}, µs", justify="right")
    for case, group in itertools.groupby(costs, key=lambda cost: cost.case):
        forms = sorted(group, key=lambda cost: [_median(cost, name) for name in names])
        for number, cost in enumerate(forms):
            shown.add_row("" if number else case, cost.form, *(_cell(cost, name) for name in names))
    return shown


def unlike(costs: Iterable[Cost]) -> list[str]:
    """The forms that compute something else than the first one of their case."""
    return [
        f"{cost.case}, {cost.form}: other than the first form by {difference:.0e} in {name}"
        for cost in costs
        for name, difference in cost.difference.items()
        if not difference <= ALIKE
    ]


def _median(cost: Cost, name: str) -> float:
    return cost.microseconds[name].median if name in cost.microseconds else math.inf


def _cell(cost: Cost, name: str) -> str:
    if name not in cost.microseconds:
        return "refused"
    found = cost.microseconds[name]
    return f"{found.median:.1f} ({found.lower:.1f} to {found.upper:.1f})"


if __name__ == "__main__":
    main()
