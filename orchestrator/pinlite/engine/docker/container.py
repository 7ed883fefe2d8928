"""A worker as a container in a sandbox, which has only its two mounts from the host."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Literal

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Mount, Ulimit
from docker.utils.socket import STDERR, STDOUT, frames_iter

from pinlite.contract import ENVIRONMENT
from pinlite.engine import owner
from pinlite.engine.docker.words import AGAIN, told
from pinlite.engine.process import Ending
from pinlite.engine.protocol import Job
from pinlite.errors import StageCrashError

_LEFT = f"{AGAIN}. That removes what was left, as `pinlite clean` does"
_STREAMS: dict[int, Literal["out", "err"]] = {STDOUT: "out", STDERR: "err"}
_SIGNALLED = 128
UNPRIVILEGED = "1000:1000"
_SCRATCH = "/tmp"  # noqa: S108  # inside the container


class ContainerProcess:
    def __init__(self, client: docker.DockerClient, job: Job) -> None:
        self._api = client.api
        for folder in (job.inputs, job.outputs):
            folder.mkdir(parents=True, exist_ok=True)
        # The container's user is another than the host's where that is root.
        job.inputs.chmod(0o755)
        job.outputs.chmod(0o777)
        self._connection: socket.socket | None = None
        self._id = self._create(job)
        try:
            # Attached before the start, so that no byte is missed.
            self._socket = self._api.attach_socket(self._id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            # docker-py gives a reader; the socket below it can write.
            self._connection = self._socket._sock  # noqa: SLF001
            # The answer to the attach was waited for; what a worker says and takes comes in its own time.
            self._connection.settimeout(None)
            self._api.start(self._id)
        except BaseException:
            self.remove()
            if self._connection:
                self._disconnect()
            raise

    def send(self, data: bytes) -> None:
        assert self._connection
        self._connection.sendall(data)

    def chunks(self) -> Iterator[tuple[Literal["out", "err"], bytes]]:
        try:
            for stream, data in frames_iter(self._socket, tty=False):  # type: ignore[no-untyped-call]
                yield _STREAMS[stream], data
        except OSError:
            return  # the daemon went away
        finally:
            self._disconnect()

    def check(self) -> None:
        try:
            self._api.ping()
        except (DockerException, OSError) as error:
            raise StageCrashError(f"the Docker engine does not answer any more: {told(error)}", hint=_LEFT) from error

    def ending(self) -> Ending:
        try:
            self._api.wait(self._id, timeout=self._api.timeout)
            state: dict[str, Any] = self._api.inspect_container(self._id)["State"]
        except NotFound:
            return Ending(-signal.SIGKILL)  # remove() was quicker
        except (DockerException, OSError) as error:
            raise StageCrashError(f"the Docker engine lost the container: {told(error)}", hint=_LEFT) from error
        code = state["ExitCode"]
        signalled = _SIGNALLED < code <= _SIGNALLED + signal.NSIG
        return Ending(_SIGNALLED - code if signalled else code, out_of_memory=state["OOMKilled"])

    def clear(self) -> None:
        try:
            command = self._api.exec_create(self._id, ["find", _SCRATCH, "-mindepth", "1", "-delete"])["Id"]
            output = self._api.exec_start(command)
            failed = self._api.exec_inspect(command)["ExitCode"]
        except (DockerException, OSError) as error:
            raise StageCrashError(f"the container can't be cleared: {told(error)}", hint=_LEFT) from error
        if failed:
            raise StageCrashError(f"the container can't be cleared: {output.decode(errors='replace')}", hint=_LEFT)

    def remove(self) -> None:
        try:
            remove(self._api, self._id)
        except OSError:
            # A daemon that doesn't answer leaves it to the next run to find the container by its labels; nor does it
            # end what is read from the container.
            if self._connection:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)

    def _disconnect(self) -> None:
        self._socket._response.close()  # noqa: SLF001  # closes the connection, which the reader alone doesn't
        self._socket.close()

    def _create(self, job: Job) -> str:
        config = self._api.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs={_SCRATCH: "rw,nosuid,nodev,size=1g"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=job.limits.processes,
            mem_limit=job.limits.memory,
            memswap_limit=job.limits.memory,
            ulimits=[
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="fsize", soft=job.limits.disk, hard=job.limits.disk),
            ],
            init=True,
            # The daemon would keep all that is printed, without end.
            log_config=LogConfig(type="none"),
            mounts=[
                Mount("/in", str(job.inputs), type="bind", read_only=True),
                Mount("/out", str(job.outputs), type="bind"),
            ],
        )
        container = self._api.create_container(
            job.image.reference,
            [job.program, "/in", "/out"],
            environment=ENVIRONMENT,
            labels=owner.labels(job),
            user=f"{os.getuid()}:{os.getgid()}" if os.getuid() else UNPRIVILEGED,
            stdin_open=True,
            host_config=config,
        )
        return str(container["Id"])


def remove(api: docker.APIClient, container: str) -> None:
    """Kill and remove a container; fine when it is gone, or when another run is about to remove it."""
    try:
        api.remove_container(container, force=True, v=True)
    except APIError as error:
        if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise
