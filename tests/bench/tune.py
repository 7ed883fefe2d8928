"""What a search for the integers of mobilenet_v2 takes, on 200 labelled images, beside one conversion for each trial.

Both find the export and the lowering in a store of their own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pinlite.machine import folders

SECONDS, TIMES = 600, 3
ROOT = Path(__file__).parents[2]
FILES = ("examples/mobilenet_v2.py", "tests/bench/labelled_images.py")
OPTIONS = (
    *("mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224", "--variant", "int8"),
    *("--calibration", "labelled_images.py:calibration", "--evaluate", "labelled_images.py:labelled"),
)
# Two of what a search tries.
TRIALS = (("--equalize",), ("--ranges", "mse"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    engine = parser.parse_args().engine
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES:
            shutil.copy(ROOT / file, folder)

        def seconds(cache: str, *command: str) -> float:
            """Of a whole process, which keeps what it makes in a cache."""
            place = Path(folder, cache)
            if not place.exists():
                place.mkdir()
                # The venv engine's environments are those that are there already.
                (place / "venv").symlink_to(folders.cache() / "venv")
            started = time.perf_counter()
            subprocess.run(
                [str(Path(sys.executable).with_name("pinlite")), *command, *OPTIONS, "--engine", engine],
                check=True,
                capture_output=True,
                cwd=folder,
                env=os.environ | {"PINLITE_CACHE": str(place)},
            )
            return time.perf_counter() - started

        usual = ("convert", "--loss", "100%", "--out", "usual")
        for cache in ("searched", "converted"):
            seconds(cache, *usual)
        alone = [seconds("converted", *usual, *options) for options in TRIALS]
        search = seconds("searched", "tune", "--loss", "20%", "--out", "tuned", "--budget", f"{SECONDS}s")
        tuning = json.loads(Path(folder, "tuned", "report.json").read_text())["tuning"]
    trials = len(tuning["trials"])
    conversion = sum(alone) / len(alone)
    print(f"a search, with its conversion at the end: {search:.0f} s, {trials} trials (target {SECONDS} s)")
    print(f"complete: {tuning['complete']}")
    print(f"a conversion: {conversion:.1f} s, a trial: {search / trials:.1f} s")
    print(f"one conversion for each trial / the search: {conversion * trials / search:.2f} (target {TIMES})")


if __name__ == "__main__":
    main()
