"""What is said of docker's errors, and what to do about them."""

from docker.errors import APIError

AGAIN = "see that the Docker engine works: `docker version`; then run the command again"
_ROOM = (
    "make room where the Docker engine keeps its files: `docker system df` says what takes it, `pinlite images rm` "
    "removes images; then run the command again"
)


def told(error: Exception) -> str:
    """The message; of what the daemon answers only its words, without the request."""
    return str((isinstance(error, APIError) and error.explanation) or error)


def advice(message: str, otherwise: str = AGAIN) -> str:
    """The hint to a message: a full disk has one of its own."""
    return _ROOM if "no space left on device" in message.lower() else otherwise
