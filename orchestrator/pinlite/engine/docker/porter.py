"""A porter: a container beside a worker whose engine does not see this machine's files.

It shares two volumes with the worker, and takes their files in and out as tar streams. The worker sees the one for its
inputs read-only, as it would see a folder of this machine. What runs in the porter measures what the worker writes.
"""

import contextlib
import json
import queue
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from docker.types import LogConfig, Mount

from pinlite.contract import Request
from pinlite.engine import owner, written
from pinlite.engine.docker import archives, inside, removal
from pinlite.engine.docker.attached import Attached
from pinlite.engine.docker.words import AGAIN, advice, told
from pinlite.engine.protocol import Job
from pinlite.engine.written import Excess
from pinlite.errors import StageCrashError

_LONGEST_LINE = 64 * 1024
_MEMORY = 128 * 1024**2
_PROCESSES = 16
# A Python without the packages of the image runs the two modules.
_PROGRAM = """
import sys, types

def module(name, source=""):
    made = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), made.__dict__)
    return made

module("pinlite")
module("pinlite.engine")
module("pinlite.engine.written", {written!r})
module("inside", {inside!r}).serve({limit})
"""


class Porter:
    """The `pinlite.engine.files.Files` of a worker; ``user`` is whom that runs as, by number."""

    def __init__(self, client: docker.DockerClient, job: Job, user: str) -> None:
        self._api = client.api
        self._job = job
        number, _, group = user.partition(":")
        self._user = int(number), int(group)
        name = f"pinlite-{uuid.uuid4().hex}"
        self._volumes = {"/in": f"{name}-in", "/out": f"{name}-out"}
        self._labels = owner.of_porter(job)
        self._sent = set[str]()
        self._excess: Excess | None = None
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ended = False
        self._attached: Attached | None = None
        self._id = ""
        for folder in (job.inputs, job.outputs):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._id = self._create(user)
            self._api.put_archive(self._id, "/", self._folders())
            self._attached = Attached(self._api, self._id)
            self._api.start(self._id)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove()
            raise
        threading.Thread(target=self._listen, args=(self._attached,), name="pinlite-porter", daemon=True).start()

    @property
    def mounts(self) -> list[Mount]:
        """The worker's."""
        return [
            Mount(where, volume, type="volume", read_only=where == "/in") for where, volume in self._volumes.items()
        ]

    def send(self, request: Request) -> None:
        new = sorted({path for path in request.inputs.values() if path not in self._sent})
        if new:
            stream = archives.packed([(path, self._job.inputs / path) for path in new], self._user)
            with self._told("sent to"):
                self._api.put_archive(self._id, "/in", self._while_needed(stream))
            self._sent.update(new)

    def fetch(self, request: Request) -> Excess | None:
        if self._ended:
            raise StageCrashError("what measures the files of the worker has ended", hint=AGAIN)
        for name in sorted({path.partition("/")[0] for path in request.outputs.values()}):
            with self._told("fetched from"):
                try:
                    stream, _ = self._api.get_archive(self._id, f"/out/{name}")
                except NotFound:
                    continue  # it made nothing
                with contextlib.closing(stream):
                    excess = archives.unpack(self._while_needed(stream), self._job.outputs, self._job.limits.disk)
            if excess:
                return excess
            # The next request may write there. What can't be removed goes with the volume.
            self._ask(removed=name)
        return None

    def excess(self) -> Excess | None:
        return self._excess

    def clear(self) -> None:
        self._sent.clear()
        if refused := self._ask(clear=True):
            raise OSError(refused)

    def remove(self) -> None:
        """Leave nothing of it; the worker is to be gone. OSError where the engine does not answer."""
        self._ended = True
        try:
            if self._id:
                removal.container(self._api, self._id)
            for volume in self._volumes.values():
                removal.volume(self._api, volume)
        finally:
            if self._attached:
                self._attached.hang_up()

    def _create(self, user: str) -> str:
        config = self._api.create_host_config(
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=_PROCESSES,
            mem_limit=_MEMORY,
            init=True,
            log_config=LogConfig(type="none"),
            mounts=[
                Mount(where, volume, type="volume", labels=self._labels, no_copy=True)
                for where, volume in self._volumes.items()
            ],
        )
        container = self._api.create_container(
            self._job.image.reference,
            entrypoint=["python", "-I", "-S", "-c", program(self._job.limits.disk)],
            labels=self._labels,
            user=user,
            stdin_open=True,
            host_config=config,
        )
        return str(container["Id"])

    def _folders(self) -> bytes:
        """The volumes as the worker's user may use them."""
        folders = [archives.folder(where.strip("/"), 0o755, self._user) for where in self._volumes]
        return b"".join([*folders, archives.END])

    def _listen(self, attached: Attached) -> None:
        """Runs in a thread of its own."""
        line = b""
        try:
            for stream, data in attached.chunks():
                if stream == "out":
                    *lines, line = (line + data).split(b"\n")
                    for each in lines:
                        self._hear(json.loads(each))
                    if len(line) > _LONGEST_LINE:
                        break
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # the daemon has gone, or something else runs there
        finally:
            self._ended = True
            self._done.put("it has ended")
            attached.close()

    def _hear(self, said: dict[str, Any]) -> None:
        if "excess" in said:
            what, hint = said["excess"]
            self._excess = Excess(str(what), str(hint))
        if "done" in said:
            self._done.put(str(said["done"]))

    def _ask(self, **what: object) -> str:
        """Have it done; why it was not, or nothing."""
        assert self._attached
        try:
            self._attached.send(json.dumps(what).encode() + b"\n")
            return self._done.get(timeout=self._api.timeout)
        except (OSError, queue.Empty) as error:
            return f"no answer from what has the files: {error}"

    def _while_needed(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        """Whoever removes the container waits for what is under way."""
        for chunk in stream:
            if self._ended:
                raise ConnectionAbortedError("the worker was ended")
            yield chunk

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """StageCrashError for what goes wrong meanwhile."""
        try:
            yield
        except archives.Strange as error:
            raise StageCrashError(str(error), hint=f"its log is {self._job.log}") from error
        except (DockerException, OSError) as error:
            message = f"the files of the {self._job.name} program can't be {what} the Docker engine: {told(error)}"
            raise StageCrashError(message, hint=advice(message)) from error


def program(limit: int) -> str:
    """What runs in a porter whose worker may write so many bytes: all that it needs, for its image has no pinlite."""
    sources = {module.__name__.rpartition(".")[2]: Path(str(module.__file__)) for module in (written, inside)}
    return _PROGRAM.format(limit=limit, **{name: path.read_text() for name, path in sources.items()})
