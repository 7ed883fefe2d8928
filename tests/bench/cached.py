"""What a conversion costs that has been made before: a whole process, beside one that only imports typer and rich.

Two stores are compared, one with this conversion alone, one with ten thousand actions beside it. The commands take
turns, so that what else the machine does falls on each of them.
"""

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pinlite
from pinlite.machine import folders
from pinlite.store.files import Store

ACTIONS = 10_000
TARGET, TARGET_FULL = 2.5, 1.1
MODEL = ("examples/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224")


def seconds(command: list[str], cache: Path) -> float:
    """Of a whole process, which keeps what it makes in ``cache``."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PINLITE_CACHE": str(cache)})
    return time.perf_counter() - started


def fill(cache: Path) -> None:
    """Put actions into a store that are like those that are in it, but of other keys."""
    store = Store(cache / Store().root.relative_to(folders.cache()))
    (record, *_) = sorted((store.root / "actions").glob("*/*.json"))
    content = json.loads(record.read_text())
    for number in range(ACTIONS):
        content["preimage"]["parameters"]["number"] = number
        path = store.record("actions", f"{number:064x}"[::-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--runs", type=int, default=30)
    arguments, extra = parser.parse_known_args()
    # As an installed package has its bytecode.
    compileall.compile_dir(Path(pinlite.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        alone, full = Path(folder, "alone"), Path(folder, "full")
        for cache in (alone, full):
            cache.mkdir()
            # The venv engine's environments are those that are there already.
            (cache / "venv").symlink_to(folders.cache() / "venv")
        program = str(Path(sys.executable).with_name("pinlite"))
        convert = [program, "convert", *MODEL, "--engine", arguments.engine, "--out", str(Path(folder, "out")), *extra]
        seconds(convert, alone)
        shutil.copytree(alone / "store", full / "store")
        fill(full)
        commands = {
            "import typer, rich": ([sys.executable, "-c", "import typer, rich"], alone),
            "pinlite convert": (convert, alone),
            f"with {ACTIONS} actions": (convert, full),
        }
        turns = [
            {name: seconds(command, cache) for name, (command, cache) in commands.items()}
            for _ in range(arguments.runs)
        ][1:]
    bare, cached, filled = commands
    for name in commands:
        times = [turn[name] for turn in turns]
        print(f"{name:<22} median {statistics.median(times) * 1000:6.1f} ms   fastest {min(times) * 1000:6.1f} ms")
    ratio = statistics.median(turn[cached] / turn[bare] for turn in turns)
    slower = statistics.median(turn[filled] / turn[cached] for turn in turns)
    print(f"a cached conversion / importing typer and rich: {ratio:.2f} (target {TARGET})")
    print(f"with {ACTIONS} actions / alone: {slower:.2f} (target {TARGET_FULL})")


if __name__ == "__main__":
    main()
