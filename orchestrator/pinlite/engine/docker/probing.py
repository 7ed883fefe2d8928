"""Whether an engine sees the files of this machine, found out by asking it for a mount."""

import contextlib
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import Mount

from pinlite.engine import owner
from pinlite.engine.docker import removal
from pinlite.engine.docker.words import told

_NO_IMAGE = "pinlite/none:none"
# What an engine says of a folder of this machine that it does not see, and Docker Desktop of one that is not shared.
_UNSEEN = ("bind source path does not exist", "mounts denied")


def is_podman(version: dict[str, Any]) -> bool:
    """By what an engine says of itself."""
    return any(part["Name"] == "Podman Engine" for part in version.get("Components", ()))


def sees(api: docker.APIClient, folder: Path) -> bool:
    """Whether docker sees a folder. Asked for a container from an image that nobody has, it refuses the mount if it
    does not, else the image; nothing is made.
    """
    try:
        api.create_container(_NO_IMAGE, host_config=_mounting(api, folder))
    except ImageNotFound:
        return True
    except APIError as error:
        return not any(words in told(error).lower() for words in _UNSEEN)
    return True


def podman_sees(api: docker.APIClient, folder: Path) -> bool | None:
    """The same of podman, which looks for the image first, and makes a folder where there is none: whether a container
    has a file of it. None where there is no image yet to make one from.
    """
    images = api.images()
    if not images:
        return None
    (folder / "file").touch()
    labels = owner.of_build()
    container = api.create_container(images[0]["Id"], ["true"], labels=labels, host_config=_mounting(api, folder))
    try:
        stream, _ = api.get_archive(container["Id"], "/in/file")
    except NotFound:
        return False
    else:
        with contextlib.closing(stream):
            return True
    finally:
        removal.container(api, container["Id"])


def _mounting(api: docker.APIClient, folder: Path) -> dict[str, Any]:
    return api.create_host_config(mounts=[Mount("/in", str(folder), type="bind", read_only=True)])
