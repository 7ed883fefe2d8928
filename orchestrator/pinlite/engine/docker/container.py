"""A worker as a container in a sandbox, which has only its mounts besides its image."""

import os
import signal
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import docker
from docker.errors import DockerException, NotFound
from docker.types import LogConfig, Mount, Ulimit

from pinlite.contract import ENVIRONMENT
from pinlite.engine import owner
from pinlite.engine.docker import removal
from pinlite.engine.docker.attached import Attached
from pinlite.engine.docker.porter import Porter
from pinlite.engine.docker.words import AGAIN, told
from pinlite.engine.process import Ending
from pinlite.engine.protocol import Job
from pinlite.errors import StageCrashError

_LEFT = f"{AGAIN}. That removes what was left, as `pinlite clean` does"
_SIGNALLED = 128
_UNPRIVILEGED = "1000:1000"
_SCRATCH = "/tmp"  # noqa: S108  # inside the container
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"


class ContainerProcess:
    def __init__(
        self, client: docker.DockerClient, job: Job, mounts: Sequence[Mount], porter: Porter | None = None
    ) -> None:
        """``mounts`` are `folders` of the job, or what a ``porter`` has of /in and /out, who ends with it."""
        self._api = client.api
        self._porter = porter
        self._attached: Attached | None = None
        self._id = self._create(job, mounts)
        try:
            self._attached = Attached(self._api, self._id)
            self._api.start(self._id)
        except BaseException:
            self.remove()
            if self._attached:
                self._attached.close()
            raise

    def send(self, data: bytes) -> None:
        assert self._attached
        self._attached.send(data)

    def chunks(self) -> Iterator[tuple[Literal["out", "err"], bytes]]:
        assert self._attached
        try:
            yield from self._attached.chunks()
        except OSError:
            return  # the daemon went away
        finally:
            self._attached.close()

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
            removal.container(self._api, self._id)
            if self._porter:
                self._porter.remove()
        except OSError:
            # A daemon that doesn't answer leaves it to the next run to find the container by its labels; nor does it
            # end what is read from the container.
            if self._attached:
                self._attached.hang_up()

    def _create(self, job: Job, mounts: Sequence[Mount]) -> str:
        config = self._api.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs={_SCRATCH: "rw,nosuid,nodev,noexec,size=1g"},
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
            mounts=list(mounts),
        )
        container = self._api.create_container(
            job.image.reference,
            [job.program, "/in", "/out"],
            environment=ENVIRONMENT,
            labels=owner.labels(job),
            user=user(),
            stdin_open=True,
            # The daemon starts a program of its own for each other container, which takes as long as the rest. It also
            # gives those the name of the loopback, which `folders` gives in its place, and a porter can't.
            network_disabled=self._porter is None,
            host_config=config,
        )
        return str(container["Id"])


def folders(job: Job) -> list[Mount]:
    """The mounts of a worker that works in its job's folder, which are made there."""
    for folder in (job.inputs, job.outputs):
        folder.mkdir(parents=True, exist_ok=True)
    hosts = job.folder / "hosts"
    hosts.write_text(_HOSTS)
    # The container's user is another than the host's where that is root.
    job.inputs.chmod(0o755)
    job.outputs.chmod(0o777)
    hosts.chmod(0o644)
    return [
        Mount("/in", str(job.inputs), type="bind", read_only=True),
        Mount("/out", str(job.outputs), type="bind"),
        Mount("/etc/hosts", str(hosts), type="bind", read_only=True),
    ]


def user() -> str:
    """Whom containers run as: who runs pinlite, but for root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else _UNPRIVILEGED
