#!/usr/bin/env bash
# onnxruntime's basic optimizations round float weights that nothing in the model rounds.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2 (CPython 3.11, Linux x86-64).
# A convolution may have weights of floats between DequantizeLinear and QuantizeLinear: its weights were left out of the
# quantization, or have been dequantized by another tool. At the level "basic", which is to keep what a model means,
# onnxruntime makes integers of 8 bits of these weights. The outputs are those of another model. Its option
# session.disable_quant_qdq=1 keeps the weights.
#
# Seen, of 128 outputs: at ORT_DISABLE_ALL and at "basic" with the option the same to the bit; at "basic" other ones.
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 300 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

SHAPE = [1, 2, 1, 64]
WEIGHTS = {
    "scale": np.float32(1 / 64),
    "point": np.int8(0),
    "w": np.float32([1.0, 0.61803, 0.31415, 0.27182]).reshape(2, 2, 1, 1),
}


def rounded(value, name):
    return [
        helper.make_node("QuantizeLinear", [value, "scale", "point"], [name + "_integers"]),
        helper.make_node("DequantizeLinear", [name + "_integers", "scale", "point"], [name]),
    ]


nodes = [*rounded("x", "a"), helper.make_node("Conv", ["a", "w"], ["b"]), *rounded("b", "y")]
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in "xy")
graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(v, k) for k, v in WEIGHTS.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
sample = {"x": np.random.RandomState(0).uniform(-1, 1, size=SHAPE).astype(np.float32)}


def run(level, **settings):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    for key, value in settings.items():
        options.add_session_config_entry("session." + key, value)
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, sample)[0]


as_it_is = run(Level.ORT_DISABLE_ALL)
kept = run(Level.ORT_ENABLE_BASIC, disable_quant_qdq="1")
basic = run(Level.ORT_ENABLE_BASIC)
print("outputs that differ from the model's: basic", (basic != as_it_is).sum(), "with the option", (kept != as_it_is).sum())
assert np.array_equal(kept, as_it_is), "the option does not keep the weights any more"
assert not np.array_equal(basic, as_it_is), "onnxruntime keeps the weights"
PYTHON
echo "as found: onnxruntime's basic optimizations round the weights of a convolution between integers"
