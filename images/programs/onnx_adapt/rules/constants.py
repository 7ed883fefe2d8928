"""Constants, in the one form that every runtime reads."""

from .rule import array, rule

FORMS = ("value_float", "value_floats", "value_int", "value_ints")


@rule("Constant", since=(13, 19, 21, 23, 24, 25))
def constant(node, op):
    """A tensor; onnxruntime 1.6 takes a list of numbers for a tensor of one."""
    return op.constant(array(node.outputs[0])) if any(name in node.attributes for name in FORMS) else None
