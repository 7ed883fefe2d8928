"""The way to a Docker engine at an address of ssh://: OpenSSH forwards a socket of this machine to the engine's.

So the client waits and gives up as it does at home. By docker's own way, a `docker system dial-stdio` for each
connection, a server lets no more than ten through at once, and a run has more.
"""

import contextlib
import select
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from pinlite.machine import sockets, temporary

_SOCKET = "/var/run/docker.sock"
# It runs as long as its standard input is open, which it isn't any more when this process has ended, however it did.
_COMMAND = "echo ready; cat"
_OPTIONS = (
    "BatchMode=yes",
    "ExitOnForwardFailure=yes",
    "ServerAliveInterval=15",
    # One's own settings might have it end with another connection, outlive this process, or do something else there.
    "ControlMaster=no",
    "ControlPath=none",
    "RemoteCommand=none",
)


class TunnelError(Exception):
    """There is none; the message says why."""


class Tunnel:
    """``address`` is one of this machine, until the tunnel is closed, or this process ends."""

    def __init__(self, host: str, patience: float) -> None:
        """``host`` is ssh://[USER@]NAME[:PORT][/SOCKET]; a server gets so many seconds to answer."""
        if shutil.which("ssh") is None:
            raise TunnelError("there is no ssh here")
        url = urlsplit(host)
        with contextlib.ExitStack() as stack:
            place = Path(stack.enter_context(temporary.folder()), "docker.sock").resolve()
            socket = stack.enter_context(sockets.short(place))
            self.address = f"unix://{socket}"
            self._process = subprocess.Popen(
                [
                    *("ssh", "-T", *(f"-o{option}" for option in _OPTIONS)),
                    *("-L", f"{socket}:{url.path.rstrip('/') or _SOCKET}"),
                    *(("-l", url.username) if url.username else ()),
                    *(("-p", str(url.port)) if url.port else ()),
                    *("--", url.hostname or "", _COMMAND),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # ^C is for this process, which has workers to end by it.
                start_new_session=True,
            )
            stack.callback(self._end)
            self._wait(patience)
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()

    def _wait(self, patience: float) -> None:
        said = self._process.stdout
        assert said
        if not select.select([said], [], [], patience)[0]:
            raise TunnelError(f"ssh has no connection after {patience:g} s")
        if not said.readline():
            assert self._process.stderr
            lines = self._process.stderr.read().decode(errors="replace").split("\n")
            raise TunnelError("ssh: " + "; ".join(filter(None, map(str.strip, lines))))

    def _end(self) -> None:
        self._process.terminate()
        self._process.communicate()
