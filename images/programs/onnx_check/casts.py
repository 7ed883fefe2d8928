"""Casts in a row, which onnxruntime 1.6 merges into one, although the type between them holds fewer numbers.

An integer too large for 8 or 16 bits comes out of two casts unchanged, instead of wrapped around. Where one may be too
large, arithmetic wraps it around before the casts.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import model_file

# How many numbers each holds, and the least of them.
SMALL = {
    TensorProto.INT8: (1 << 8, -(1 << 7)),
    TensorProto.UINT8: (1 << 8, 0),
    TensorProto.INT16: (1 << 16, -(1 << 15)),
    TensorProto.UINT16: (1 << 16, 0),
}
LARGE = (TensorProto.INT32, TensorProto.INT64)
FLOATS = (TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE)
# Older opsets have no Mod.
OPSET = 10


def apart(model):
    """The model, changed where the first of two casts in a row is to fewer bits. Its interface is kept."""
    graph = model.graph
    cast = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and _to(node) in SMALL}
    found = {node.input[0] for node in graph.node if node.op_type == "Cast" and node.input[0] in cast}
    if not found or model_file.opset(model) < OPSET:
        return model
    types = {name: kind.elem_type for name, kind in model_file.inferred(model).items()}
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    for node in graph.node:
        dtype = types.get(node.input[0]) if found.intersection(node.output) else None
        wrapped = dtype in LARGE + FLOATS
        changed.graph.node.extend(_wrapping(node, dtype) if wrapped else ())
        changed.graph.node.add().CopyFrom(node)
        if wrapped:
            changed.graph.node[-1].input[0] = node.output[0] + "/wrapped"
    return changed


def _wrapping(node, dtype):
    """Nodes that make ``output/wrapped`` of a cast's input: the integer of its small type, in a large type."""
    x, prefix = node.input[0], node.output[0] + "/"
    if dtype in FLOATS:
        dtype = TensorProto.INT64
        yield _node("Cast", [x], prefix + "whole", to=dtype)
        x = prefix + "whole"
    for name, number in zip(("count", "least"), SMALL[_to(node)]):
        array = np.array(number, helper.mapping.TENSOR_TYPE_TO_NP_TYPE[dtype])
        yield _node("Constant", [], prefix + name, value=numpy_helper.from_array(array))
    yield _node("Sub", [x, prefix + "least"], prefix + "moved")
    yield _node("Mod", [prefix + "moved", prefix + "count"], prefix + "rest")
    yield _node("Add", [prefix + "rest", prefix + "least"], prefix + "wrapped")


def _node(op_type, inputs, output, **attributes):
    return helper.make_node(op_type, inputs, [output], output, **attributes)


def _to(node):
    return next(attribute.i for attribute in node.attribute if attribute.name == "to")
