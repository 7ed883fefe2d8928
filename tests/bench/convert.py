"""Whole-process time and memory of converting the example, images present and nothing cached.

The ratio sets the whole against what the stages' programs say that they worked, so that it holds on a noisy machine.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MODEL = ("examples/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224")


def convert(engine: str, extra: list[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of one conversion as a process of its own, and its report."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        command = [sys.executable, "-m", "pinlite", "convert", *MODEL, "--engine", engine, "--out", str(out)]
        command += ["--no-cache", *extra]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started, json.loads((out / "report.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--runs", type=int, default=5)
    arguments, extra = parser.parse_known_args()
    convert(arguments.engine, extra)  # the first one may build images
    runs = [convert(arguments.engine, extra) for _ in range(arguments.runs)]
    seconds = [wall for wall, _ in runs]
    reports = [report for _, report in runs]
    print(f"engine {reports[0]['engine']}, {len(runs)} runs after one that is not counted")
    print(f"whole process   median {statistics.median(seconds):6.2f} s   {min(seconds):.2f} to {max(seconds):.2f}")
    for index, stage in enumerate(reports[0]["stages"]):
        spent = statistics.median(report["stages"][index]["seconds"] for report in reports)
        peak = max(report["stages"][index]["peak_memory"] for report in reports)
        print(f"  {stage['name']:<13} median {spent:6.2f} s   peak memory {peak / 1e9:.2f} GB")
    ratios = [wall / sum(stage["seconds"] for stage in report["stages"]) for wall, report in runs]
    print(f"whole process / its stages: median {statistics.median(ratios):.2f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"largest process that the command itself started: {peak / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
