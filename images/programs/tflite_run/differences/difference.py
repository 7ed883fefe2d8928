"""One difference of two files."""

from typing import Any, NamedTuple, Optional

from .weights import Found

# The kinds, by what they mean for what a file computes: of operators, of tensors, of values, and of all else.
OF_OPERATORS = ("operators", "options", "versions", "connections")
OF_TENSORS = ("shapes", "types", "quantization")
OF_THE_REST = ("graphs", "order", "signatures", "metadata", "layout")
KINDS = (*OF_OPERATORS, *OF_TENSORS, "weights", "names", *OF_THE_REST)


class Difference(NamedTuple):
    """``what`` of ``where`` is ``ours`` in the first file and ``theirs`` in the other, in words; each may be empty.

    ``where`` is an operator with its place in both graphs (``CONV_2D 5/6``, or one number for both), and which of its
    tensors; ``tensor`` is that one's name in the first file, ``found`` how its values are related. ``about`` tells one
    operator or tensor from another.
    """

    kind: str
    where: str = ""
    what: str = ""
    ours: str = ""
    theirs: str = ""
    tensor: str = ""
    found: Optional[Found] = None
    about: Any = None
