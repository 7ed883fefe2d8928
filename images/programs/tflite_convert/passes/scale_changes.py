"""Operators that do nothing but bring integers from one scale to another.

`onnx_nhwc.onnx_rewrites.kept_scales` has the converter see a LEAKY_RELU of slope 1 there, all but, whose two sides have
a scale each. QUANTIZE is what TFLite has for it.
"""

from tensorflow.lite.python import schema_py_generated as schema

from . import editing

# The float next to 1.
SLOPE = 1 - 2.0**-24


def apply(model, _):
    """Let QUANTIZE take the place of such operators between integers."""
    found = [
        operator
        for graph, operator, kind in editing.operators(model)
        if kind == schema.BuiltinOperator.LEAKY_RELU
        and operator.builtinOptions.alpha == SLOPE
        and graph.tensors[operator.outputs[0]].type == schema.TensorType.INT8
    ]
    for operator in found:
        operator.opcodeIndex = editing.code(model, schema.BuiltinOperator.QUANTIZE)
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.NONE, None
    return bool(found)
