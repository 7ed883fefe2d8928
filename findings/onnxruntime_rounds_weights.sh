#!/usr/bin/env bash
# onnxruntime 1.32.0 rounds float weights to 8 bits where a model quantizes activations alone.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPython 3.11, Linux x86-64).
# DequantizeLinear, a Conv with float weights, QuantizeLinear: ONNX says that the weights are floats. From
# ORT_ENABLE_BASIC on, which is said to keep what a model means, WeightBiasQuantization makes int8 weights of them, with
# one scale for all channels. Weights whose channels differ in size lose most of their digits.
#
# Seen, outputs apart from those of ORT_DISABLE_ALL: 41 % of them, by up to 3 steps; none with disabled_optimizers=
# ["WeightBiasQuantization"].
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

stream = np.random.RandomState(0)
size = np.linspace(0.01, 1, 6, dtype=np.float32).reshape(-1, 1, 1, 1)
constants = {
    "weights": stream.uniform(-1, 1, (6, 4, 3, 3)).astype(np.float32) * size,
    "scale": np.float32(0.02),
    "zero": np.uint8(100),
}
nodes = [
    helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["real"]),
    helper.make_node("Conv", ["real", "weights"], ["convolved"]),
    helper.make_node("QuantizeLinear", ["convolved", "scale", "zero"], ["y"]),
]
graph = helper.make_graph(
    nodes,
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 20, 20])],
    [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 6, 18, 18])],
    [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7).SerializeToString()
x = {"x": stream.randint(0, 256, (1, 4, 20, 20)).astype(np.uint8)}


def run(level, without=()):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model, options, disabled_optimizers=list(without))
    return session.run(None, x)[0].astype(int)


levels = onnxruntime.GraphOptimizationLevel
wanted = run(levels.ORT_DISABLE_ALL)
steps = np.abs(run(levels.ORT_ENABLE_BASIC) - wanted)
kept = np.abs(run(levels.ORT_ENABLE_BASIC, ["WeightBiasQuantization"]) - wanted)
print("ORT_ENABLE_BASIC: {:.1%} apart, by up to {} steps".format((steps > 0).mean(), steps.max()))
print("without WeightBiasQuantization: {:.1%} apart".format((kept > 0).mean()))
assert steps.max() >= 1 and (steps > 0).mean() > 0.02 and kept.max() == 0
PYTHON
