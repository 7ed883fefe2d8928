"""An index with the files of one build, served to that build alone in a network without a way out."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import docker
from docker.errors import DockerException
from docker.types import LogConfig, Mount

from pinlite.engine import owner
from pinlite.engine.docker.container import UNPRIVILEGED, remove
from pinlite.engine.docker.words import advice, told
from pinlite.engine.supply import Supply
from pinlite.errors import ImageError

_PORT = 8000
URL = f"http://127.0.0.1:{_PORT}/"


@contextlib.contextmanager
def serving(client: docker.DockerClient, image: str, files: Sequence[Supply]) -> Iterator[str]:
    """A container in whose network, a loopback, a build on top of an image finds the files; it serves them from where
    they are. "" where there are none.

    Copied into the build's context they would be written three more times, and be in a layer.
    """
    if not files:
        yield ""
        return
    try:
        container = _started(client.api, image, files)
    except (DockerException, OSError) as error:
        message = f"what serves the packages of a build can't be started: {told(error)}"
        raise ImageError(message, hint=advice(message)) from error
    try:
        yield container
    finally:
        # Of a daemon that has gone it is a later run that finds the container, by its labels.
        with contextlib.suppress(DockerException, OSError):
            remove(client.api, container)


def _started(api: docker.APIClient, image: str, files: Sequence[Supply]) -> str:
    config = api.create_host_config(
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        init=True,
        log_config=LogConfig(type="none"),
        mounts=[
            Mount(f"/wheels/{each.file.filename}", str(each.path.resolve()), type="bind", read_only=True)
            for each in files
        ],
    )
    container = str(
        api.create_container(
            image,
            entrypoint=[
                "python",
                "-I",
                "-m",
                "http.server",
                "--bind",
                "127.0.0.1",
                "--directory",
                "/wheels",
                str(_PORT),
            ],
            labels=owner.of_build(),
            user=f"{os.getuid()}:{os.getgid()}" if os.getuid() else UNPRIVILEGED,
            host_config=config,
        )["Id"]
    )
    try:
        api.start(container)
    except BaseException:
        remove(api, container)
        raise
    return container
