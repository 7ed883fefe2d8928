"""What an engine can do, found out by asking it: whether it sees the files of this machine, and what runs programs for
another processor.
"""

import contextlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import LogConfig, Mount

from pinlite.engine import owner
from pinlite.engine.docker import labels, removal
from pinlite.engine.docker.attached import Attached
from pinlite.engine.docker.words import told
from pinlite.machine import emulation

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


def emulator(api: docker.APIClient, platform: str) -> str | None:
    """What runs a platform's programs there, as `emulation.named` says; None where nothing does. An image of the least
    such program is made, run, and removed.
    """
    program, packed = emulation.program(platform), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("program")
        member.size, member.mode = len(program), 0o755
        tar.addfile(member, io.BytesIO(program))
    changes = [f"LABEL {labels.PART}=true", 'ENTRYPOINT ["/program"]']
    answer = api.import_image_from_data(packed.getvalue(), changes=changes)
    image = json.loads(answer.splitlines()[-1])["status"]
    try:
        return _said(api, image)
    finally:
        api.remove_image(image, force=True)


def _said(api: docker.APIClient, image: str) -> str | None:
    config = api.create_host_config(
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        log_config=LogConfig(type="none"),
    )
    marks = owner.of_build()
    container = api.create_container(image, environment=dict(emulation.ASKING), labels=marks, host_config=config)["Id"]
    try:
        attached = Attached(api, container)
        try:
            api.start(container)
            said = b"".join(data for _, data in attached.chunks())
        finally:
            attached.close()
        return None if api.wait(container)["StatusCode"] else emulation.named(said.decode(errors="replace"))
    except APIError:
        return None
    finally:
        removal.container(api, container)


def _mounting(api: docker.APIClient, folder: Path) -> dict[str, Any]:
    return api.create_host_config(mounts=[Mount("/in", str(folder), type="bind", read_only=True)])
