"""GELU in steps that lose little in integers: x * sigmoid(z * (z^2 + a) * b) of z = x / 4, clipped to [-1, 1].

That is right to 3e-4, less than a step of 8 bits. What the lowering spells it out with for floats takes the ninth power
of x: beside the largest, integers would leave nothing of the others.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, gelus

OPERATORS = schema.BuiltinOperator
# Beyond, a step of 8 bits is more than what GELU is off 0 or x.
CLIPPED = 4
CUBIC = 0.06940206 * CLIPPED**3
LINEAR = 1.60031354 * CLIPPED / CUBIC


def apply(model, _):
    """Compute each GELU in these steps."""
    replaced = False
    for graph in model.subgraphs:
        for each in [each for each in gelus.found(model, graph) if each.factor == 1]:
            made = _steps(model, graph, each.x, each.y)
            editing.replace_operators(graph, lambda one, y=each.y, made=made: made if y in one.outputs else [one])
            replaced = True
    if replaced:
        editing.drop_unread(model)
    return replaced


def _steps(model, graph, x, y):
    like = graph.tensors[y]
    z, square, sum_, cubic, scaled, curve = (
        editing.add_tensor(graph, like.name + name, like.shape)
        for name in (b"/z", b"/square", b"/sum", b"/cubic", b"/scaled", b"/curve")
    )
    part, linear, factor = (
        editing.add_constant(model, graph, like.name + name, np.array(number, np.float32))
        for name, number in ((b"/part", 1 / CLIPPED), (b"/linear", LINEAR), (b"/factor", CUBIC))
    )
    multiply, add, logistic = (editing.code(model, each) for each in (OPERATORS.MUL, OPERATORS.ADD, OPERATORS.LOGISTIC))
    clipped = schema.MulOptionsT()
    clipped.fusedActivationFunction = schema.ActivationFunctionType.RELU_N1_TO_1
    return [
        editing.operator(multiply, [x, part], z, clipped),
        editing.operator(multiply, [z, z], square, schema.MulOptionsT()),
        editing.operator(add, [square, linear], sum_, schema.AddOptionsT()),
        editing.operator(multiply, [z, sum_], cubic, schema.MulOptionsT()),
        editing.operator(multiply, [cubic, factor], scaled, schema.MulOptionsT()),
        editing.operator(logistic, [scaled], curve),
        editing.operator(multiply, [x, curve], y, schema.MulOptionsT()),
    ]
