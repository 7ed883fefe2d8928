"""What a handler is, and how it is found.

A handler is a function of a `node.Node` and the `Values` computed so far.
It returns the node's outputs as a list of tensors, in ONNX's layout: images are NCHW, and the layout pass turns them.
"""

HANDLERS = {}
CUT = "cut the model in front of it, with --to-tensor {}, or write that part of the model differently"


class UnsupportedError(Exception):
    """A node means something that its handler has no translation for; ``hint`` says what to do instead."""

    def __init__(self, reason, hint):
        super().__init__(reason)
        self.hint = hint


def kept_name(node):
    """The name of an operator that onnx-tf would make of a node alone: it is in files."""
    return "onnx_tf_prefix_" + node.name


def handles(*op_types):
    """Register a function as the handler of these ONNX operators."""

    def register(function):
        HANDLERS.update((op_type, function) for op_type in op_types)
        return function

    return register
