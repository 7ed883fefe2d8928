"""What it costs that an engine does not see our files: conversions whose files go as archives, beside the same by
mounts. Both on the same engine, in turns, each a whole process with nothing cached.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = ("mounts", "archives")
HERE = Path(__file__).parent
# As --engine docker, with the way that files go taken as found out.
ENTRY = """
import os, sys
from pinlite.cli.main import main
from pinlite.engine.docker import DockerEngine

DockerEngine.shares_disk = os.environ["WAY"] == "mounts"
sys.exit(main())
"""


def seconds(model: list[str], out: Path, way: str) -> float:
    """Of a whole process."""
    command = [sys.executable, "-c", ENTRY, "convert", *model, "--engine", "docker", "--no-cache", "--out", str(out)]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"WAY": way})
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        net = Path(folder, "net.py")
        net.write_text((HERE / "scale_models.py").read_text() + "\n\ndef build():\n    return by_size(100)\n")
        models = {
            "mobilenet_v2, 14 MB": ["examples/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224"],
            "dense layers, 100 MB": [f"{net}:build", "--input", "x=4x16"],
        }
        for name, model in models.items():
            turns = []
            for number in range(runs):
                # Each way is the first one in every other turn.
                order = WAYS[:: -1 if number % 2 else 1]
                turns.append({way: seconds(model, Path(folder, way), way) for way in order})
            files = {(Path(folder, way) / "model.float32.tflite").read_bytes() for way in WAYS}
            report = json.loads((Path(folder, WAYS[0]) / "report.json").read_text())
            assert len(files) == 1, "both ways make the same bytes"
            medians = {way: statistics.median(turn[way] for turn in turns) for way in WAYS}
            more = statistics.median(turn["archives"] - turn["mounts"] for turn in turns)
            print(f"{name:<22} mounts {medians['mounts']:6.2f} s   archives {medians['archives']:6.2f} s   ", end="")
            print(f"more, in pairs {more:5.2f} s   ({len(report['stages'])} stages)", flush=True)


if __name__ == "__main__":
    main()
