"""The uv program, a dependency of pinlite: it makes environments and locks requirements with hashes."""

import os
import subprocess
from pathlib import Path

from uv import find_uv_bin

from pinlite import trust

# In seconds for a file, where the user says nothing: on a machine that is busy the usual 60 are too few for torch's.
_COMPILING = {"UV_COMPILE_BYTECODE_TIMEOUT": "600"}
# Where systems keep the certificates that they trust: uv alone trusts those that it brings.
_TRUSTED = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class UvError(Exception):
    """The uv program failed; the message is its output."""


def run(*arguments: str | Path, scratch: str = "") -> str:
    """Run uv and return its standard output, stripped. ``scratch`` is a folder for the files that uv leaves behind:
    locks of the sources that it reads. It may run a stranger's setup.py, which gets no key that signs.
    """
    environment = _COMPILING | _trusting() | os.environ | ({"TMPDIR": scratch} if scratch else {})
    environment.pop(trust.SIGNING, None)
    command = [find_uv_bin(), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode:
        raise UvError(done.stderr.strip() or done.stdout.strip() or f"uv exited ({done.returncode})")
    return done.stdout.strip()


def _trusting() -> dict[str, str]:
    """Have uv trust what the system does, as pip and pinlite's own fetching do."""
    return {"UV_SYSTEM_CERTS": "true"} if any(Path(file).is_file() for file in _TRUSTED) else {}
