"""The labels of containers and processes: the run that started them, and the process of that run."""

import uuid

from pinlite.engine.protocol import Job
from pinlite.machine import processes

MARK = "pinlite"
RUN = "pinlite.run"
IMAGE = "pinlite.image"
STAGE = "pinlite.stage"
WORKER = "pinlite.worker"
OWNER = "pinlite.owner"


def of_build() -> dict[str, str]:
    """What tells that a container serves the build of an image, and whose."""
    return {MARK: "build", RUN: "", OWNER: processes.this()}


def of_porter(job: Job) -> dict[str, str]:
    """What tells that a container or volume carries the files of a worker, and whose it is."""
    return {MARK: "porter", RUN: job.run, IMAGE: job.image.name, OWNER: processes.this()}


def labels(job: Job) -> dict[str, str]:
    """What tells one worker from every other, and whose it is."""
    return {
        MARK: "worker",
        RUN: job.run,
        IMAGE: job.image.name,
        STAGE: job.program,
        WORKER: uuid.uuid4().hex,
        OWNER: processes.this(),
    }
