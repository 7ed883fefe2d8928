"""Quantization that a model spells out by QuantizeLinear and DequantizeLinear.

Quantized constants become the floats that they stand for. What rounds activations stays, unless the model is to be one
of plain floats.
"""

import numpy as np
import onnx_ir as ir

from .rules.operators import OPSET, Operators
from .rules.rule import array

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
NOT_NEGATIVE = ("HardSigmoid", "Relu", "Sigmoid", "Softmax")
# They are not negative where nothing that they read is.
PASSING = (
    *("AveragePool", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GlobalAveragePool", "MaxPool", "Pad"),
    *("ReduceMean", "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Transpose", "Unsqueeze"),
)
# The end of a range of integers that is ReLU6's, over 6.
SIX = (0.999, 1.001)


def constants(model, opset):
    """Let constants of floats take the place of those that a model quantizes or dequantizes."""
    for graph in model.graphs():
        for node in tuple(graph):
            if not _is(node, QUANTIZE, DEQUANTIZE):
                continue
            arrays = [array(value) for value in node.inputs if value is not None]
            if all(each is not None for each in arrays):
                _replace(graph, node, _evaluated(node, arrays, opset))


def activations(model):
    """Take out, of a model of opset 13, the pairs of both operators between which nothing else reads the integers.

    Quantizers leave a ReLU or ReLU6 out where the integers have no negative numbers: it is put back.
    """
    for graph in model.graphs():
        for node in tuple(graph):
            if _is(node, QUANTIZE) and not node.outputs[0].is_graph_output():
                readers = node.outputs[0].consumers()
                if all(_is(reader, DEQUANTIZE) for reader in readers):
                    _take_out(graph, node, readers)


def _take_out(graph, node, readers):
    made = Operators(node, OPSET)
    plain = _activated(node, made)
    for reader in readers:
        (after,) = reader.outputs
        if after.is_graph_output():
            plain = made.Identity(plain)
            plain.shape, plain.type = after.shape, after.type
        ir.convenience.replace_all_uses_with(after, plain, replace_graph_outputs=True)
        reader.graph.remove(reader, safe=True)
        if plain.is_graph_output():
            plain.name = after.name
    graph.insert_after(node, made.nodes)
    graph.remove(node, safe=True)


def _is(node, *op_types):
    return node.domain == "" and node.op_type in op_types


def _activated(node, op):
    """What a QuantizeLinear reads, behind the activation that is left out before it."""
    value, scale, *points = node.inputs
    point = array(points[0]) if points and points[0] is not None else np.zeros((), np.uint8)
    scale = array(scale)
    if scale is None or point is None or _is_not_negative(value):
        return value
    limits = np.iinfo(point.dtype)
    if np.any(point != limits.min):
        return value
    most = scale * np.float32(int(limits.max) - int(limits.min)) / 6
    if np.all((most > SIX[0]) & (most < SIX[1])):
        return op.Clip(value, op.constant(0, np.float32), op.constant(6, np.float32))
    return op.Relu(value)


def _is_not_negative(value):
    """Whether no operator before could give a negative number; nothing is left out behind an input."""
    node = value.producer()
    if node is None or _is(node, *NOT_NEGATIVE):
        return True
    if _is(node, "Clip"):
        least = array(node.inputs[1]) if len(node.inputs) > 1 else None
        return least is not None and least >= 0
    return _is(node, *PASSING) and _is_not_negative(node.inputs[0])


def _evaluated(node, arrays, opset):
    names = [value.name for value in node.inputs if value is not None]
    # Few models need it, and it takes as long to import as onnxruntime.
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    (found,) = ReferenceEvaluator(ir.to_proto(node), opsets={"": opset}).run(None, dict(zip(names, arrays)))
    return found


def _replace(graph, node, numbers):
    (before,) = node.outputs
    constant = ir.Value(name=before.name, const_value=ir.tensor(numbers))
    constant.shape, constant.type = ir.Shape(numbers.shape), ir.TensorType(constant.const_value.dtype)
    ir.convenience.replace_all_uses_with(before, constant, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    graph.register_initializer(constant)
