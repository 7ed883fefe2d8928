"""The packages of ``--with``, locked with hashes on top of a stage's own lock."""

import functools
import sys
from pathlib import Path

from pinlite import digest
from pinlite.errors import ImageError
from pinlite.events import Observer
from pinlite.machine import folders, guards, temporary, uv
from pinlite.machine.retries import RECONNECT, blames_network, repeated
from pinlite.toolchain import ImageRecipe, indexes


def locked(requirements: tuple[str, ...], image: ImageRecipe, observe: Observer) -> bytes:
    """A lock with the image's packages, the requirements, and what those need, each with its hashes.

    It is made once and kept, because a resolver's answer changes with the index.

    Raises:
        ImageError: The requirements don't exist, have no wheel for the image's CPython, or contradict its pins; or the
            index can't be reached.
    """
    wanted = "\n".join(sorted(requirements)) + "\n"
    question = [wanted, digest.of_bytes(image.lock), image.base.python, image.base.wheels]
    kept = folders.cache() / "locks" / f"{digest.of_json(question)}.lock"
    with guards.held(kept.with_suffix(".guard")):
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
                # uv reads wheels only: without this, it would look for the image's Python, and download it.
                *("--python", sys.executable, "--no-python-downloads"),
                *("--python-version", image.base.python, "--python-platform", image.base.wheels),
                *("--only-binary", ":all:"),
                *indexes.beside(f"{image.lock.decode()}\n{wanted}", image.index, image.base, Path(folder)),
                *("--constraint", base, "--output-file", lock, base, asked),
            )
        except uv.UvError as error:
            other = f"choose older versions, which run on CPython {image.base.python} with the pins of {image.name}"
            raise ImageError(
                f"the packages of --with can't be added to the pins of the export image:\n{error}",
                hint=RECONNECT if blames_network(error) else other,
            ) from error
        return lock.read_bytes()
