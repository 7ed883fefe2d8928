"""The probe: a stage program that misbehaves on request, its image, and what a test asks of it."""

import contextlib
import functools
import os
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from pinlite.contract import Request, Response
from pinlite.engine import Engine, Image, Job, Worker
from pinlite.machine import folders
from pinlite.toolchain import ImageRecipe, bases

FOLDER = Path(__file__).parent / "image"
BASE = bases.load()["python-3.8"]
RUNS = f"conformance-{os.getpid()}"


@functools.cache
def _files() -> dict[str, bytes]:
    """Read once: a program that is edited while the tests run is no other image to them."""
    stagekit = folders.IMAGES / "programs" / "stagekit"
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix != ".py" and path.is_file()}
    within = {FOLDER: "programs", stagekit: "programs/stagekit"}
    programs = (path for folder in within for path in folder.glob("*.py"))
    return files | {f"{within[path.parent]}/{path.name}": path.read_bytes() for path in programs}


def recipe(name: str = "probe", **changed: bytes) -> ImageRecipe:
    """The probe's image; keywords replace files, with _ for the dot of their name."""
    files = _files() | {file.replace("_", "."): data for file, data in changed.items()}
    return ImageRecipe(name, files, BASE)


@dataclass(frozen=True)
class Probe:
    """An engine with the probe's image, and how to start and find its workers."""

    engine: Engine
    image: Image
    job: Job

    def start(self, program: str = "probe", **limits: float) -> Worker:
        changed = self.job.limits.model_copy(update=limits)
        return self.engine.start(replace(self.job, program=program, limits=changed))

    def log(self) -> str:
        return self.job.log.read_text()

    def traces(self) -> list[str]:
        """The containers and volumes, or processes, of this test, by what finds them without pinlite."""
        return traces(self.engine, self.job.run)


def ask(worker: Worker, operation: str, **parameters: object) -> Response:
    return worker.request(Request(id="1", operation=operation, parameters=parameters))


def result(worker: Worker, operation: str, **parameters: object) -> dict:
    response = ask(worker, operation, **parameters)
    assert response.error is None
    return response.result


def traces(engine: Engine, run: str) -> list[str]:
    """The containers and volumes, or processes, of all runs whose name begins so."""
    return _containers(run) if engine.name == "docker" else _processes(run)


def _containers(run: str) -> list[str]:
    with contextlib.closing(docker.from_env()) as client:
        labelled = {"label": "pinlite.run"}
        found = {entry["Id"]: entry["Labels"] for entry in client.api.containers(all=True, filters=labelled)}
        volumes = client.api.volumes(filters=labelled)["Volumes"] or ()
        found |= {entry["Name"]: entry["Labels"] for entry in volumes}
    return sorted(name for name, labels in found.items() if labels["pinlite.run"].startswith(run))


def _processes(run: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environ = (process / "environ").read_bytes()
            if any(item.startswith(f"pinlite.run={run}".encode()) for item in environ.split(b"\0")):
                found.append(process.name)
    return found
