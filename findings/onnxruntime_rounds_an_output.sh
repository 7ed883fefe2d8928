#!/usr/bin/env bash
# onnxruntime gives a float output in 8 bits where something else of the model quantizes the same value transposed.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPython 3.11, Linux x86-64); 1.20.1 and 1.23.2 alike, 1.17.3
# and 1.12.1 are right.
# A Relu whose result is an output of the model, and goes through Transpose and QuantizeLinear, too, as the features of
# a backbone in front of a quantized head. From ORT_ENABLE_BASIC on, which is said to keep what a model means,
# TransposeOptimizer puts a QuantizeLinear and DequantizeLinear in front of the Transpose, so that the two stand beside
# each other, and gives the output what comes out behind them: rounded to the head's steps, and cut off at its range. A
# second reader that is an operator prevents it; that the value is an output does not. In place of Transpose a Reshape
# or MaxPool is right.
#
# Seen, the output for 1.003 2.007 3 4, with a scale of 0.02 behind the Transpose:
#   as it is with ORT_DISABLE_ALL, or disabled_optimizers=["TransposeOptimizer"] and ORT_ENABLE_BASIC; else 1.00 2.00
#   2.54 2.54. By default a second one has to be disabled beside it, "TransposeOptimizer_CPUExecutionProvider"
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/onnx"
"$folder/onnx/bin/pip" install --quiet --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LEVELS = onnxruntime.GraphOptimizationLevel
x = np.float32([[1.003, 2.007, 3, 4]])
ROUNDED = np.float32([[1, 2, 2.54, 2.54]])


def features(level=None, **options):
    nodes = [
        helper.make_node("Relu", ["x"], ["features"]),
        helper.make_node("Transpose", ["features"], ["t"], perm=[1, 0]),
        helper.make_node("QuantizeLinear", ["t", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["head"]),
    ]
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [
            helper.make_tensor_value_info("head", TensorProto.FLOAT, [4, 1]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 4]),
        ],
        [numpy_helper.from_array(np.float32(0.02), "scale"), numpy_helper.from_array(np.int8(0), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    settings = onnxruntime.SessionOptions()
    if level is not None:
        settings.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"], **options
    )
    return session.run(["features"], {"x": x})[0]


ONE, BOTH = ["TransposeOptimizer"], ["TransposeOptimizer", "TransposeOptimizer_CPUExecutionProvider"]
found = {
    "disabled": (features(LEVELS.ORT_DISABLE_ALL), x),
    "basic": (features(LEVELS.ORT_ENABLE_BASIC), ROUNDED),
    "basic without one optimizer": (features(LEVELS.ORT_ENABLE_BASIC, disabled_optimizers=ONE), x),
    "default": (features(), ROUNDED),
    "default without one optimizer": (features(disabled_optimizers=ONE), ROUNDED),
    "default without two optimizers": (features(disabled_optimizers=BOTH), x),
}
for name, (numbers, wanted) in found.items():
    print(f"RESULT {name}: {numbers.ravel()}")
    np.testing.assert_allclose(numbers, wanted, rtol=1e-6)
PYTHON
"$folder/onnx/bin/python" "$folder/run.py"
echo "as found: onnxruntime 1.32.0 rounds an output that the model does not quantize"
