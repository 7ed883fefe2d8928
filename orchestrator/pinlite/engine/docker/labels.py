"""What tells an image of pinlite's: its labels, and the tag that it has."""

from pinlite.engine.protocol import Image
from pinlite.toolchain import ImageRecipe

IDENTITY = "pinlite.identity"
LOCK = "pinlite.lock"
# As images/Dockerfile has it: of an image, and of each step on the way to it.
PART = "pinlite.part"
BASE = "pinlite.base"
# Of a local base: the version of its browser.
BROWSER = "pinlite.browser"


def tag(name: str, identity: str) -> str:
    return f"pinlite/{name}:{identity[:16]}"


def image(recipe: ImageRecipe, base: str) -> Image:
    """What the recipe's image on this base is, whether or not it is there."""
    identity = recipe.identity(base)
    return Image(recipe.name, identity, tag(recipe.name, identity))
