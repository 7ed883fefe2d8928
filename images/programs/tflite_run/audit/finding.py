"""What an audit finds in a file."""

from typing import NamedTuple

# In the order in which they are told. What is wrong makes results wrong, or a runtime refuse the file; a note doesn't.
KINDS = ("graph", "shapes", "constants", "scales", "zero points", "channels", "bias", "ranges", "signatures", "unused")


class Finding(NamedTuple):
    """``what`` is the matter with ``where``: an operator with its place and which of its tensors it is; ``tensor`` is
    that one's name.
    """

    kind: str
    where: str
    what: str
    tensor: str = ""
    wrong: bool = True


def named(graph, at, prefix=""):
    """The words for an operator of a graph."""
    return "{}{} {}".format(prefix, graph.operators[at].kind, at)
