#!/usr/bin/env bash
# onnxruntime drops a Transpose in front of a product with a vector, by default, and computes with the matrix as it lies.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPython 3.11, Linux x86-64); 1.12.1 to 1.23.2 alike, 1.6.0 is
# right.
# x.transpose(1, 2) @ v: Transpose, and a MatMul whose right side has one dimension, as attention pooling has it. From
# ORT_ENABLE_EXTENDED on, which the default contains, MatmulTransposeFusion makes a FusedMatMul with transA of the two.
# Its kernel forgets transA where the other side is a vector: each result is the product of as many numbers as follow
# each other in memory, of several rows. The shapes are right, and nothing is said. A matrix of one column in the
# vector's place is right, and so is a vector on the left. A file that is kept in optimized form (ORT's format,
# optimized_model_filepath) has the fault in it.
#
# Seen, of x = 1 2 3; 4 5 6; 7 8 9; 10 11 12 and v = 1 10 100 1000, x transposed times v:
#   as ORT_DISABLE_ALL and ORT_ENABLE_BASIC have it 10741 11852 12963; by default 4321 8765 13209, which is
#   1 2 3 4, 5 6 7 8 and 9 10 11 12 times v; right with disabled_optimizers=["MatmulTransposeFusion"], or v as 4 x 1
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
from onnx import TensorProto, helper

LEVELS = onnxruntime.GraphOptimizationLevel
x = np.arange(1, 13, dtype=np.float32).reshape(1, 4, 3)
v = np.float32([1, 10, 100, 1000])
RIGHT, FLAT = x[0].T @ v, x.reshape(3, 4) @ v


def computed(vector, level=None, **options):
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "v"], ["y"]),
    ]
    given = {"x": x, "v": vector}
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in given.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, *vector.shape[1:]])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    settings = onnxruntime.SessionOptions()
    if level is not None:
        settings.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"], **options
    )
    return session.run(None, given)[0].ravel()


found = {
    "disabled": computed(v, LEVELS.ORT_DISABLE_ALL),
    "basic": computed(v, LEVELS.ORT_ENABLE_BASIC),
    "default": computed(v),
    "default without the fusion": computed(v, disabled_optimizers=["MatmulTransposeFusion"]),
    "default, one column": computed(v[:, None]),
}
for name, numbers in found.items():
    print(f"RESULT {name}: {numbers}")
    np.testing.assert_array_equal(numbers, FLAT if name == "default" else RIGHT)
PYTHON
"$folder/onnx/bin/python" "$folder/run.py"
echo "as found: onnxruntime 1.32.0 multiplies with the matrix before it is transposed"
