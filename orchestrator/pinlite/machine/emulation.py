"""Programs for other processors, which a kernel runs where an emulator is registered for them (binfmt_misc)."""

import re
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pinlite.errors import NoEngineError
from pinlite.machine import processor

# qemu-user takes its options from the environment as well: asked for its version it says that, and runs nothing.
ASKING: Mapping[str, str] = MappingProxyType({"QEMU_VERSION": "1"})
_SAID = re.compile(r"qemu-\w+ version (\S+)")
NATIVE = "its processor"

_HINT = (
    "register qemu-user there: on Debian `apt-get install qemu-user-static binfmt-support`, elsewhere `docker run "
    "--privileged --rm tonistiigi/binfmt --install {architecture}`; or leave out the --runtime that is for it"
)

# By the platform, ELF's number of the machine and its instructions for exit(0).
MACHINES = {
    "linux/amd64": (62, bytes.fromhex("b83c000000 31ff 0f05")),
    "linux/arm64": (183, struct.pack("<3I", 0xD2800000, 0xD2800BA8, 0xD4000001)),
}
_BITS_64, _LITTLE_ENDIAN, _CURRENT, _EXECUTABLE, _LOADED, _READ_AND_RUN = 2, 1, 1, 2, 1, 5
_LOADED_AT, _HEADERS, _PAGE = 0x400000, 64 + 56, 0x1000
# Where the table of segments is, no table of sections, flags, and how large and how many headers are.
_SIZES = (64, 0, 0, 64, 56, 1, 0, 0, 0)


def program(platform: str) -> bytes:
    """The least program for a platform, static and with its headers alone: it ends with 0."""
    machine, code = MACHINES[platform]
    size = _HEADERS + len(code)
    entry = _LOADED_AT + _HEADERS
    header = struct.pack("<4s4B8x", b"\x7fELF", _BITS_64, _LITTLE_ENDIAN, _CURRENT, 0)
    header += struct.pack("<HHIQQQIHHHHHH", _EXECUTABLE, machine, _CURRENT, entry, *_SIZES)
    segment = struct.pack("<IIQQQQQQ", _LOADED, _READ_AND_RUN, 0, _LOADED_AT, _LOADED_AT, size, size, _PAGE)
    return header + segment + code


def named(said: str) -> str:
    """What runs a program that was asked by `ASKING`, and has said this: "qemu-user 7.2.22", or `NATIVE`."""
    found = _SAID.match(said)
    return f"qemu-user {found[1]}" if found else NATIVE


def missing(where: str, platform: str) -> NoEngineError:
    """What to say where programs for a platform don't run."""
    return NoEngineError(
        f"{where} runs no programs for {platform}: no emulator is registered for them",
        hint=_HINT.format(architecture=platform.partition("/")[2]),
    )


def check(platform: str) -> None:
    """NoEngineError where this machine does not run programs for a platform."""
    if platform == processor.platform():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program")
        path.write_bytes(program(platform))
        path.chmod(0o755)
        try:
            subprocess.run([path], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise missing("this machine", platform) from error
