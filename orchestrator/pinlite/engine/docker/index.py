"""An index with the files of one build, served to that build alone in a network without a way out."""

import contextlib
from collections.abc import Iterator, Sequence

import docker
from docker.errors import DockerException
from docker.types import LogConfig, Mount

from pinlite.engine import owner
from pinlite.engine.docker import archives, removal
from pinlite.engine.docker.container import user
from pinlite.engine.docker.words import advice, told
from pinlite.engine.supply import Supply
from pinlite.errors import ImageError

_PORT = 8000
_FOLDER = "/wheels"
URL = f"http://127.0.0.1:{_PORT}/"


@contextlib.contextmanager
def serving(client: docker.DockerClient, image: str, files: Sequence[Supply], *, shares_disk: bool) -> Iterator[str]:
    """A container in whose network, a loopback, a build on top of an image finds the files; it serves them from where
    they are, or has copies where the engine does not see them. "" where there are none.

    Copied into the build's context they would be written three more times, and be in a layer.
    """
    if not files:
        yield ""
        return
    try:
        container = _started(client.api, image, files, shares_disk=shares_disk)
    except (DockerException, OSError) as error:
        message = f"what serves the packages of a build can't be started: {told(error)}"
        raise ImageError(message, hint=advice(message)) from error
    try:
        yield container
    finally:
        # Of a daemon that has gone it is a later run that finds the container, by its labels.
        with contextlib.suppress(DockerException, OSError):
            removal.container(client.api, container)


def _started(api: docker.APIClient, image: str, files: Sequence[Supply], *, shares_disk: bool) -> str:
    places = {f"{_FOLDER}/{each.file.filename}": each.path.resolve() for each in files}
    config = api.create_host_config(
        network_mode="none",
        read_only=shares_disk,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        init=True,
        log_config=LogConfig(type="none"),
        mounts=[Mount(place, str(path), type="bind", read_only=True) for place, path in places.items() if shares_disk],
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
                _FOLDER,
                str(_PORT),
            ],
            labels=owner.of_build(),
            user=user(),
            host_config=config,
        )["Id"]
    )
    try:
        if not shares_disk:
            api.put_archive(
                container, "/", archives.packed([(to.strip("/"), path) for to, path in places.items()], (0, 0))
            )
        api.start(container)
    except BaseException:
        removal.container(api, container)
        raise
    return container
