"""Run by the Python of the image of today's ONNX: a model of opset 21 with a function of its own. The folder that is
named gets it as model.onnx, which keeps its weights in weights/model.data, and as one file, whole.onnx; and a quantized
model, quantized.onnx.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import parser

MODEL = """
<ir_version: 10, opset_import: ["" : 21, "house" : 1]>
network (float[N, 3, 8, 8] image) => (float[N, 4] scores, float[N, 8] features)
{
    convolved = Conv <pads = [1, 1, 1, 1]> (image, kernel)
    normal = GroupNormalization <num_groups = 2> (convolved, ones, zeros)
    active = house.gated (normal)
    pooled = ReduceMean <keepdims = 0> (active, axes)
    features = LayerNormalization (pooled, ones, zeros)
    bent = Gelu (features)
    scores = Gemm (bent, dense)
}
<domain: "house", opset_import: ["" : 21]>
gated (x) => (y)
{
    y = HardSwish (x)
}
"""

QUANTIZED = """
<ir_version: 8, opset_import: ["" : 13]>
quantized (float[1, 8] x) => (float[1, 4] y)
{
    read = QuantizeLinear (x, x_scale, least)
    seen = DequantizeLinear (read, x_scale, least)
    weight = DequantizeLinear (integers, w_scale, zero)
    product = MatMul (seen, weight)
    made = QuantizeLinear (product, y_scale, zero)
    y = DequantizeLinear (made, y_scale, zero)
}
"""

folder = Path(sys.argv[1])
folder.joinpath("weights").mkdir(parents=True)
stream = np.random.RandomState(0)
model = parser.parse_model(MODEL)
weights = {
    "kernel": stream.normal(size=(8, 3, 3, 3)).astype("float32"),
    "ones": np.ones(8, "float32"),
    "zeros": np.zeros(8, "float32"),
    "axes": np.array([2, 3]),
    "dense": stream.normal(size=(8, 4)).astype("float32"),
}
model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
onnx.save(model, folder / "whole.onnx")
onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="weights/model.data", size_threshold=0)

model = parser.parse_model(QUANTIZED)
numbers = {
    "x_scale": np.float32(1 / 255),
    "w_scale": np.float32(0.02),
    "y_scale": np.float32(0.05),
    "least": np.int8(-128),
    "zero": np.int8(0),
    "integers": stream.randint(-127, 128, size=(8, 4)).astype("int8"),
}
model.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in numbers.items())
onnx.save(model, folder / "quantized.onnx")
