"""Trying again what is safe to do twice: to connect, to pull, to download packages. Never a stage."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from pinlite.errors import PinliteError
from pinlite.events import Notice, Observer

# Pauses before each further attempt, in seconds.
PAUSES = (1.0, 4.0)
# The hint after the last attempt has failed.
RECONNECT = "check the connection to the package index, then run the same command again"
# That of a certificate that is not trusted, which no further attempt would change.
TRUST = "if a proxy has a certificate of its own, name it with SSL_CERT_FILE"

# Messages of pip and uv about a connection, not about a missing package or a wrong hash.
_CONNECTION = re.compile(
    r"Retrying \(Retry\(|Read timed out|IncompleteRead|Connection (?:aborted|broken|refused|reset)|Failed to fetch"
    r"|error sending request|dns error|Network is unreachable|Temporary failure in name|Name or service not known"
)
_CERTIFICATE = re.compile(r"invalid peer certificate|CERTIFICATE_VERIFY_FAILED")

Made = TypeVar("Made")


def repeated(attempt: Callable[[], Made], may_pass: Callable[[PinliteError], bool], observe: Observer) -> Made:
    """The result of an attempt, which is repeated after errors that may pass by themselves; each is reported.

    Raises:
        PinliteError: The error of the last attempt, or the first that won't pass.
    """
    for pause in PAUSES:
        try:
            return attempt()
        except PinliteError as error:
            if not may_pass(error):
                raise
            observe(Notice(f"{error.message.splitlines()[0].rstrip(':')}; tried again in {pause:g} s"))
        time.sleep(pause)
    return attempt()


def blames_network(error: Exception) -> bool:
    """Whether the message, an installer's output, is about a connection that failed."""
    return _CONNECTION.search(str(error)) is not None


def passes(error: Exception) -> bool:
    """Whether that is about one that may not fail again."""
    return blames_network(error) and not _CERTIFICATE.search(str(error))


def advice(error: Exception) -> str:
    """The hint where a connection has failed."""
    return TRUST if _CERTIFICATE.search(str(error)) else RECONNECT
