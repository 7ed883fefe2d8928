"""A Python environment of the user's own, in which a model can be exported."""

from pathlib import Path

from pinlite.schema.frozen import Frozen


class Environment(Frozen):
    """A Python environment of the user's own: its interpreter, the version of that, and the versions of the packages
    that are installed, by normalized name. ``content`` is a digest of all that can be imported there, the same wherever
    the environment lies; ``platform`` is that of the machine, as Docker calls it.
    """

    interpreter: Path
    python: str
    platform: str
    packages: dict[str, str]
    content: str
