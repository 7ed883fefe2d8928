"""Messages and hints for docker's errors."""

import grp
import os
from pathlib import Path

from docker.errors import APIError

from pinlite.errors import NoEngineError, causes

AGAIN = "see that the Docker engine works: `docker version`; then run the command again"
_ROOM = (
    "make room where the Docker engine keeps its files: `docker system df` says what takes it, `pinlite images rm` "
    "removes images; then run the command again"
)
_START = "start one, or install one (https://docs.docker.com/engine/install), or use --engine venv"
_USUAL = "unix:///var/run/docker.sock"
# Where an engine of one's own has its socket, below the folders that these name.
_ROOTLESS = (
    ("XDG_RUNTIME_DIR", "docker.sock"),
    ("HOME", ".docker/run/docker.sock"),
    ("HOME", ".docker/desktop/docker.sock"),
)


def unreachable(error: Exception) -> NoEngineError:
    """What to say where no daemon answers at the address that the environment names, by the first cause of it."""
    host = os.environ.get("DOCKER_HOST") or _USUAL
    if host.startswith("ssh://"):
        return NoEngineError(
            f"no Docker engine answers: DOCKER_HOST is {host}: {error}",
            hint="see that ssh reaches it without asking anything, and that docker answers there: "
            f"`ssh {_ssh(host)} docker version`; a socket other than /var/run/docker.sock stands at the end of the "
            "address. Else `unset DOCKER_HOST` for an engine that runs here, or use --engine venv",
        )
    path = Path(host.removeprefix("unix://"))
    for cause in causes(error):
        if isinstance(cause, PermissionError):
            return _forbidden(path)
        if isinstance(cause, FileNotFoundError):
            return NoEngineError(f"no Docker engine answers: there is no {path}", hint=_rootless() + _START)
    return NoEngineError(f"no Docker engine answers: {error}", hint=_START)


def _ssh(host: str) -> str:
    """What ssh calls an address of ssh://."""
    where, _, port = host.removeprefix("ssh://").partition("/")[0].partition(":")
    return f"-p {port} {where}" if port else where


def _forbidden(path: Path) -> NoEngineError:
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "docker"
    return NoEngineError(
        f"no Docker engine answers: you may not use {path}, which is of the group {group}",
        hint=f"sudo usermod -aG {group} $USER, then log in again: whoever is in that group may do all that root may. "
        f"{_rootless()}Rootless docker needs no group (https://docs.docker.com/engine/security/rootless), and "
        "--engine venv no docker",
    )


def _rootless() -> str:
    """A hint at an engine of one's own that is here, or nothing."""
    for name, rest in _ROOTLESS:
        path = Path(os.environ.get(name, ""), rest)
        if os.path.exists(path):  # noqa: PTH110  # a folder that is closed to us has none
            return f"export DOCKER_HOST=unix://{path} for the one of your own; "
    return ""


def told(error: Exception) -> str:
    """The message; of what the daemon answers only its words, without the request."""
    return str((isinstance(error, APIError) and error.explanation) or error)


def advice(message: str, otherwise: str = AGAIN) -> str:
    """The hint to a message: a full disk has one of its own."""
    return _ROOM if "no space left on device" in message.lower() else otherwise
