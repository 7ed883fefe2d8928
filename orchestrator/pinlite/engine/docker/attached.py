"""The standard streams of a container, over whatever connection leads to the engine."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Literal

import docker

_STREAMS: dict[int, Literal["out", "err"]] = {1: "out", 2: "err"}
# Before each chunk of output: of which stream it is, and how long.
_HEADER = struct.Struct(">BxxxL")
_LONGEST_READ = 256 * 1024


class Attached:
    """A connection to a container that is about to be started, so that no byte is missed."""

    def __init__(self, api: docker.APIClient, container: str) -> None:
        self._given = api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        # docker-py gives a reader of a plain socket, but of TLS and of SSH the connection itself.
        self._connection: socket.socket = getattr(self._given, "_sock", self._given)
        # The answer to the attach was waited for; what a program says and takes comes in its own time.
        self._connection.settimeout(None)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def chunks(self) -> Iterator[tuple[Literal["out", "err"], bytes]]:
        """What is said, until the container or the connection ends; OSError where that breaks."""
        while header := self._read(_HEADER.size):
            stream, left = _HEADER.unpack(header)
            while left and (data := self._connection.recv(min(left, _LONGEST_READ))):
                left -= len(data)
                yield _STREAMS[stream], data

    def _read(self, size: int) -> bytes:
        """So many bytes; none at the end."""
        data = b""
        while len(data) < size:
            more = self._connection.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data

    def hang_up(self) -> None:
        """Have who reads come to an end."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._given._response.close()  # noqa: SLF001  # closes the connection, which the reader alone doesn't
        self._given.close()
