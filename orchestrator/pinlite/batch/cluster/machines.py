"""Which machines are alike: those that make the same bytes of the same task."""

import functools
from pathlib import Path

from pinlite import __version__, digest
from pinlite.batch.cluster.job import Machine
from pinlite.machine import folders

_PACKAGE = Path(__file__).parents[2]


@functools.cache
def this() -> Machine:
    """The one that this is. Pinlite's own files count by content, wherever they lie."""
    own = {path.relative_to(_PACKAGE).as_posix(): path for path in digest.files_below(_PACKAGE)}
    images = {path.relative_to(folders.IMAGES).as_posix(): path for path in digest.files_below(folders.IMAGES)}
    # An installed package has images and examples within it, a checkout beside it.
    host = {name: digest.of_file(path) for name, path in own.items() if not name.startswith(("_images/", "_examples/"))}
    stages = {name: digest.of_file(path) for name, path in images.items()}
    return Machine(pinlite=__version__, files=digest.of_json([host, stages]))


def difference(asking: Machine, working: Machine) -> str:
    """Why what one makes may not be what the other would have made, in words; "" where they are alike."""
    if asking.pinlite != working.pinlite:
        return f"it has pinlite {working.pinlite}, and this machine {asking.pinlite}"
    if asking.files != working.files:
        return (
            f"its pinlite {working.pinlite} has other files ({working.files[:12]}) than the one of this machine "
            f"({asking.files[:12]})"
        )
    return ""


def other_images(asked: dict[str, str], found: dict[str, str]) -> str:
    """Which images of a task would be others than it was sent with, in words; "" where all are the same."""
    names = [name for name in sorted({*asked, *found}) if asked.get(name) != found.get(name)]
    if not names:
        return ""
    first = names[0]
    return (
        f"it would take another {first} ({found.get(first, 'none')[:12]}) than this machine "
        f"({asked.get(first, 'none')[:12]})" + (f", and {len(names) - 1} more" if len(names) > 1 else "")
    )
