"""A registry of a test's own, Debian's docker-registry, and a proxy before it that misbehaves."""

import base64
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTS = 20
# As htpasswd has it, by bcrypt: the password is "secret".
ANN = "ann:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"
# Headers of an answer that the proxy writes itself.
OURS = ("content-length", "connection", "transfer-encoding", "date")


class Service:
    """`docker-registry` on a port of its own, at an ``address`` of this machine. ``users`` are those that it lets in,
    by their passwords; ``read_only`` takes nothing; ``certificate`` is a file with a certificate and its key, for TLS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: str = "",
        read_only: bool = False,
        certificate: Path | None = None,
        content: Path | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.folder, self.content = folder, content or folder / "content"
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind((address, 0))
            self.port = probe.getsockname()[1]
        self.address, self.host = address, f"{address}:{self.port}"
        config = [
            "version: 0.1",
            "storage:",
            "  filesystem:",
            f"    rootdirectory: {self.content}",
            "  delete:",
            "    enabled: true",
            *(["  maintenance:", "    readonly:", "      enabled: true"] if read_only else []),
            "http:",
            f"  addr: {self.host}",
            *(["  tls:", f"    certificate: {certificate}", f"    key: {certificate}"] if certificate else []),
        ]
        if users:
            (folder / "users").write_text(users)
            config += ["auth:", "  htpasswd:", "    realm: tests", f"    path: {folder / 'users'}"]
        (folder / "config.yml").write_text("\n".join(config) + "\n")
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", self.folder / "config.yml"],
                stdout=log,
                stderr=log,
                env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
            )
        end = time.monotonic() + STARTS
        while True:
            try:
                socket.create_connection((self.address, self.port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    said = (self.folder / "log").read_text()[-500:]
                    raise RuntimeError(f"no registry starts here: {said}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def blob(self, sha256: str) -> Path:
        """Where it keeps a blob's bytes."""
        return self.content / f"docker/registry/v2/blobs/sha256/{sha256[:2]}/{sha256}/data"


def is_installed() -> bool:
    return shutil.which("docker-registry") is not None


@dataclass
class Misbehaving:
    """A proxy before a registry. For requests that ``when`` picks by method and path, it does what ``how`` says:

    - ``away``: closes the connection; ``silent``: says nothing until the test ends; ``late``: waits half a second;
    - ``dripping``: a byte now and then; ``half``: half of the body;
    - ``short``: half of the body, as if it were all; ``long``: the body twice; ``wrong``: another body of the length;
    - a number: that status; bytes: these in place of the body.
    """

    host: str
    how: str | int | bytes = ""
    when: Callable[[str, str], bool] = lambda _method, _path: True
    asked: list[tuple[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def misbehaving(service: Service) -> Iterator[Misbehaving]:
    """The proxy, which does nothing wrong until ``how`` is set."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.daemon_threads = True
    server.block_on_close = False
    state = Misbehaving(f"127.0.0.1:{server.server_address[1]}")
    server.state, server.service = state, service  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _damaged(data: bytes, how: str) -> bytes:
    if how == "wrong":
        return bytes(byte ^ 1 for byte in data)
    if how == "short":
        return data[: len(data) // 2]
    return data * 2 if how == "long" else data


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def _relay(self) -> None:
        state = self.server.state
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        state.asked.append((self.command, path))
        how = state.how if state.when(self.command, path) else ""
        self.close_connection = True
        if how == "late":
            state.over.wait(0.5)
        if how == "silent":
            state.over.wait(60)
        elif isinstance(how, int):
            self._answer(how, {}, b'{"errors": [{"code": "TEST", "message": "not today"}]}')
        elif how != "away":
            self._pass_on(how, body)

    def _pass_on(self, how: str | bytes, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.service.port, timeout=60)
        # The registry makes its addresses of the host that it was asked by.
        upstream.request(self.command, self.path, body or None, dict(self.headers.items()))
        response = upstream.getresponse()
        data = response.read()
        upstream.close()
        headers = {key: value for key, value in response.getheaders() if key.lower() not in OURS}
        if self.command == "HEAD":
            self._head(response.status, headers | {"Content-Length": response.headers.get("Content-Length", "0")})
            return
        data = how if isinstance(how, bytes) else _damaged(data, how)
        self._head(response.status, headers | {"Content-Length": str(len(data))})
        if how == "half":
            data = data[: len(data) // 2]
        if how == "dripping":
            for byte in data:
                if self.server.state.over.wait(0.2):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        else:
            self.wfile.write(data)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._head(status, headers | {"Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Connection", "close")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815  # as HTTP has them


def basic(user: str, password: str) -> str:
    """What docker's config.json keeps of a login."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
