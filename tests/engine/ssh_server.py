"""A real sshd of this machine, which only who knows its keys is let in by."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from held import until

SETTINGS = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
"""


@dataclass(frozen=True)
class Server:
    """Its ``address``, as DOCKER_HOST has it, without a socket; ``path`` is a PATH whose ssh knows the key that is let
    in, which is in the file ``keys``.
    """

    address: str
    path: str
    keys: Path


@contextlib.contextmanager
def running() -> Iterator[Server]:
    if os.getuid() or not all(map(shutil.which, ("sshd", "ssh"))):
        wants = "an sshd of the tests' own wants root, openssh-server and openssh-client"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(wants)
    with tempfile.TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "sshd").write_text(SETTINGS.format(port=port, folder=folder))
        (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
        (folder / "settings").write_text(f"IdentityFile {folder}/user\nUserKnownHostsFile {folder}/known\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/settings "$@"\n')
        (folder / "bin" / "ssh").chmod(0o755)
        Path("/run/sshd").mkdir(exist_ok=True)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([shutil.which("sshd"), "-D", "-e", "-f", folder / "sshd"], stderr=log) as daemon,
        ):
            try:
                until(lambda: _listens(port))
                path = f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
                yield Server(f"ssh://{getpass.getuser()}@127.0.0.1:{port}", path, folder / "user.pub")
            finally:
                daemon.terminate()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
