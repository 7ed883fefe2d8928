#!/usr/bin/env bash
# onnx-ir reads a tensor that a function keeps in another file from the current folder, not from the model's.
#
# Versions: onnx-ir 1.1.0, onnx 1.23.2, onnxruntime 1.32.0 (CPython 3.11, Linux x86-64).
# A Constant in the body of a local function may keep its tensor in a file, as any other. onnx.load, its checker and
# onnxruntime look for it beside the model. onnx_ir.load tells the folder only to the tensors of the main graph and its
# subgraphs: Model.graphs() does not count functions. So the same model is missing its file, or, where the current
# folder has one of that name, becomes another model without a word, also after InlinePass.
#
# Seen, of y = f(x) = x + w at x = 0, where w is 0 1 2 3 beside the model and 9 9 9 9 in the current folder:
#   onnx's evaluator and onnxruntime: 0 1 2 3; what onnx-ir loads and inlines: 9 9 9 9; without that file: not found
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 300 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 onnx-ir==1.1.0
mkdir "$folder/here" "$folder/model"
cd "$folder/here"
"$folder/venv/bin/python" - ../model/net.onnx <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx_ir.passes.common import InlinePass

RIGHT, OTHER = np.arange(4, dtype=np.float32), np.full(4, 9, np.float32)
ZEROS = {"x": np.zeros(4, np.float32)}
path = sys.argv[1]
Path(path).with_name("w.bin").write_bytes(RIGHT.tobytes())

w = TensorProto(name="w", dims=[4], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
w.external_data.add(key="location", value="w.bin")
body = [helper.make_node("Constant", [], ["w"], value=w), helper.make_node("Add", ["x", "w"], ["y"])]
opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
function = helper.make_function("local", "f", ["x"], ["y"], body, opsets[:1])
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
graph = helper.make_graph([helper.make_node("f", ["x"], ["y"], domain="local")], "main", [x], [y])
onnx.save(helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=10), path)
onnx.checker.check_model(path)


def by_onnx_ir():
    model = onnx_ir.load(path)
    InlinePass()(model)
    for node in model.graph:
        if node.op_type == "Constant":
            value = node.attributes["value"].value
            node.attributes["value"] = onnx_ir.AttrTensor("value", onnx_ir.tensor(value.numpy()))
    return ReferenceEvaluator(onnx_ir.to_proto(model)).run(None, ZEROS)[0]


for name, made in {
    "onnx": ReferenceEvaluator(onnx.load(path)).run(None, ZEROS)[0],
    "onnxruntime": onnxruntime.InferenceSession(path).run(None, ZEROS)[0],
}.items():
    print(name, made.tolist())
    assert np.array_equal(made, RIGHT), f"{name} does not find the file beside the model"
try:
    print("onnx-ir", by_onnx_ir().tolist())
    sys.exit("onnx-ir has found the file beside the model")
except FileNotFoundError as error:
    print("onnx-ir", error)
Path("w.bin").write_bytes(OTHER.tobytes())
print("onnx-ir, with another w.bin here", by_onnx_ir().tolist())
assert np.array_equal(by_onnx_ir(), OTHER), "onnx-ir reads the file of the current folder no more"
PYTHON
echo "as found: onnx-ir reads the tensors of functions from the current folder"
