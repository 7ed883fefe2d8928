"""Convert a small model many times on the docker engine, in a row and four at a time, and see that nothing grows.

In a row, one process converts them all, so that what it doesn't give back shows. Four at a time are four such
processes, which share the engine, the cache and the folder of temporary files. Each conversion has a seed of its own
and takes nothing from the store.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "tests" / "cases" / "tiny.py"
AT_A_TIME = 4
RUNS = 200
# The first conversions import what they need; what grows after them grows for ever.
WARM = 6


def convert(runs: int, first_seed: int) -> list[dict[str, object]]:
    """Convert in this process; what it holds after each conversion."""
    import pinlite  # noqa: PLC0415  # the parent is not to hold what is measured

    turns = []
    with tempfile.TemporaryDirectory(prefix="out-") as folder:
        for number in range(runs):
            started = time.perf_counter()
            report = pinlite.convert(
                f"{MODEL}:network",
                inputs={"image": "1x3x16x16"},
                out=Path(folder, "out"),
                seed=first_seed + number,
                engine="docker",
                no_cache=True,
            )
            turns.append({"ok": report.ok, "seconds": time.perf_counter() - started, **held()})
    return turns


def held() -> dict[str, int]:
    """What this process holds: memory in bytes, open files, threads."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "memory": int(status["VmRSS"].split()[0]) * 1024,
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1,
        "threads": int(status["Threads"]),
    }


def left(folder: Path, before: set[str]) -> dict[str, int]:
    """What is there that was not: our containers, and volumes, of this engine; temporary files; bytes of the cache."""
    with contextlib.closing(docker.from_env()) as client:
        owned = client.api.containers(all=True, filters={"label": "pinlite.owner"})
        ours = [entry for entry in owned if any(str(folder) in mount["Source"] for mount in entry["Mounts"])]
        volumes = {volume["Name"] for volume in client.api.volumes()["Volumes"] or ()}
    cache = (path for path in (folder / "cache").rglob("*") if path.is_file())
    return {
        "containers": len(ours),
        "volumes": len(volumes - before),
        "temporary": len(list((folder / "tmp").iterdir())),
        "cache": sum(path.stat().st_size for path in cache),
        "logs": len(list((folder / "cache" / "logs").glob("?" * 12))),
    }


def soak(runs: int, processes: int, folder: Path) -> dict[str, object]:
    """Have so many processes share the runs; what each came to."""
    for name in ("cache", "tmp"):
        (folder / name).mkdir(parents=True)
    with contextlib.closing(docker.from_env()) as client:
        before = {volume["Name"] for volume in client.api.volumes()["Volumes"] or ()}
    share = runs // processes
    started = time.perf_counter()
    children = [
        subprocess.Popen(
            [sys.executable, __file__, "--child", str(number * share), "--runs", str(share)],
            env=os.environ | {"PINLITE_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp")},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    turns = [json.loads(child.communicate()[0] or "[]") for child in children]
    done = [turn for each in turns for turn in each]
    grown = {
        name: max((each[-1][name] - each[min(WARM, len(each)) - 1][name] for each in turns if each), default=0)
        for name in ("memory", "files", "threads")
    }
    return {
        "processes": processes,
        "asked": share * processes,
        "converted": sum(turn["ok"] for turn in done),
        "seconds": round(time.perf_counter() - started, 1),
        "slowest": round(max((turn["seconds"] for turn in done), default=0), 1),
        "memory": max((turn["memory"] for turn in done), default=0),
        "grown": grown,
        "left": left(folder, before),
    }


def table(results: list[dict[str, object]]) -> None:
    for result in results:
        grown, remaining = result["grown"], result["left"]
        print(
            f"{result['processes']} at a time: {result['converted']} of {result['asked']} in {result['seconds']:.0f} s"
        )
        print(f"  the slowest took {result['slowest']:.1f} s; a process held {result['memory'] / 1e6:.0f} MB at most")
        print(
            f"  grown: memory {grown['memory'] / 1e6:.2f} MB, open files {grown['files']}, threads {grown['threads']}"
        )
        print("  left: " + ", ".join(f"{count} {name}" for name, count in remaining.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--child", type=int, metavar="SEED", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        print(json.dumps(convert(arguments.runs, arguments.child)))
        return
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        results = [soak(arguments.runs, processes, Path(folder, str(processes))) for processes in (1, AT_A_TIME)]
    table(results)
    build = ROOT / "build" / "soak" / "soak.json"
    build.parent.mkdir(parents=True, exist_ok=True)
    build.write_text(json.dumps(results, indent=1) + "\n")
    lost = sum(result["asked"] - result["converted"] for result in results)
    sys.exit(1 if lost or any(result["left"]["containers"] or result["left"]["temporary"] for result in results) else 0)


if __name__ == "__main__":
    main()
