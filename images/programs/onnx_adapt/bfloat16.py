"""bfloat16, which nothing at opset 13 computes: float32 in its place has all of its numbers, and rounds less."""

import numpy as np
import onnx_ir as ir

BFLOAT16, FLOAT = ir.DataType.BFLOAT16, ir.DataType.FLOAT
# Attributes that are data types: of Cast and BitCast, of EyeLike and the random operators, and what is computed in.
DTYPES = ("to", "dtype", "output_dtype", "precision", "softmax_precision")


def as_float(model):
    """Make each value, tensor and attribute of bfloat16 one of float32, in place."""
    for graph in model.graphs():
        for value in graph.inputs:
            _value(value)
        for value in graph.initializers.values():
            _value(value)
        for node in graph:
            for value in node.outputs:
                _value(value)
            for name, attribute in tuple(node.attributes.items()):
                changed = _attribute(attribute)
                if changed is not None:
                    node.attributes[name] = changed


def _value(value):
    if value.type is not None and value.type.dtype == BFLOAT16:
        value.dtype = FLOAT
    if value.const_value is not None and value.const_value.dtype == BFLOAT16:
        value.const_value = _tensor(value.const_value)


def _attribute(attribute):
    if attribute.type == ir.AttributeType.TENSOR and attribute.value.dtype == BFLOAT16:
        return ir.AttrTensor(attribute.name, _tensor(attribute.value))
    if attribute.name in DTYPES and attribute.type == ir.AttributeType.INT and attribute.value == BFLOAT16:
        return ir.AttrInt64(attribute.name, FLOAT.value)
    return None


def _tensor(tensor):
    return ir.tensor(tensor.numpy().astype(np.float32), name=tensor.name)
