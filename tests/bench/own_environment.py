"""What a conversion in the user's own environment costs, beside its parts done by hand there.

A run of all is `pinlite convert MODEL --python ENV`. Its parts are a script that calls torch.onnx.export in that
environment, and `pinlite convert` of the file that it wrote. All are whole processes, which take turns.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL = """
import timm
import torch


def build():
    torch.manual_seed(0)
    return timm.create_model("{name}", pretrained=False).eval()
"""
BY_HAND = """
import torch

from net import build

torch.onnx.export(build(), (torch.rand(1, 3, 224, 224),), "by-hand.onnx", input_names=["image"], external_data=False)
"""
INPUT = ("--input", "image=1x3x224x224")


def timed(command: list[str | Path], folder: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_surroundings())
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ends with {done.returncode}:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def _surroundings() -> dict[str, str]:
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path, help="a folder with torch and timm")
    parser.add_argument("--model", default="mobilenetv4_conv_small", help="of timm")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    environment = arguments.environment.absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "net.py").write_text(MODEL.format(name=arguments.model))
        (folder / "by_hand.py").write_text(BY_HAND)

        def converted(*source: str | Path) -> float:
            command = [sys.executable, "-m", "pinlite", "convert", *source, "--engine", arguments.engine]
            shutil.rmtree(folder / "out", ignore_errors=True)
            return timed([*command, "--no-cache", "--out", folder / "out"], folder)

        runs, exports = [], []
        for _ in range(arguments.runs + 1):  # the first one may build images
            exported = timed([environment / "bin" / "python", "-B", "by_hand.py"], folder)
            rest = converted("by-hand.onnx")
            whole = converted("net.py:build", *INPUT, "--python", environment, "--trust")
            stages = json.loads((folder / "out" / "report.json").read_text())["stages"]
            exports.append(next(stage for stage in stages if stage["name"] == "export"))
            runs.append((exported, rest, whole))
    print(f"{arguments.model}, {arguments.runs} runs after one that is not counted, medians")
    words = ("torch.onnx.export alone", "pinlite convert by-hand.onnx", "pinlite convert --python")
    for what, seconds in zip(words, zip(*runs[1:], strict=True), strict=True):
        print(f"{what:<30}{statistics.median(seconds):7.2f} s   {min(seconds):.2f} to {max(seconds):.2f}")
    stage = statistics.median(export["seconds"] for export in exports[1:])
    peak = max(export["peak_memory"] for export in exports)
    print(f"  its stage export{stage:21.2f} s   peak memory {peak / 1e9:.2f} GB")
    ratio = statistics.median(whole / (exported + rest) for exported, rest, whole in runs[1:])
    print(f"whole / its parts done by hand: {ratio:.2f}")


if __name__ == "__main__":
    main()
