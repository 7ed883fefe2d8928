"""A page in a headless chromium, which is asked over HTTP on the loopback: the page asks for the next command, and
brings the answer to the one before.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from queue import Empty, Queue

from .server import Server

NAME = "chromium"
FLAGS = (
    "--headless",
    # The sandbox is the stage's own.
    "--no-sandbox",
    "--disable-gpu",
    # A process less to start: what draws has nothing to do.
    "--in-process-gpu",
    # A container's /dev/shm has 64 MB.
    "--disable-dev-shm-usage",
    # It has nothing to do with any network but the loopback.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    # What is not shown is not slowed down.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
# In seconds: for the page to load beside the other workers of a run, and between two looks at whether it is there.
PATIENCE, MOMENT = 120, 0.5
OWN = re.compile(r"^Rss(?:Anon|Shmem):\s*(\d+) kB$", re.MULTILINE)
# How many of the browser's last lines are told.
LINES = 5


class PageError(Exception):
    """What went wrong in the page, in its words."""


class Browser:
    """A chromium with one page; commands may come from several threads, and are carried out one after the other."""

    def __init__(self):
        """It starts; nothing waits for it yet."""
        self._commands, self._answers = Queue(), Queue()
        self._asking = threading.Lock()
        self._is_ready = False
        self._said = []
        self._server = Server(self._next)
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        self._process = subprocess.Popen(
            [NAME, *FLAGS, "--user-data-dir={}".format(self._profile), self._server.address],
            # It makes a socket in TMPDIR, whose path may have 107 letters.
            cwd=self._profile,
            env=dict(os.environ, TMPDIR="/proc/self/cwd"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._end)

    def serve(self, name, path):
        """Let the page fetch a file as models/NAME."""
        self._server.models[name] = path

    def ask(self, command, tensors=(), **parameters):
        """Have the page carry out a command of page.js: what it says, and the bytes behind that.

        Raises:
            PageError: It can't.
            MemoryError: The page has ended, or the browser was killed.
            RuntimeError: The browser has ended otherwise, or does not start.
        """
        with self._asking:
            if not self._is_ready:
                self._answer(PATIENCE)
                self._is_ready = True
            head = json.dumps(dict(parameters, command=command)).encode()
            self._commands.put(b"".join((head, b"\n", *tensors)))
            return self._answer()

    def taken(self):
        """The bytes that it has of its own, in all of its processes: those that the worker's group has beside it."""
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            # Some end meanwhile, and others are none of ours.
            with contextlib.suppress(OSError):
                number = int(process.name)
                if os.getpgid(number) == os.getpgid(0) and number != os.getpid():
                    found += 1024 * sum(map(int, OWN.findall((process / "status").read_text())))
        return found

    def _next(self, answer):
        """What the page is to do next, once it has answered."""
        self._answers.put(answer)
        return self._commands.get()

    def _answer(self, patience=float("inf")):
        waited = 0
        while waited < patience and self._process.poll() is None and not self._server.page_has_gone.is_set():
            try:
                head, _, content = self._answers.get(timeout=MOMENT).partition(b"\n")
            except Empty:
                waited += MOMENT
                continue
            said = json.loads(head)
            if "error" in said:
                raise PageError(said["error"])
            return said, content
        raise self._failure()

    def _failure(self):
        """What has become of the browser. A page alone ends where it gets no more memory, as what is killed does."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(MOMENT)
        status = self._process.returncode
        message = "the page in the browser does not answer any more{}{}".format(
            "" if status is None else ": {} has ended with status {}".format(NAME, status),
            "".join("\n  {}".format(line) for line in self._said[-LINES:]),
        )
        is_memory = status == -signal.SIGKILL or (status is None and self._server.page_has_gone.is_set())
        return MemoryError(message) if is_memory else RuntimeError(message)

    def _listen(self):
        for line in self._process.stderr:
            self._said = [*self._said[-LINES:], line.decode(errors="replace").rstrip()]

    def _end(self):
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)
