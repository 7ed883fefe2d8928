"""What a rule is, and what it builds with.

A rule is a function of an `onnx_ir.Node` and the `Operators` that it adds. It returns the values that take the place of
the node's outputs, one or a list; None leaves the node as it is.
"""

import numpy as np
import onnx_ir as ir

RULES = {}


def rule(*op_types, since, domain=""):
    """Register a function as the rule of operators as they are from an opset on."""

    def register(function):
        RULES.update(((domain, op_type, since), function) for op_type in op_types)
        return function

    return register


class Operators(ir.tape.Tape):
    """Operators of opset 13 as methods: ``op.Add(x, y)``, ``op.Concat(x, y, axis=1)``."""

    def __getattr__(self, op_type):
        def add(*inputs, outputs=1, **attributes):
            values = self.op_multi_out(op_type, inputs, attributes, num_outputs=outputs)
            return values[0] if outputs == 1 else values

        return add

    def constant(self, numbers, dtype=None):
        return self.Constant(value=ir.tensor(np.asarray(numbers, dtype)))


def array(value):
    """The numbers of a value that is a constant, else None."""
    found = None if value is None else ir.convenience.get_const_tensor(value)
    return None if found is None else found.numpy()
