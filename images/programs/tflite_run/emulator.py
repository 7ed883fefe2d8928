"""What runs the programs of this image."""

import os
import re
import subprocess
import sys


def name():
    """The emulator, like "qemu-user 7.2.22"; "" for a processor.

    qemu-user takes its options from the environment as well: asked for its version it says that, and runs nothing.
    """
    said = subprocess.run(
        [sys.executable, "-V"], stdout=subprocess.PIPE, check=True, env=dict(os.environ, QEMU_VERSION="1")
    ).stdout.decode()
    found = re.match(r"qemu-\w+ version (\S+)", said)
    return "qemu-user " + found.group(1) if found else ""
