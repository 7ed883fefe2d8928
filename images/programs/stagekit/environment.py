"""Where a worker runs: in an image of pinlite's, or in an environment of the user's own."""

import sys

# Folders of packages that the user's own environment may lack; none in an image.
_overlays = []


def enter(overlays):
    """Let the packages of overlays be imported where the environment itself has none of their name."""
    _overlays.extend(overlays)
    sys.path.extend(overlays)


def is_users():
    """Whether the environment is the user's own."""
    return bool(_overlays)


def overlays():
    """The folders of packages that the environment was lent."""
    return list(_overlays)
