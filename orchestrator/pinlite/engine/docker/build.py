"""Building an image through the SDK, on the classic builder."""

import io
import re
import tarfile
from collections.abc import Mapping

import docker
from docker.errors import DockerException

from pinlite import folders
from pinlite.engine.docker.words import advice, told
from pinlite.errors import ImageError
from pinlite.events import BuildProgress, Observer
from pinlite.toolchain import ImageRecipe

_STEP = re.compile(r"Step (\d+)/(\d+) : ")
_LINES_IN_ERROR = 15
_AGAIN = "once what it says is mended, run the same command again: the steps that were done are kept"


def build(
    client: docker.DockerClient,
    recipe: ImageRecipe,
    *,
    tag: str,
    base: str,
    labels: Mapping[str, str],
    observe: Observer,
) -> None:
    """Build and tag one image on top of ``base``.

    Raises:
        ImageError: A step failed. The message ends with its last lines, the hint names the whole log.
    """
    log = folders.logs() / "builds" / f"{tag.replace('/', '-').replace(':', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    step, steps = 0, 0
    try:
        with log.open("w") as stream:
            for message in client.api.build(
                fileobj=_context(recipe),
                custom_context=True,
                tag=tag,
                labels=dict(labels),
                buildargs=_arguments(recipe, base),
                platform=recipe.base.platform,
                rm=True,
                forcerm=True,
                decode=True,
            ):
                text = message.get("stream", "") or message.get("error", "")
                stream.write(text)
                if begun := _STEP.match(text):
                    step, steps = int(begun[1]), int(begun[2])
                if text.strip():
                    observe(BuildProgress(recipe.name, text.strip(), step, steps))
                if "error" in message:
                    break
            else:
                return
    except (DockerException, OSError) as error:  # OSError: the daemon went away
        log.write_text(f"{log.read_text()}{told(error)}\n")
    last = "".join(f"\n  {line}" for line in log.read_text().splitlines()[-_LINES_IN_ERROR:])
    hint = f"{advice(last, _AGAIN)}; the whole log is {log}"
    raise ImageError(f"the {recipe.name} image can't be built:{last}", hint=hint)


def _arguments(recipe: ImageRecipe, base: str) -> dict[str, str]:
    """What ``images/Dockerfile`` takes."""
    sources = {"SOURCES": ",".join(recipe.sources)} if recipe.sources else {}
    return {"BASE": base, "DESCRIPTION": recipe.description} | sources


def _context(recipe: ImageRecipe) -> io.BytesIO:
    """The build context as a tar whose bytes follow from the files alone, for the builder's cache to find."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in sorted(recipe.files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    stream.seek(0)
    return stream
