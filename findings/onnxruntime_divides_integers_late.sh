#!/usr/bin/env bash
# onnxruntime makes (1 / a) * b of integers into b / a, which is another number wherever a is not 1.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPython 3.11, Linux x86-64); 1.12.1 to 1.23.2 alike, 1.6.0 is
# right.
# ONNX's Div of integers drops the remainder: 1 / 3 is 0, and so is 1 / 3 * 30. From ORT_ENABLE_BASIC on, which is said to
# keep what a model means, DivMulFusion makes one Div of the two for floats and integers alike. A gate that is written
# so (is a 1?), or an index, becomes a quotient. It depends on how the 1 comes about: one that is computed only when
# the model runs is not seen, and the model is right.
#
# Seen, for a = 1 2 3 4 and b = 10 20 30 40, int64 and int32:
#   10 0 0 0 with ORT_DISABLE_ALL or disabled_optimizers=["DivMulFusion"]; else 10 10 10 10
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
from onnx import helper, numpy_helper

LEVELS = onnxruntime.GraphOptimizationLevel
a, b = [1, 2, 3, 4], [10, 20, 30, 40]


def computed(dtype, level=None, **options):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [helper.make_node("Div", ["one", "a"], ["r"]), helper.make_node("Mul", ["r", "b"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "gate",
        [helper.make_tensor_value_info(name, kind, [4]) for name in "ab"],
        [helper.make_tensor_value_info("y", kind, [4])],
        [numpy_helper.from_array(np.array(1, dtype), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    settings = onnxruntime.SessionOptions()
    if level is not None:
        settings.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"], **options
    )
    return session.run(None, {"a": np.array(a, dtype), "b": np.array(b, dtype)})[0].tolist()


for dtype in ("int64", "int32"):
    found = {
        "disabled": computed(dtype, LEVELS.ORT_DISABLE_ALL),
        "basic": computed(dtype, LEVELS.ORT_ENABLE_BASIC),
        "default": computed(dtype),
        "default without the fusion": computed(dtype, disabled_optimizers=["DivMulFusion"]),
    }
    for name, numbers in found.items():
        print(f"RESULT {dtype}, {name}: {numbers}")
        assert numbers == ([10, 10, 10, 10] if name in ("basic", "default") else [10, 0, 0, 0])
PYTHON
"$folder/onnx/bin/python" "$folder/run.py"
echo "as found: onnxruntime 1.32.0 divides integers after it has multiplied them"
