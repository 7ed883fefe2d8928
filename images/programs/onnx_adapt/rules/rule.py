"""What a rule is, how it is found, and how it refuses."""

import functools

import onnx
import onnx_ir as ir

# The domain of operators that ONNX may take in.
PREVIEW = "ai.onnx.preview"
RULES = {}
CUT = "cut the model before it with --to-tensor, or write that part of the model differently"
CUT_AT = "cut the model in front of it, with --to-tensor {}, or write that part of the model differently"


class UnsupportedError(Exception):
    """Opset 13 has no words for a node: ``reason`` says why, ``hint`` what to do about it."""

    def __init__(self, reason, hint=CUT):
        super().__init__(reason)
        self.hint = hint


def rule(*op_types, since, domain=""):
    """Register a function as the rule of operators, as an opset, or each of several, has defined them.

    A rule is a function of an `onnx_ir.Node` and the `Operators` that it adds. It returns the values that take the
    place of the node's outputs, one or a list, in which None is an output that nobody reads. None leaves the node as it
    is, or as the rule has changed it.
    """
    versions = since if isinstance(since, tuple) else (since,)

    def register(function):
        RULES.update(((domain, op_type, at), function) for op_type in op_types for at in versions)
        return function

    return register


def array(value):
    """The numbers of a value that is a constant, else None."""
    found = None if value is None else ir.convenience.get_const_tensor(value)
    return None if found is None else found.numpy()


def constant(value, name):
    """The numbers of a constant; raises an UnsupportedError that calls it ``name`` if it is computed."""
    found = array(value)
    if found is None:
        raise UnsupportedError("its {} is computed while the model runs".format(name))
    return found


def rank(value):
    """How many axes a value has; raises an UnsupportedError if nobody can say."""
    if value.shape is None:
        raise UnsupportedError("how many axes its input {!r} has is unknown".format(value.name))
    return len(value.shape)


def sizes(value, *axes):
    """The sizes of a value along some axes, or of all of them; raises an UnsupportedError if one is open.

    Those of the model's own inputs never are: samples have a size.
    """
    rank(value)
    found = [value.shape[axis] for axis in axes] if axes else list(value.shape)
    if not all(isinstance(size, int) for size in found):
        raise UnsupportedError(
            "the data decides how large its input {!r} is, {}".format(value.name, value.shape),
            CUT_AT.format(value.name),
        )
    return found


def inputs(node, count):
    """A node's inputs, None for each of ``count`` that it leaves out."""
    return [*node.inputs, *[None] * (count - len(node.inputs))]


def schema(node, opset):
    """The `onnx.defs.OpSchema` of an operator of ONNX's as it is at an opset, or None for what ONNX doesn't have then.

    Those of its preview are all of version 1.
    """
    return _schema(node.op_type, opset, node.domain) if node.domain in ("", PREVIEW) else None


@functools.cache
def _schema(op_type, opset, domain):
    return onnx.defs.get_schema(op_type, opset, domain) if onnx.defs.has(op_type, opset, domain) else None
