#!/usr/bin/env bash
# The index in a signature's details is of another graph than the one that Interpreter.get_tensor reads.
#
# Versions: ai-edge-litert 2.3.0, tflite-runtime 2.14.0 (CPython 3.11, Linux x86-64).
# The file has two signatures, "sum" gives x + x and "product" x * x. get_output_details() of a runner has the tensor's
# index in the signature's own graph, but the interpreter's get_tensor, set_tensor and invoke are of the first graph,
# whatever runner the index is from. Nothing fails: one signature's numbers come out as the other's.
#
# Seen, of x = 3: runner("product") 9; get_tensor at its output's index 6, which is what "sum" has computed before
#
# PYTHON names the interpreter, a CPython 3.11. Takes a minute and 200 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in ai-edge-litert==2.3.0 tflite-runtime==2.14.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name" tflite==2.18.0 'numpy<2'
done
cat >"$folder/run.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
import tflite

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

FILE = sys.argv[1]


def table(builder, name, **fields):
    getattr(tflite, name + "Start")(builder)
    for field, value in fields.items():
        getattr(tflite, f"{name}Add{field}")(builder, value)
    return getattr(tflite, name + "End")(builder)


def vector(builder, start, tables):
    start(builder, len(tables))
    for each in reversed(tables):
        builder.PrependUOffsetTRelative(each)
    return builder.EndVector()


def integers(builder, *values):
    return builder.CreateNumpyVector(np.array(values, np.int32))


def graph(builder, code):
    tensors = []
    for name in ("x", "y"):
        text, shape = builder.CreateString(name), integers(builder, 1)
        tensors.append(table(builder, "Tensor", Name=text, Shape=shape, Type=tflite.TensorType.FLOAT32))
    operator = table(builder, "Operator", OpcodeIndex=code, Inputs=integers(builder, 0, 0), Outputs=integers(builder, 1))
    fields = {
        "Tensors": vector(builder, tflite.SubGraphStartTensorsVector, tensors),
        "Inputs": integers(builder, 0),
        "Outputs": integers(builder, 1),
        "Operators": vector(builder, tflite.SubGraphStartOperatorsVector, [operator]),
    }
    return table(builder, "SubGraph", **fields)


def signature(builder, key, place):
    sides = {}
    for side, name, index in (("Inputs", "x", 0), ("Outputs", "y", 1)):
        entry = table(builder, "TensorMap", Name=builder.CreateString(name), TensorIndex=index)
        sides[side] = vector(builder, getattr(tflite, f"SignatureDefStart{side}Vector"), [entry])
    key = builder.CreateString(key)
    return table(builder, "SignatureDef", SignatureKey=key, SubgraphIndex=place, **sides)


builder = flatbuffers.Builder(1024)
kinds = (tflite.BuiltinOperator.ADD, tflite.BuiltinOperator.MUL)
codes = [table(builder, "OperatorCode", DeprecatedBuiltinCode=kind, BuiltinCode=kind, Version=1) for kind in kinds]
signatures = [signature(builder, key, place) for place, key in enumerate(("sum", "product"))]
fields = {
    "OperatorCodes": vector(builder, tflite.ModelStartOperatorCodesVector, codes),
    "Subgraphs": vector(builder, tflite.ModelStartSubgraphsVector, [graph(builder, place) for place in (0, 1)]),
    "Buffers": vector(builder, tflite.ModelStartBuffersVector, [table(builder, "Buffer")]),
    "SignatureDefs": vector(builder, tflite.ModelStartSignatureDefsVector, signatures),
}
builder.Finish(table(builder, "Model", Version=3, **fields), b"TFL3")
with open(FILE, "wb") as stream:
    stream.write(builder.Output())

interpreter, x = Interpreter(FILE), np.float32([3])
added = interpreter.get_signature_runner("sum")
added(x=x)
multiplied = interpreter.get_signature_runner("product")
(made,) = multiplied(x=x)["y"]
(read,) = interpreter.get_tensor(multiplied.get_output_details()["y"]["index"])
print("RESULT", Interpreter.__module__, "the runner gives", made, "get_tensor at its index", read)
assert made == 9 and read == 6, "get_tensor knows of the signature"
PYTHON
for name in tflite-runtime ai-edge-litert; do
  log=$folder/$name.log
  "$folder/$name/bin/python" "$folder/run.py" "$folder/model.tflite" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
  grep RESULT "$log"
done
echo "as found: an index of a signature's details leads to a tensor of the first graph"
