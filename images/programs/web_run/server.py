"""What the page is served by: files, and commands, on the loopback."""

import secrets
import shutil
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
# The packages of npm lie beside the programs.
PACKAGES = HERE.parent / "node_modules"
PAGE = ("page.html", "page.js")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}
BYTES = "application/octet-stream"
# A page that is isolated has a clock of microseconds.
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Server(ThreadingHTTPServer):
    """``models`` are files that the page may fetch, by name; ``page_has_gone`` is set once it has."""

    daemon_threads = True

    def __init__(self, following):
        """``following`` takes what the page answers, bytes, and returns the command that follows."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.following = following
        self.models = {}
        self.page_has_gone = threading.Event()
        # Others on this machine can reach the loopback, too.
        self.secret = secrets.token_urlsafe()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "http://127.0.0.1:{}/{}/{}".format(self.server_port, self.secret, PAGE[0])

    def file(self, place):
        """The file at a place; None for what is none of the page's business."""
        folder, _, rest = place.partition("/")
        if folder == "models":
            return self.models.get(rest)
        if folder == "npm":
            found = (PACKAGES / rest).resolve()
            return found if PACKAGES.resolve() in found.parents and found.is_file() else None
        return HERE / place if place in PAGE else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A header and what follows it are sent apart: the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self):
        place = self._place()
        path = self.server.file(place)
        if place == "alive":
            self._stay()
        elif path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            with path.open("rb") as stream:
                self._begin(TYPES.get(path.suffix, BYTES), path.stat().st_size)
                shutil.copyfileobj(stream, self.wfile)

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._place() != "next":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        command = self.server.following(content)
        self._begin(BYTES, len(command))
        self.wfile.write(command)

    def log_message(self, *_):
        """Nobody reads it."""

    def _place(self):
        """What is asked for; "" of one who does not know the secret."""
        _, secret, place = (*self.path.split("/", 2), "", "")[:3]
        return place if secrets.compare_digest(secret.encode(), self.server.secret.encode()) else ""

    def _begin(self, kind, size=None):
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if size is not None:
            self.send_header("Content-Length", str(size))
        for name, value in ISOLATED.items():
            self.send_header(name, value)
        self.end_headers()

    def _stay(self):
        """Hold the connection until the page has gone: while it computes, its browser holds it, too."""
        self._begin("text/event-stream")
        with suppress(OSError):
            self.rfile.read(1)
        self.server.page_has_gone.set()
        self.close_connection = True
