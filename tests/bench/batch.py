"""How fast `pinlite batch` is: twenty models of the zoo beside onnx2tf, a thousand small graphs, two thousand models
that are in the store.

Writes build/batch/batch.json, of which `make docs` makes docs/scale.md. The twenty are converted by turns: all of them
by one `pinlite batch`, nothing cached, each by onnx2tf after the other, and by `xargs -P2`. Fails when a target is
missed: 0.4 times the seconds of onnx2tf in turn, 0.7 of it by two, 2 of the small graphs a second, and 40 seconds for
those in the store.
"""

import argparse
import compileall
import contextlib
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import exports
from zoo import manifest

import pinlite
from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore
from pinlite.machine import folders

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "batch"
MODELS = Path(__file__).with_name("batch.toml")
DRAW = Path(__file__).with_name("batch_models.py")
PARTS = ("twenty", "drawn", "kept")
MODEL_NAMES = tuple(model.name for model in manifest.load(MODELS))
DRAWN = 1000
IN_TURN, BY_TWO, A_SECOND, KEPT_SECONDS, GROWTH = 0.4, 0.7, 2.0, 40.0, 0.1
# Of the memory, in seconds.
EVERY = 5.0


def main() -> None:
    arguments = _arguments()
    compileall.compile_dir(Path(pinlite.__file__).parent, quiet=1)
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / "batch.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    found |= {"date": dt.datetime.now(tz=dt.UTC).date().isoformat(), "processors": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="bench-batch-") as name:
        for part in arguments.part or PARTS:
            load = round(os.getloadavg()[0], 1)
            found[part] = {**_PARTS[part](Path(name), arguments), "load": load}
            file.write_text(json.dumps(found, indent=1) + "\n")
    missed = [*shortfalls(found)]
    print(*missed, sep="\n")
    sys.exit(bool(missed))


def shortfalls(found: dict[str, Any]) -> Iterator[str]:
    """What does not reach its target, of the parts that were measured."""
    if twenty := found.get("twenty"):
        for name, limit in (("in turn", IN_TURN), ("by two", BY_TWO)):
            ratio = statistics.median(turn["ours"] / turn[name] for turn in twenty["rounds"])
            if ratio > limit:
                yield f"twenty models take {ratio:.2f} of the time of onnx2tf {name}, not {limit}"
    if (drawn := found.get("drawn")) and drawn["models"] / drawn["seconds"] < A_SECOND:
        yield f"{drawn['models'] / drawn['seconds']:.2f} small graphs a second, not {A_SECOND}"
    if drawn and growth(drawn) > GROWTH:
        yield f"the memory grows by {growth(drawn):.2f}, not {GROWTH}"
    if (kept := found.get("kept")) and max(kept["new folders"], kept["folders there"]) > KEPT_SECONDS:
        yield f"{kept['models']} models of the store take more than {KEPT_SECONDS} s"


def growth(drawn: dict[str, Any]) -> float:
    """What the memory of a batch grows by, as a share: from its second quarter to its last, each at its median."""
    quarters = [0.25 * drawn["models"], 0.5 * drawn["models"], 0.75 * drawn["models"]]
    second = [point["bytes"] for point in drawn["memory"] if quarters[0] <= point["models"] < quarters[1]]
    last = [point["bytes"] for point in drawn["memory"] if quarters[2] <= point["models"] < drawn["models"]]
    return statistics.median(last) / statistics.median(second) - 1 if second and last else 0.0


def twenty(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each way, by turns."""
    models = manifest.select(manifest.load(MODELS), arguments.only, quick=arguments.quick)
    given = folder / "given"
    given.mkdir()
    for model in models:
        made = exports.write(model, OUT / "exports" / model.name, arguments.engine, Path(sys.executable))
        shutil.copyfile(made.onnx, given / f"{model.name}.onnx")
    rounds = []
    for number in range(arguments.rounds):
        turn = {
            "ours": ours(folder / f"ours-{number}", [f"{given}/*.onnx"], arguments.engine),
            "in turn": theirs(folder / f"turn-{number}", given, 1),
            "by two": theirs(folder / f"two-{number}", given, 2),
        }
        rounds.append(turn)
        _tell("twenty", **turn)
    size = sum(path.stat().st_size for path in given.iterdir())
    return {"models": [model.name for model in models], "bytes": size, "rounds": rounds}


def ours(folder: Path, sources: list[str], engine: str) -> float:
    """Seconds of a batch whose store is empty; all of it has to be right."""
    with own_cache(folder):
        seconds = batch(sources, folder / "out", engine)
    shutil.rmtree(folder)
    return seconds


def batch(sources: list[str], out: Path, engine: str, memory: "Memory | None" = None) -> float:
    command = [sys.executable, "-m", "pinlite", "batch", *sources, "--engine", engine, "--out", str(out)]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--quiet"], stdout=subprocess.DEVNULL) as process:
        if memory:
            memory.watch(process.pid, started)
        process.wait()
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"error: not all models are right: {out / 'batch.json'}")
    return seconds


def theirs(folder: Path, given: Path, at_a_time: int) -> float:
    """Seconds of onnx2tf on a copy of each file, which it rewrites, with what it calls on PATH."""
    shutil.copytree(given, folder)
    environment = os.environ | {"PATH": f"{ROOT / '.venv' / 'onnx2tf' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    files = "\n".join(sorted(path.name for path in folder.glob("*.onnx")))
    command = ["xargs", f"-P{at_a_time}", "-I{}", "sh", "-c", "onnx2tf -i {} -o {}.out > {}.log 2>&1 || true"]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, input=files, text=True, check=True)
    seconds = time.perf_counter() - started
    shutil.rmtree(folder)
    return seconds


def drawn(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Many small graphs, each another one: how many a second, and how much memory over time."""
    models = folder / "drawn"
    if not models.exists():
        models.mkdir()
        recipe = toolchain.load().images["onnx-adapt"]
        image = VenvEngine().ensure([recipe], ignore)[recipe.name]
        python = Path(image.reference, "environment", "bin", "python")
        subprocess.run([python, DRAW, models, str(arguments.count)], check=True)
    _models_toml(folder / "once.toml", models, "a")
    memory = Memory(folder / "many")
    with own_cache(folder / "cache"):
        seconds = batch([str(folder / "once.toml")], folder / "many", arguments.engine, memory)
    _tell("drawn", models=arguments.count, seconds=seconds)
    size = sum(path.stat().st_size for path in models.iterdir())
    return {"models": arguments.count, "bytes": size, "seconds": round(seconds, 1), "memory": memory.points}


def kept(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Twice as many models, all of which are in the store, into new folders and into those that are there."""
    if not (folder / "many").exists():
        drawn(folder, arguments)
    _models_toml(folder / "twice.toml", folder / "drawn", "a", "b")
    asked = [str(folder / "twice.toml")], folder / "many", arguments.engine
    with own_cache(folder / "cache"):
        batch(*asked)
        there = batch(*asked)
        shutil.rmtree(folder / "many")
        new = batch(*asked)
    found = {"models": 2 * arguments.count, "new folders": round(new, 2), "folders there": round(there, 2)}
    _tell("kept", **found)
    return found


_PARTS = {"twenty": twenty, "drawn": drawn, "kept": kept}


def _models_toml(file: Path, models: Path, *names: str) -> None:
    """Every model once under each name."""
    file.write_text("".join(f'[[model]]\nname = "{name}-*"\nsource = "{models}/*.onnx"\n\n' for name in names))


class Memory:
    """What a command and all that it has started hold, over time; with how many models were done by then."""

    def __init__(self, out: Path) -> None:
        self.points: list[dict[str, float]] = []
        self._out = out

    def watch(self, process: int, started: float) -> None:
        threading.Thread(target=self._watch, args=(process, started), daemon=True).start()

    def _watch(self, process: int, started: float) -> None:
        while held := sum(_held(each) for each in _tree(process)):
            done = sum(1 for _ in self._out.glob("*/report.json"))
            point = {"seconds": round(time.perf_counter() - started, 1), "models": done, "bytes": held}
            self.points.append(point)
            time.sleep(EVERY)


def _tree(process: int) -> list[int]:
    """A process and all below it; the keeper of its workers is one that it has started."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found, waiting = [], [process]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def _held(process: int) -> int:
    """In bytes, without the pages of files, which others may share; what processes share counts in shares."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    """A cache with nothing in it but the environments that are there."""
    engines = folders.cache() / "venv"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "venv").exists():
        (folder / "venv").symlink_to(engines)
    before = os.environ.get("PINLITE_CACHE")
    os.environ["PINLITE_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("PINLITE_CACHE")
        os.environ |= {"PINLITE_CACHE": before} if before else {}


def _tell(part: str, **figures: float) -> None:
    print(f"{part}: {', '.join(f'{name} {figure:.1f}' for name, figure in figures.items())}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="venv", help="what runs pinlite's stages [venv]")
    parser.add_argument("--part", action="append", choices=PARTS, help="what is measured [all]")
    parser.add_argument("--rounds", type=int, default=3, help="how often the twenty are converted, by turns [3]")
    parser.add_argument("--count", type=int, default=DRAWN, help=f"of small graphs [{DRAWN}]")
    parser.add_argument("--only", default="", metavar="NAMES", help="some of the twenty, by names or patterns")
    parser.add_argument("--quick", action="store_true", help="three of the twenty")
    return parser.parse_args()


if __name__ == "__main__":
    main()
