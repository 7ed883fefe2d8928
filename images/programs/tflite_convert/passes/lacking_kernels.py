"""Operators of 16 bits for which TensorFlow 2.4.1 or tflite-runtime 2.14.0 has no kernel, though the quantizer writes
them: they compute in floats, between integers.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

INT16, FLOAT32 = schema.TensorType.INT16, schema.TensorType.FLOAT32
# `make kernels` tells which these are.
LACKING = tuple(
    getattr(schema.BuiltinOperator, name)
    for name in (
        *("ABS", "ARG_MAX", "ARG_MIN", "DEPTH_TO_SPACE", "EXP", "GATHER_ND", "MIRROR_PAD", "NEG", "REDUCE_MAX"),
        *("REDUCE_MIN", "RESIZE_BILINEAR", "SPACE_TO_DEPTH", "TILE"),
    )
)
# The first versions that take 16 bits.
DEQUANTIZE, QUANTIZE = (schema.BuiltinOperator.DEQUANTIZE, 3), (schema.BuiltinOperator.QUANTIZE, 2)


def apply(model, _):
    """Put such operators between a DEQUANTIZE and a QUANTIZE."""
    found = [operator for graph, operator, kind in editing.operators(model) if kind in LACKING and _is(graph, operator)]
    for graph in model.subgraphs:
        editing.replace_operators(
            graph, lambda each, graph=graph: _in_floats(model, graph, each) if each in found else [each]
        )
    return bool(found)


def _is(graph, operator):
    return any(graph.tensors[index].type == INT16 for index in (*operator.inputs, *operator.outputs) if index >= 0)


def _in_floats(model, graph, operator):
    before, after = [], []
    # What is read from a file can't be written.
    operator.inputs, operator.outputs = np.array(operator.inputs), np.array(operator.outputs)
    for at, index in enumerate(operator.inputs):
        if index >= 0 and graph.tensors[index].type == INT16:
            operator.inputs[at] = _float(graph, index)
            before.append(_scaling(model, DEQUANTIZE, index, operator.inputs[at], schema.DequantizeOptionsT()))
    for at, index in enumerate(operator.outputs):
        if graph.tensors[index].type == INT16:
            operator.outputs[at] = _float(graph, index)
            after.append(_scaling(model, QUANTIZE, operator.outputs[at], index, schema.QuantizeOptionsT()))
    return [*before, operator, *after]


def _float(graph, index):
    like = graph.tensors[index]
    found = editing.add_tensor(graph, like.name + b"/float", like.shape)
    graph.tensors[found].type, graph.tensors[found].shapeSignature = FLOAT32, like.shapeSignature
    return found


def _scaling(model, wanted, read, written, options):
    kind, version = wanted
    codes = [(code.builtinCode, code.version) for code in model.operatorCodes]
    listed = next((at for at, code in enumerate(codes) if code[0] == kind and code[1] >= version), None)
    return editing.operator(
        editing.add_code(model, kind, version) if listed is None else listed, [read], written, options
    )
