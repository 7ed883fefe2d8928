"""What ``--with`` asks for, locked with hashes on top of a stage's own lock."""

import functools
import sys
from pathlib import Path

from filelock import FileLock

from pinlite import digest
from pinlite.errors import ImageError
from pinlite.events import Observer
from pinlite.machine import folders, temporary, uv
from pinlite.machine.retries import RECONNECT, blames_network, repeated
from pinlite.toolchain import ImageRecipe


def locked(requirements: tuple[str, ...], image: ImageRecipe, observe: Observer) -> bytes:
    """A lock that holds the image's packages, the requirements, and what those need, each with its hashes.

    Made once per question: a resolver's answer changes as the index does.

    Raises:
        ImageError: The requirements don't exist, have no wheel for the image's CPython, or contradict its pins; or the
            index is not reached.
    """
    wanted = "\n".join(sorted(requirements)) + "\n"
    question = [wanted, digest.of_bytes(image.lock), image.base.python, image.base.wheels]
    kept = folders.cache() / "locks" / f"{digest.of_json(question)}.lock"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".guard")):
        if not kept.exists():
            made = kept.with_suffix(".made")
            made.write_bytes(repeated(functools.partial(_resolve, wanted, image), blames_network, observe))
            made.replace(kept)
    return kept.read_bytes()


def _resolve(wanted: str, image: ImageRecipe) -> bytes:
    with temporary.folder() as folder:
        base, asked, lock = (Path(folder, name) for name in ("base.lock", "asked.in", "made.lock"))
        base.write_bytes(image.lock)
        asked.write_text(wanted)
        try:
            uv.run(
                *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes"),
                # Only wheels are read: without this, uv would look for a Python of the image's, and download one.
                *("--python", sys.executable, "--no-python-downloads"),
                *("--python-version", image.base.python, "--python-platform", image.base.wheels),
                *("--only-binary", ":all:"),
                *("--constraint", base, "--output-file", lock, base, asked),
            )
        except uv.UvError as error:
            other = f"choose versions of their time that run on CPython {image.base.python} with {image.name}"
            raise ImageError(
                f"the packages of --with can't be added to the pins of the export image:\n{error}",
                hint=RECONNECT if blames_network(error) else other,
            ) from error
        return lock.read_bytes()
