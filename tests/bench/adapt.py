"""What `adapt` costs beside onnxruntime alone.

For each of three generated models, a process that adapts it and one that imports onnxruntime and runs it once take
turns. The ratio is of what adapting adds to the latter, of all seconds and of those of the processor; the medians are
printed. The profiles, on which a stage runs its model for half a second more, are left out.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore
from pinlite.toolchain import ADAPT

MODELS = ("convolutional_10mb", "transformer_100mb", "transformer_1gb")
TARGET = 0.6
ONCE = Path(__file__).with_name("adapt_once.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=MODELS, action="append")
    arguments = parser.parse_args()
    image = toolchain.load().images[ADAPT]
    place = Path(VenvEngine().ensure([image], ignore)[image.name].reference)

    def seconds(*command: str) -> list[float]:
        done = subprocess.run(
            [place / "environment" / "bin" / "python", ONCE, *command],
            check=True,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(place / "programs")},
        )
        return [float(number) for number in done.stdout.split()]

    missed = False
    for name in arguments.only or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            seconds("make", name, folder)
            pairs = [
                (seconds("run", folder), seconds("adapt", folder, str(Path(folder, "out"))))
                for _ in range(arguments.runs)
            ]
        for at, kind in enumerate(("elapsed", "processor")):
            each = [(alone[at], adapted[at]) for alone, adapted in pairs]
            ratio = statistics.median((adapted - alone) / alone for alone, adapted in each)
            alone, adapted = (statistics.median(times) for times in zip(*each, strict=True))
            print(f"{name}, {kind}: onnxruntime {alone:.2f} s, adapt {adapted:.2f} s: it adds {ratio:.2f}", flush=True)
            missed |= ratio > TARGET
    sys.exit(missed)


if __name__ == "__main__":
    main()
