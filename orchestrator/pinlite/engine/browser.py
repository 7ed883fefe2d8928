"""The browser of this machine, which Debian's packages have brought."""

import subprocess

from pinlite.errors import ImageError

NAME = "chromium"
HINT = "apt-get install chromium"


def version() -> str:
    """The version of its package; "" where there is none."""
    command = ["dpkg-query", "--showformat=${db:Status-Status} ${Version}", "--show", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    status, _, found = done.stdout.partition(" ")
    return found.strip() if done.returncode == 0 and status == "installed" else ""


def check(image: str) -> None:
    """ImageError where there is none, which an image needs."""
    if not version():
        raise ImageError(
            f"the image {image} runs files in Debian's chromium, which this machine does not have",
            hint=f"{HINT}; or take --engine docker",
        )
