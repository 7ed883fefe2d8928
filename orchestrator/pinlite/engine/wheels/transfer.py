"""Fetching one file, by HTTP or from a disk; it goes on where an earlier attempt ended."""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from pinlite.engine.wheels.pins import Distribution
from pinlite.errors import ImageError, PinliteError
from pinlite.machine import pip_settings, system
from pinlite.machine.https import SystemTrust
from pinlite.machine.retries import RECONNECT, TRUST

_CHUNK = 2**20
# To connect and between two parts, in seconds.
_PATIENCE = (15, 60)
# Where uv is told of indexes, each a URL that may have a user and a password.
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_FAILED = (requests.RequestException, HTTPError)
_URL = re.compile(r"https?://[^\s,]+")
# Of what is answered: what another attempt can change, and what wants to know who asks.
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


class Stopped(Exception):  # noqa: N818  # nothing is wrong: nobody wants the file any more
    """The transfer was told to stop; what has come stays."""


def session(connections: int) -> requests.Session:
    """What makes requests: it heeds the environment's proxies, netrc and certificates, and the system's."""
    made = requests.Session()
    made.headers["Accept-Encoding"] = "identity"
    made.mount("https://", SystemTrust(pool_maxsize=connections))
    made.mount("http://", HTTPAdapter(pool_maxsize=connections))
    return made


def receive(
    wanted: Distribution, part: Path, through: requests.Session, stop: Event, count: Callable[[int], None]
) -> Distribution:
    """Have all of a file in ``part``, where some of it may be already; what it is, by its bytes.

    ``count`` is told how many bytes have come.

    Raises:
        ImageError: It can't be fetched, there is no room for it, or its hash is none that the lock allows; then
            nothing of it stays.
        Stopped: ``stop`` was set.
    """
    with part.open("a+b") as stream:
        stream.seek(0)
        known = hashlib.sha256()
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            known.update(chunk)
        begun = stream.tell()
        count(begun)
        if known.hexdigest() not in wanted.allowed:
            with _source(wanted, begun, through) as (start, chunks):
                if start < begun:
                    stream.truncate(0)
                    count(-begun)
                    known = hashlib.sha256()
                for chunk in chunks:
                    if stop.is_set():
                        raise Stopped
                    _write(wanted, stream, chunk)
                    known.update(chunk)
                    count(len(chunk))
        size = stream.seek(0, os.SEEK_END)
    if known.hexdigest() in wanted.allowed:
        return wanted.model_copy(update={"sha256": known.hexdigest(), "size": size})
    if wanted.size and size < wanted.size:
        raise ImageError(f"{_named(wanted)}: it ended too early", hint=RECONNECT) from EOFError(size)
    part.unlink()
    count(-size)
    if begun:
        # What an earlier attempt had left was of another file.
        return receive(wanted, part, through, stop, count)
    raise ImageError(
        f"{wanted.filename} is not what the lock names: its sha256 is {known.hexdigest()}",
        hint="the package index, or a proxy before it, serves another file: do not install it",
    )


def may_pass(error: PinliteError) -> bool:
    """Whether a file that could not be fetched may be in a moment: it is the connection, or a server that is busy."""
    cause = error.__cause__
    return isinstance(cause, (*_FAILED, EOFError)) and not isinstance(cause, requests.exceptions.SSLError)


@contextlib.contextmanager
def _source(wanted: Distribution, begun: int, through: requests.Session) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Where in the file its bytes begin, at ``begun`` if that can be, and these in parts."""
    if wanted.url.startswith("file:"):
        with _opened(wanted) as stream:
            stream.seek(begun)
            yield begun, iter(lambda: stream.read(_CHUNK), b"")
        return
    with _asked(wanted, begun, through) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and begun:
            with _asked(wanted, 0, through) as whole:
                _check(wanted, whole)
                yield 0, _parts(wanted, whole)
            return
        _check(wanted, response)
        yield begun if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0, _parts(wanted, response)


def _asked(wanted: Distribution, begun: int, through: requests.Session) -> requests.Response:
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    with _connecting(wanted):
        return through.get(wanted.url, stream=True, timeout=_PATIENCE, headers=headers, auth=_credentials(wanted.url))


def _parts(wanted: Distribution, response: requests.Response) -> Iterator[bytes]:
    """The bytes as they are sent: a server may call a .tar.gz a tar that is packed on the way."""
    with _connecting(wanted):
        yield from response.raw.stream(_CHUNK, decode_content=False)


@contextlib.contextmanager
def _connecting(wanted: Distribution) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise ImageError(f"{_named(wanted)}: {error}", hint=TRUST) from error
    except _FAILED as error:
        raise ImageError(f"{_named(wanted)}: {error}", hint=RECONNECT) from error


def _check(wanted: Distribution, response: requests.Response) -> None:
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return
    said = f"{_named(wanted)}: {urlsplit(wanted.url).hostname} answers {status} {response.reason}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
        raise ImageError(said, hint=RECONNECT) from requests.HTTPError(response=response)
    if status in _CLOSED:
        raise ImageError(said, hint="give user and password in the index's URL (`UV_DEFAULT_INDEX`), or in ~/.netrc")
    raise ImageError(
        said, hint="check that the index has everything that the lock pins; `UV_DEFAULT_INDEX` names another one"
    )


def _opened(wanted: Distribution) -> BinaryIO:
    path = Path(unquote(urlsplit(wanted.url).path))
    try:
        return path.open("rb")
    except OSError as error:
        raise ImageError(
            f"{_named(wanted)}: {path}: {error.strerror}",
            hint="check that the index's folder has the files that it lists",
        ) from error


def _write(wanted: Distribution, stream: BinaryIO, chunk: bytes) -> None:
    try:
        stream.write(chunk)
    except OSError as error:
        if error.errno not in system.FULL:
            raise
        raise ImageError(
            f"{_named(wanted)}: the disk of pinlite's cache is full: {error.strerror}",
            hint="make room: `pinlite images gc` and `pinlite cache gc` remove what is unused; PINLITE_CACHE moves it",
        ) from error


def _named(wanted: Distribution) -> str:
    return f"{wanted.filename} can't be fetched"


def _credentials(url: str) -> tuple[str, str] | None:
    """What uv or pip is told for the host of a URL; uv leaves it out of what it tells. None: netrc is asked."""
    host = urlsplit(url).netloc
    known = [found for variable in _INDEXES for found in _URL.findall(os.environ.get(variable, ""))]
    for found in (*known, *(place.url for place in pip_settings.places())):
        index = urlsplit(found)
        if index.username and index.netloc.rpartition("@")[2] == host:
            return unquote(index.username), unquote(index.password or "")
    return None
