"""What runs and a keeper say to each other, and the socket that they meet at.

Messages are pickled: both ends are of the same user, which the kernel says of each, and of the same pinlite.
"""

import contextlib
import json
import os
import select
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pinlite
from pinlite import digest
from pinlite.engine.protocol import Job
from pinlite.errors import PinliteError
from pinlite.machine import folders, guards, sockets

_ENDING = ".socket"
_CREDENTIALS = struct.Struct("3i")  # of a process: its number, user and group
_WAITING = 64
# In seconds.
_TURN, _PATIENCE = 0.5, 90.0

# The descriptor by which a keeper is given its socket.
LISTENER = 3

# The keepers that this process has started, by number, which are to be waited for when they have ended.
_started: list[int] = []


@dataclass(frozen=True)
class Borrow:
    """The first message of a run; answered with the `Job` as the worker has it, in a folder of the keeper's. Then each
    `pinlite.contract.Request`, and `READY`, is answered as the worker does, or with `Failed`.
    """

    engine: str
    job: Job


@dataclass(frozen=True)
class Failed:
    """What the keeper has met in place of an answer."""

    kind: type[PinliteError]
    message: str
    hint: str


@dataclass(frozen=True)
class WarmWorker:
    """A worker of a keeper's: which it is, whether a run has it, how long it has been there and will wait, in seconds,
    and the most memory that it took, in bytes.
    """

    engine: str
    image: str
    program: str
    is_lent: bool
    age: float
    left: float
    peak_memory: int


READY = "ready"
# The run is done with the worker. Without it, the worker is ended.
RELEASE = "release"
# Have the worker ended, and answer when it is: its files are there until the run hangs up.
STOP = "stop"
# In place of `Borrow`; answered with the `WarmWorker`s that there are, and with those that have been ended.
LIST, END = "list", "end"
# The same as `END`; then the keeper ends, as soon as nobody has a worker, and with it the connection.
LEAVE = "leave"


def reach(keeper: str = "") -> Connection:
    """A connection to the keeper for runs like this one, which is started where there is none: that of all the user's
    runs, or one of its own for the runs that name it. OSError if it can't be had.
    """
    path = _folder() / f"{_likeness()}{_named(keeper)}{_ENDING}"
    with guards.held(guard_of(path)):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return _connected(path)
        _start(path)
        return _connected(path)


def known(keeper: str = "") -> Iterator[Connection]:
    """A connection to each keeper of this user that is alive, or to those of a name; what is there of others is
    removed.
    """
    for path in sorted((folders.cache() / "warm").glob(f"*{_named(keeper)}{_ENDING}")):
        with contextlib.suppress(OSError):
            with guards.held(guard_of(path)):
                try:
                    connection = _connected(path)
                except ConnectionRefusedError:
                    remove(path)
                    continue
            yield connection


def _named(keeper: str) -> str:
    return f"-{keeper}" if keeper else ""


def is_own(sock: socket.socket) -> bool:
    """Whether the process at the other end is of this user."""
    _, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return bool(user == os.getuid())


def hang_up(connection: Connection) -> None:
    """Say no more; what the other end still says can be heard."""
    with socket.socket(fileno=os.dup(connection.fileno())) as sock:
        sock.shutdown(socket.SHUT_WR)


def wait_for_the_end(connection: Connection) -> None:
    """Until the other end says no more; an engine's daemon may take its time to end a worker."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if select.select([connection], [], [], _TURN)[0] and not os.read(connection.fileno(), 1024):
            return


def guard_of(path: Path) -> Path:
    """What is held while a socket is connected to, made or removed."""
    return path.with_suffix(".guard")


def remove(path: Path) -> None:
    """Remove a keeper's socket, and its log; while its guard is held."""
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    """What the keeper of a socket has said; nothing, unless it failed."""
    return path.with_suffix(".log")


def _folder() -> Path:
    """Where the sockets are, which this user alone may look into; PermissionError where that is not so."""
    folder = (folders.cache() / "warm").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


def _likeness() -> str:
    """What two runs have in common that one keeper can serve: the pinlite that they are of, where their files lie, and
    by what an engine is found.
    """
    engine = {key: value for key, value in os.environ.items() if key.startswith("DOCKER_")}
    common = [pinlite.__version__, pinlite.__file__, sys.executable, tempfile.gettempdir(), engine]
    return digest.of_bytes(json.dumps(common, sort_keys=True).encode())[:16]


def _start(path: Path) -> None:
    """Start a keeper. It is given a socket that listens already: nobody has to wait until it does."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, _log_of(path).open("wb") as log:
        with sockets.short(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(_WAITING)
        _started[:] = [each for each in _started if os.waitpid(each, os.WNOHANG) == (0, 0)]
        keeper = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "pinlite.engine.warm.keeper", str(path)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                (os.POSIX_SPAWN_DUP2, listener.fileno(), LISTENER),
            ],
            setsid=True,
        )
    _started.append(keeper)


def _connected(path: Path) -> Connection:
    with socket.socket(socket.AF_UNIX) as sock, sockets.short(path) as name:
        sock.connect(name)
        if not is_own(sock):
            raise PermissionError(f"{path} is another user's")
        return Connection(sock.detach())
