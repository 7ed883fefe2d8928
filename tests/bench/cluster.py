"""How much faster two workers of Dask are than one, and what a cluster costs besides: the models of batch.toml.

Each worker has a core, a network namespace, a home and a cache of its own, in which nothing is but the environments
that are there; all that they share is a registry. Needs root, for the namespaces. Writes build/cluster/cluster.json, of
which `make docs` makes a part of docs/scale.md. Fails when two workers take more than 0.6 times what one takes.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from bench import batch, exports
from clusters import STARTS, sharing_environments
from distributed import Client
from oci_registry import Service
from zoo import manifest

from pinlite.machine import folders

OUT = batch.ROOT / "build" / "cluster"
TARGET = 0.6
# A bridge, and an address for each namespace on it.
BRIDGE, NET = "pinlite-bench", "10.231.77"
HOST, PORT = f"{NET}.1", 8786


def main() -> None:
    arguments = _arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    load = round(os.getloadavg()[0], 1)
    models = manifest.select(manifest.load(batch.MODELS), arguments.only, quick=arguments.quick)
    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as name, network(2):
        folder = Path(name)
        given = folder / "given"
        given.mkdir()
        for model in models:
            made = exports.write(model, batch.OUT / "exports" / model.name, "venv", Path(sys.executable))
            shutil.copyfile(made.onnx, given / f"{model.name}.onnx")
        (folder / "least").mkdir()
        least = min(given.iterdir(), key=lambda path: path.stat().st_size)
        shutil.copyfile(least, folder / "least" / least.name)
        # What it takes besides is what a command takes, and not a model.
        start = measured(folder / "start", folder / "least", 1)
        rounds = []
        for number in range(arguments.rounds):
            turn = {
                name: measured(folder / f"{name}-{number}", given, count) for name, count in (("one", 1), ("two", 2))
            }
            rounds.append(turn)
            print(
                f"one {turn['one']['seconds']:.1f} s, two {turn['two']['seconds']:.1f} s: {ratio([turn]):.2f}",
                flush=True,
            )
        found = {
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "processors": os.cpu_count(),
            "load": load,
            "models": [model.name for model in models],
            "bytes": sum(path.stat().st_size for path in given.iterdir()),
            "start": start,
            "rounds": rounds,
        }
    (OUT / "cluster.json").write_text(json.dumps(found, indent=1) + "\n")
    if ratio(rounds) > TARGET:
        sys.exit(f"two workers take {ratio(rounds):.2f} of the time of one, not {TARGET}")


def ratio(rounds: list[dict[str, Any]]) -> float:
    return statistics.median(turn["two"]["seconds"] / turn["one"]["seconds"] for turn in rounds)


def measured(folder: Path, given: Path, workers: int) -> dict[str, float]:
    """Seconds of a whole command: all of them; those of its conversions, added; and of the processor, of the command
    and of the scheduler. ``stored`` are the bytes that the registry has afterwards.
    """
    folder.mkdir()
    certificate = certified(folder)
    registry = Service(folder / "registry", certificate=certificate, address=HOST)
    try:
        with cluster(folder, registry.host, workers) as scheduler:
            before = sum(scheduler.cpu_times()[:2])
            command = [sys.executable, "-m", "pinlite", "batch", f"{given}/*.onnx", "--engine", "venv", "--quiet"]
            command += ["--out", folder / "out", "--scheduler", f"tcp://{HOST}:{PORT}"]
            command += ["--store", f"oci://{registry.host}/zoo"]
            started = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                env=environment(folder, "asks", registry.host),
                start_new_session=True,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            if status:
                sys.exit(f"error: not all models are right: {(folder / 'out' / 'batch.json').read_text()}")
            report = json.loads((folder / "out" / "batch.json").read_text())
            return {
                "seconds": round(seconds, 2),
                "converting": round(sum(model["seconds"] for model in report["models"]), 2),
                "asking": round(usage.ru_utime + usage.ru_stime, 2),
                "scheduling": round(sum(scheduler.cpu_times()[:2]) - before, 2),
                "stored": sum(path.stat().st_size for path in registry.content.rglob("data")),
            }
    finally:
        registry.stop()
        shutil.rmtree(folder / "registry")


@contextlib.contextmanager
def cluster(folder: Path, registry: str, workers: int) -> Iterator[psutil.Process]:
    """The process of a scheduler, once all of its workers are there."""
    dask = [sys.executable, "-m", "dask"]
    started = []
    try:
        with (folder / "log").open("ab") as log:
            own = ["scheduler", "--host", HOST, "--port", str(PORT), "--no-dashboard", "--no-jupyter"]
            asked = {"stdout": log, "stderr": log, "start_new_session": True}
            started.append(subprocess.Popen([*dask, *own], env=environment(folder, "schedules", registry), **asked))
            for number in range(workers):
                inside = ["ip", "netns", "exec", f"{BRIDGE}-{number}", "taskset", "--cpu-list", str(number)]
                own = [
                    "worker",
                    f"tcp://{HOST}:{PORT}",
                    "--nthreads",
                    "1",
                    "--no-dashboard",
                    "--name",
                    f"worker-{number}",
                ]
                command = [*inside, *dask, *own, "--local-directory", str(folder / f"dask-{number}")]
                started.append(
                    subprocess.Popen(command, env=environment(folder, f"worker-{number}", registry), **asked)
                )
        with Client(f"tcp://{HOST}:{PORT}", timeout=STARTS, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=STARTS)
        yield psutil.Process(started[0].pid)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        # Workers of stages wait for a model that does not come.
        for number in range(workers):
            own = environment(folder, f"worker-{number}", registry)
            subprocess.run([sys.executable, "-m", "pinlite", "clean", "--quiet"], env=own, check=True)


def environment(folder: Path, name: str, registry: str) -> dict[str, str]:
    """That of a machine of its own, which trusts the registry's certificate."""
    home = folder / name
    if not home.exists():
        trusted = home / ".config" / "docker" / "certs.d" / registry
        trusted.mkdir(parents=True)
        shutil.copyfile(folder / "certificate.pem", trusted / "ca.crt")
        sharing_environments(home / "cache", folders.cache())
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PINLITE_CACHE": str(home / "cache")}
    return os.environ | own


def certified(folder: Path) -> Path:
    """A file with a certificate for the host, and its key."""
    file = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}", "-keyout", file.with_name("key.pem")]
    subprocess.run([*command, "-out", file], check=True, capture_output=True)
    file.write_text(file.read_text() + file.with_name("key.pem").read_text())
    return file


@contextlib.contextmanager
def network(count: int) -> Iterator[None]:
    """So many namespaces, which a bridge joins with this one."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("address", "add", f"{HOST}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number in range(count):
            inside, outside = f"{BRIDGE}-{number}", f"pl-bench-{number}"
            ip("netns", "add", inside)
            ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", inside)
            ip("link", "set", outside, "master", BRIDGE, "up")
            ip("-n", inside, "address", "add", f"{NET}.{number + 2}/24", "dev", "eth0")
            ip("-n", inside, "link", "set", "eth0", "up")
            ip("-n", inside, "link", "set", "lo", "up")
        yield
    finally:
        for number in range(count):
            subprocess.run(["ip", "netns", "delete", f"{BRIDGE}-{number}"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often the models are converted, by turns [3]")
    parser.add_argument("--only", default="", metavar="NAMES", help="some of the twenty, by names or patterns")
    parser.add_argument("--quick", action="store_true", help="three of the twenty")
    return parser.parse_args()


if __name__ == "__main__":
    main()
