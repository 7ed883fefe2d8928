"""Messages and hints for docker's errors."""

from docker.errors import APIError

AGAIN = "see that the Docker engine works: `docker version`; then run the command again"
_ROOM = (
    "make room where the Docker engine keeps its files: `docker system df` says what takes it, `pinlite images rm` "
    "removes images; then run the command again"
)

_ELSEWHERE = (
    "the Docker engine does not see the files of this machine, as one in another machine or container: let TMPDIR name "
    "a folder that it sees under the same path, or use --engine venv"
)


def told(error: Exception) -> str:
    """The message; of what the daemon answers only its words, without the request."""
    return str((isinstance(error, APIError) and error.explanation) or error)


def advice(message: str, otherwise: str = AGAIN) -> str:
    """The hint to a message: a full disk has one of its own, and so has an engine that does not see our files."""
    if "no space left on device" in message.lower():
        return _ROOM
    return _ELSEWHERE if "bind source path does not exist" in message else otherwise
