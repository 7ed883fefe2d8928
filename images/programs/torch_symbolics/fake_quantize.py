"""aten::fake_quantize_per_tensor_affine, as ONNX's QuantizeLinear and DequantizeLinear: the values and their range."""

import torch

from . import constants
from .decomposition import constant, symbolic


@symbolic("fake_quantize_per_tensor_affine")
def fake_quantize(graph, value, scale, zero_point, *_limits):
    """All of int8 is used, which is what QuantizeLinear makes of a zero point of int8."""
    parameters = [
        constant(graph, torch.tensor(constants.python(scale), dtype=torch.float32)),
        constant(graph, torch.tensor(constants.python(zero_point), dtype=torch.int8)),
    ]
    quantized = graph.op("QuantizeLinear", value, *parameters)
    found = graph.op("DequantizeLinear", quantized, *parameters)
    found.setType(value.type())
    return found
