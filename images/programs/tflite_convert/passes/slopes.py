"""PRELU in steps: relu(x) + slope * (x - relu(x)).

For 16 bits TensorFlow 2.4.1 and tflite-runtime 2.14.0 have no kernel, and that of LiteRT 2.3.0 is wrong below 0.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, ranges

PRELU = schema.BuiltinOperator.PRELU


def apply(model, _):
    """Replace every PRELU whose slopes are constants, and whose input has a range."""
    found = [
        operator
        for graph, operator, kind in editing.operators(model)
        if kind == PRELU and np.isfinite([ranges.of(model, graph.tensors[index]) for index in operator.inputs]).all()
    ]
    if not found:
        return False
    kinds = {name: editing.code(model, getattr(schema.BuiltinOperator, name)) for name in ("SUB", "MUL", "ADD")}
    for graph in model.subgraphs:
        editing.replace_operators(
            graph, lambda each, graph=graph: _steps(model, graph, kinds, each) if each in found else [each]
        )
    _drop(model)
    return True


def _steps(model, graph, kinds, operator):
    (x, slope), (y,) = operator.inputs, operator.outputs
    low, high = ranges.of(model, graph.tensors[x])
    slopes = ranges.of(model, graph.tensors[slope])
    low, high = min(low, 0.0), max(high, 0.0)
    ends = [low * each for each in slopes]
    above = _beside(graph, y, b"/above", 0.0, high)
    below = _beside(graph, y, b"/below", low, 0.0)
    scaled = _beside(graph, y, b"/scaled", min(*ends, 0.0), max(*ends, 0.0))
    # The quantizer leaves a RELU of its own in floats, and takes one that a product ends with.
    one = editing.add_constant(model, graph, graph.tensors[y].name + b"/one", np.array(1, np.float32))
    rectified = schema.MulOptionsT()
    rectified.fusedActivationFunction = schema.ActivationFunctionType.RELU
    return [
        editing.operator(kinds["MUL"], [x, one], above, rectified),
        editing.operator(kinds["SUB"], [x, above], below, schema.SubOptionsT()),
        editing.operator(kinds["MUL"], [below, slope], scaled, schema.MulOptionsT()),
        editing.operator(kinds["ADD"], [above, scaled], y, schema.AddOptionsT()),
    ]


def _beside(graph, index, suffix, low, high):
    """A tensor that is computed, of the shape of another, with a range of its own."""
    like = graph.tensors[index]
    found = editing.add_tensor(graph, like.name + suffix, like.shape)
    graph.tensors[found].shapeSignature = like.shapeSignature
    graph.tensors[found].quantization = schema.QuantizationParametersT()
    ranges.set_to(graph.tensors[found], low, high)
    return found


def _drop(model):
    """Take PRELU from the list of kinds: the quantizer takes no file that lists an operator and has none."""
    at = next(at for at, code in enumerate(model.operatorCodes) if code.builtinCode == PRELU)
    if any(kind == PRELU for _, _, kind in editing.operators(model)):
        return
    del model.operatorCodes[at]
    for graph in model.subgraphs:
        for operator in graph.operators:
            operator.opcodeIndex -= operator.opcodeIndex > at
