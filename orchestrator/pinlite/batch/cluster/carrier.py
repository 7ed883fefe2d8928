"""A process of a Dask worker that carries out one task at a time, in a folder made of what the task was sent with.

``python -m pinlite.batch.cluster.carrier DESCRIPTOR``, with a socket as that descriptor: jobs come as JSON, events and
outcomes go so. It ends when the other end does, or after a while without a job.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pinlite import digest, options, provenance, trust
from pinlite.batch import one_model
from pinlite.batch.cluster import events, exchange, machines
from pinlite.batch.cluster.job import Blob, Job, Listing, Outcome
from pinlite.batch.tasks import Task
from pinlite.conversion.plan import Plan
from pinlite.conversion.run import Shared
from pinlite.errors import ClusterError, RegistryError
from pinlite.events import BatchEvent
from pinlite.machine import temporary
from pinlite.schema.batch import ModelResult
from pinlite.store import output
from pinlite.store.files import Store

# In seconds; a batch is over then, or this worker has nothing to do in it.
IDLE = 60.0
_INTERRUPTED = 130


class Carrier:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._saying = threading.Lock()
        self._store = Store()

    def serve(self) -> None:
        threading.Thread(target=self._hear, name="pinlite-jobs", daemon=True).start()
        with contextlib.suppress(queue.Empty):
            while (job := self._jobs.get(timeout=IDLE)) is not None:
                self._say({"outcome": self.carried_out(job).model_dump(mode="json")})

    def _hear(self) -> None:
        """As `pinlite.batch.host.Host` hears."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._jobs.put(self._connection.recv_bytes().decode())
        self._jobs.put(None)
        os.kill(os.getpid(), signal.SIGINT)

    def _say(self, what: Mapping[str, Any]) -> None:
        with self._saying:
            self._connection.send_bytes(json.dumps(what).encode())

    def _tell(self, event: BatchEvent) -> None:
        if told := events.packed(event):
            self._say({"event": told})

    def carried_out(self, text: str) -> Outcome:
        """What comes of a `Job` in JSON; the process is in / afterwards."""
        try:
            job = Job.model_validate_json(text)
        except ValidationError as error:
            return Outcome(refused=f"it does not understand the task: {str(error).splitlines()[0]}")
        if told := machines.difference(job.machine, machines.this()):
            return Outcome(refused=told)
        with temporary.folder() as made:
            root = Path(made).resolve() / "root"
            try:
                return self._in(root, job)
            except RegistryError as error:
                return Outcome(unavailable=str(error))
            except ValueError as error:
                return Outcome(refused=f"the task has a path that it does not take: {error}")
            except OSError as error:
                return Outcome(hindered=f"{error.filename or made}: {error.strerror or error}")
            finally:
                os.chdir("/")

    def _in(self, root: Path, job: Job) -> Outcome:
        """In a folder that stands for the root of the one who asks."""
        where = exchange.at(job.exchange)
        for path, blob in job.files.items():
            self._lay(blob, _below(root, path), where)
        here = _below(root, job.folder)
        here.mkdir(parents=True, exist_ok=True)
        os.chdir(here)
        settings = _settings(job, root)
        task = Task(job.name, Path(settings["out"]), settings)
        refused: list[str] = []

        def held(plan: Plan) -> None:
            if told := machines.other_images(
                job.images, {image.name: image.identity() for image in plan.images.values()}
            ):
                refused.append(told)
                raise ClusterError(told)

        shared = Shared(job.keeper, job.keep_warm, job.trust) if job.keeper else None
        result = one_model.convert(task, shared, self._tell, held=held)
        if refused:
            return Outcome(refused=refused[0])
        return Outcome(result=_as_there(result, root), files=self._laid(task.out.absolute(), root, where))

    def _lay(self, blob: Blob, target: Path, where: exchange.Exchange) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        exchange.have(blob, target, where, self._store, lambda _: None)

    def _laid(self, folder: Path, root: Path, where: exchange.Exchange) -> Listing:
        """The files of a result, where the one who asks takes them from."""
        if not folder.is_dir():
            return {}
        texts = {
            path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name in output.DOCUMENTS
        }
        for name, text in provenance.moved(texts, str(root)).items():
            if text != texts[name]:
                (folder / name).write_text(text, encoding="utf-8", newline="")
        files = {path.relative_to(folder).as_posix(): path for path in digest.files_below(folder)}
        # What the result says of itself; an exchange takes nothing that has another digest.
        known = provenance.subjects((folder / output.PROVENANCE).read_text(encoding="utf-8"))
        blobs = exchange.blobs_of(files, known)
        by_content = {blob: files[name] for name, blob in blobs.items()}
        exchange.tried(lambda: where.put(by_content), lambda _: None)
        return blobs


def _below(root: Path, path: str) -> Path:
    """Where a path of another machine is here; a ValueError for one that would lead elsewhere."""
    place = Path(os.path.normpath(f"{root}/{path}"))
    if not path.startswith("/") or not place.is_relative_to(root):
        raise ValueError(path)
    return place


def _settings(job: Job, root: Path) -> dict[str, Any]:
    """The options of a job, as they hold here. Shared results are looked up where a key is trusted."""
    settings = options.moved(job.settings, lambda path: f"{root}{path}" if path.startswith("/") else path)
    if not settings.get("trust-key") and not any(name in os.environ for name in (trust.SIGNING, trust.TRUSTED)):
        settings.pop("store", None)
    return settings


def _as_there(result: ModelResult, root: Path) -> ModelResult:
    """With the paths of the one who asks in what is told."""
    words = {name: getattr(result, name).replace(str(root), "") for name in ("message", "hint", "source")}
    return result.model_copy(update=words)


def main() -> None:
    # Dask's worker says when this process is to end; who starts it may have it ignore ^C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with Connection(int(sys.argv[1])) as connection:
            Carrier(connection).serve()
    except (KeyboardInterrupt, OSError, EOFError):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
