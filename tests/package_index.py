"""A package index of a test's own: what it has, what it was asked, and how it misbehaves."""

import hashlib
import json
import ssl
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import unquote, urlsplit

JSON = "application/vnd.pypi.simple.v1+json"


def wheel(
    name: str, version: str = "1", content: bytes = b"", needs: Sequence[str] = (), tag: str = "py3-none-any"
) -> tuple[str, bytes]:
    """A wheel of one module, for any Python unless the tag says otherwise: its name and bytes."""
    needed = "".join(f"Requires-Dist: {each}\n" for each in needs)
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for path, data in (
            (f"{name}.py", b"CONTENT = b'" + content.hex().encode() + b"'\n"),
            (
                f"{name}-{version}.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
            ),
            (f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"),
            (f"{name}-{version}.dist-info/RECORD", ""),
        ):
            made.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data)
    return f"{name}-{version}-{tag}.whl", stream.getvalue()


def source(name: str, version: str = "1", needs: Sequence[str] = (), setup: str = "") -> tuple[str, bytes]:
    """A package of one module as its source alone, with more in its setup.py: the archive's name and bytes."""
    folder = f"{name}-{version}"
    arguments = f"name={name!r}, version={version!r}, py_modules=[{name!r}], install_requires={list(needs)!r}"
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for path, text in (
            ("PKG-INFO", f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n"),
            ("setup.py", f"from setuptools import setup\n{setup}\nsetup({arguments})\n"),
            (f"{name}.py", "CONTENT = 'built'\n"),
        ):
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(text)
            made.addfile(member, BytesIO(text.encode()))
    return f"{folder}.tar.gz", stream.getvalue()


def lock(*files: tuple[str, bytes]) -> bytes:
    """The hashed requirements that allow these files."""
    lines = {}
    for name, data in files:
        project, version = name.removesuffix(".tar.gz").removesuffix(".zip").split("-")[:2]
        lines.setdefault(f"{project}=={version}", []).append(f"--hash=sha256:{sha256(data)}")
    return "".join(f"{pin} \\\n    {' '.join(hashes)}\n" for pin, hashes in lines.items()).encode()


@dataclass
class Index:
    """``files`` by name, ``uploaded`` on which days, "" if it does not tell; on the first of 2021 where it says nothing
    else. ``plain`` says that its pages have neither hashes nor sizes; ``ranges`` whether a download can
    go on; ``cut`` after how many bytes the next ones end; ``refuses`` with which statuses they are answered;
    ``authorization`` what it wants to hear. ``asked`` counts requests, ``hosts`` are the names that it was asked by,
    ``downloads`` has pinlite's for files, each with the range.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    uploaded: dict[str, str] = field(default_factory=dict)
    url: str = ""
    plain: bool = False
    ranges: bool = True
    cut: list[int] = field(default_factory=list)
    refuses: list[int] = field(default_factory=list)
    authorization: str | None = None
    asked: int = 0
    hosts: set[str] = field(default_factory=set)
    downloads: list[tuple[str, str | None]] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    def __init__(self, index: Index) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.index = index


class Handler(BaseHTTPRequestHandler):
    @property
    def index(self) -> Index:
        return self.server.index

    @property
    def is_uv(self) -> bool:
        """It looks into wheels, too, and is told the truth."""
        return self.headers["User-Agent"].startswith("uv/")

    def do_GET(self) -> None:
        name = unquote(self.path).rstrip("/").rpartition("/")[2]
        self.index.hosts.add(self.headers["Host"])
        # Of a proxy a whole URL is asked.
        self.path = urlsplit(self.path).path
        if self.path.startswith("/files/") and not self.is_uv:
            self.index.downloads.append((name, self.headers["Range"]))
        self.index.asked += 1
        if self.index.authorization and self.headers["Authorization"] != self.index.authorization:
            self.answer(401, **{"WWW-Authenticate": "Basic realm=index"})
        elif self.path.startswith("/simple/"):
            data, kind = page(self.index, name)
            self.answer(200, data, **{"Content-Type": kind})
        elif name not in self.index.files:
            self.answer(404)
        elif self.index.refuses and not self.is_uv:
            self.answer(self.index.refuses.pop(0))
        else:
            self.send(self.index.files[name])

    do_HEAD = do_GET  # noqa: N815 - as the server calls it

    def send(self, data: bytes) -> None:
        begin = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if not (begin and self.index.ranges):
            self.answer(200, data)
        elif begin < len(data):
            self.answer(206, data[begin:])
        else:
            self.answer(416)

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if data and self.index.cut and self.path.startswith("/files/") and not self.is_uv:
            data = data[: self.index.cut.pop(0)]
            self.close_connection = True
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Index]:
    with Server(Index()) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        server.index.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        yield server.index
        server.shutdown()
        thread.join()


def page(index: Index, project: str) -> tuple[bytes, str]:
    files = {name: data for name, data in index.files.items() if name.split("-")[0].replace("_", "-") == project}
    if index.plain:
        links = "".join(f'<a href="/files/{name}">{name}</a>' for name in files)
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"
    listed = [
        {"filename": name, "url": f"/files/{name}", "size": len(data), "hashes": {"sha256": sha256(data)}}
        | ({"upload-time": f"{day}T00:00:00Z"} if (day := index.uploaded.get(name, "2021-01-01")) else {})
        for name, data in files.items()
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": listed}).encode(), JSON


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
