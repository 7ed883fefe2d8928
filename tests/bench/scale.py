"""How long a conversion takes, and how much memory its largest stage, against the size of the weights and the number of
nodes: from a PyTorch callable to a float32 file that is compared in every runtime, nothing cached.

Writes build/scale/scale.json, of which `make docs` makes the plots of docs/performance.md.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pinlite.machine import system

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "scale"
MODELS = Path(__file__).with_name("scale_models.py")
# In millions of bytes; a protobuf holds less than 2,147. All are as far apart, for the plots.
SIZES = (10, 480, 950, 1420, 1900)
NODES = (100, 1300, 2500, 3750, 5000)
INPUTS = {"by_size": "x=4x16", "by_nodes": "x=1x3x8x8"}
PARAMETERS = {"by_size": "megabytes", "by_nodes": "nodes"}
MEMORY, TIMEOUT = "22g", 3600


def convert(kind: str, count: int, engine: str) -> dict[str, Any]:
    """Seconds of the whole process, and of each stage its seconds and peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "net.py")
        source.write_text(
            f"from scale_models import {kind}\n\n\ndef build():\n    return {kind}({PARAMETERS[kind]}={count})\n"
        )
        source.with_name(MODELS.name).write_text(MODELS.read_text())
        out = Path(folder, "out")
        command = [sys.executable, "-m", "pinlite", "convert", f"{source}:build", "--input", INPUTS[kind]]
        command += ["--engine", engine, "--memory", MEMORY, "--timeout", str(TIMEOUT), "--no-cache", "--out", str(out)]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        stages = json.loads((out / "report.json").read_text())["stages"]
    ran = {stage["name"]: stage for stage in stages if stage["source"] == "ran"}
    return {
        "count": count,
        "seconds": round(seconds, 2),
        "stages": {name: round(stage["seconds"], 2) for name, stage in ran.items()},
        "memory": {name: stage["peak_memory"] for name, stage in ran.items()},
    }


def exponent(points: list[dict[str, Any]]) -> float:
    """By which power the seconds grow with the count, at the last two points: 1 is a straight line."""
    before, last = points[-2:]
    return math.log(last["seconds"] / before["seconds"]) / math.log(last["count"] / before["count"])


def main() -> None:
    system.check()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--quick", action="store_true", help="leave the largest ones out")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, counts in (("by_size", SIZES), ("by_nodes", NODES)):
        found[kind] = []
        for count in counts[:3] if arguments.quick else counts:
            point = convert(kind, count, arguments.engine)
            found[kind].append(point)
            largest = max(point["memory"], key=point["memory"].get)
            print(
                f"{kind} {count}: {point['seconds']:.1f} s, {point['memory'][largest] / 1e9:.2f} GB in {largest}",
                flush=True,
            )
            (OUT / "scale.json").write_text(json.dumps(found, indent=1) + "\n")
        print(f"{kind}: seconds grow with the power {exponent(found[kind]):.2f}")


if __name__ == "__main__":
    main()
