"""Dense layers whose weights have a scale for each channel, where kernels take one for all.

No runtime as old as TensorFlow 2.4.1 computes FULLY_CONNECTED with more than one scale, and none says so. A convolution
of an image of one pixel is the same, and has a scale for each channel in every runtime.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import dense_scales, editing


def apply(model, known):
    """Compute such layers by CONV_2D, where the target has no kernel for them."""
    if dense_scales.FEATURES[schema.TensorType.INT8] in known.has:
        return False
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    dense = [operator for operator in graph.operators if _has_channels(model, graph, operator)]
    editing.replace_operators(
        graph, lambda operator: _convolution(model, graph, operator) if operator in dense else [operator]
    )
    return bool(dense)


def _has_channels(model, graph, operator):
    if editing.kind(model, operator) != schema.BuiltinOperator.FULLY_CONNECTED:
        return False
    weight = graph.tensors[operator.inputs[1]]
    return weight.type == schema.TensorType.INT8 and len(weight.quantization.scale) > 1


def _convolution(model, graph, operator):
    read, dense, bias = operator.inputs
    (written,) = operator.outputs
    weight, result = graph.tensors[dense], graph.tensors[written]
    outputs, inputs = weight.shape
    pixels = int(np.prod(result.shape)) // outputs
    image = editing.add_reshaped(graph, graph.tensors[read], result.name + b"/pixels", [pixels, 1, 1, inputs])
    kernel = editing.add_reshaped(graph, weight, weight.name + b"/kernel", [outputs, 1, 1, inputs])
    graph.tensors[kernel].buffer = weight.buffer
    seen = editing.add_reshaped(graph, result, result.name + b"/seen", [pixels, 1, 1, outputs])
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
    options.fusedActivationFunction = operator.builtinOptions.fusedActivationFunction
    kind = editing.code(model, schema.BuiltinOperator.CONV_2D)
    return [
        editing.reshape(model, graph, read, image),
        editing.operator(kind, [image, kernel, _bias(model, graph, operator) if bias < 0 else bias], seen, options),
        editing.reshape(model, graph, seen, written),
    ]


def _bias(model, graph, operator):
    """Zeros: the kernel wants a bias."""
    read, weight = (graph.tensors[index] for index in operator.inputs[:2])
    zeros = np.zeros(weight.shape[0], np.int32)
    bias = editing.add_constant(model, graph, weight.name + b"/bias", zeros)
    quantization = schema.QuantizationParametersT()
    quantization.scale = read.quantization.scale[0] * weight.quantization.scale
    quantization.zeroPoint = np.zeros(len(zeros), np.int64)
    graph.tensors[bias].quantization = quantization
    return bias
