"""HARD_SWISH in steps: x / 6 * relu6(x + 3).

Its kernel for 8 bits is one that delegates don't take over: with it a mobilenetv3_large is twice as slow as with the
steps. For 16 bits there is none.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing


def apply(model, _):
    """Replace every HARD_SWISH by a sum and two products."""
    kinds = [code.builtinCode for code in model.operatorCodes]
    if schema.BuiltinOperator.HARD_SWISH not in kinds:
        return False
    # It is replaced in the list: the calibrator takes no file that lists an operator and has none.
    multiply = kinds.index(schema.BuiltinOperator.HARD_SWISH)
    model.operatorCodes[multiply] = editing.operator_code(schema.BuiltinOperator.MUL)
    add = editing.add_code(model, schema.BuiltinOperator.ADD)
    for graph in model.subgraphs:
        _apply(model, graph, kinds, multiply, add)
    return True


def _apply(model, graph, kinds, multiply, add):
    """``kinds`` are those of the file's list before, ``multiply`` and ``add`` places in the list now."""
    three = editing.add_constant(model, graph, b"hard_swish/three", np.array(3, np.float32))
    sixth = editing.add_constant(model, graph, b"hard_swish/sixth", np.array(1 / 6, np.float32))

    def replaced(operator):
        if kinds[operator.opcodeIndex] != schema.BuiltinOperator.HARD_SWISH:
            return [operator]
        (x,), (y,) = operator.inputs, operator.outputs
        clipped, scaled = _beside(graph, y, b"/clipped"), _beside(graph, y, b"/scaled")
        return [
            editing.operator(add, [x, three], clipped, _options("Add", "RELU6")),
            editing.operator(multiply, [x, sixth], scaled, _options("Mul", "NONE")),
            editing.operator(multiply, [scaled, clipped], y, _options("Mul", "NONE")),
        ]

    editing.replace_operators(graph, replaced)


def _beside(graph, index, suffix):
    """A tensor that is computed, of the shape of another."""
    like = graph.tensors[index]
    return editing.add_tensor(graph, like.name + suffix, like.shape)


def _options(name, activation):
    options = getattr(schema, name + "OptionsT")()
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    return options
