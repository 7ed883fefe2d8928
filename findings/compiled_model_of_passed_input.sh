#!/usr/bin/env bash
# LiteRT's CompiledModel computes with other numbers than it was given, where a model gives an input back as an output.
#
# Versions: ai-edge-litert 2.3.0 (CPython 3.11, Linux x86-64).
# The model gives x + x, and x itself. The Interpreter of the same package has both right. CompiledModel has memory of
# its own for each output, and takes that of the output for the input's tensor: x comes out as zeros, and the sum is one
# of whatever lay there. Nothing fails. It is right where one buffer is both the input's and the output's.
#
# Seen, of x = 1 2 3 4: Interpreter x = 1 2 3 4, sum = 2 4 6 8; CompiledModel x = 0 0 0 0, another sum; one buffer: right
#
# PYTHON names the interpreter, a CPython 3.11. Takes a minute and 200 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check \
  ai-edge-litert==2.3.0 tflite==2.18.0 'numpy<2'
cat >"$folder/run.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
import tflite
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.interpreter import Interpreter

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


builder = flatbuffers.Builder(1024)
tensors = []
for name in ("x", "sum"):
    text, shape = builder.CreateString(name), integers(builder, 4)
    tensors.append(table(builder, "Tensor", Name=text, Shape=shape, Type=tflite.TensorType.FLOAT32))
reads, gives = integers(builder, 0, 0), integers(builder, 1)
add = table(builder, "Operator", OpcodeIndex=0, Inputs=reads, Outputs=gives)
code = table(builder, "OperatorCode", BuiltinCode=tflite.BuiltinOperator.ADD, Version=1)
fields = {
    "Tensors": vector(builder, tflite.SubGraphStartTensorsVector, tensors),
    "Inputs": integers(builder, 0),
    "Outputs": integers(builder, 1, 0),
    "Operators": vector(builder, tflite.SubGraphStartOperatorsVector, [add]),
}
graphs = vector(builder, tflite.ModelStartSubgraphsVector, [table(builder, "SubGraph", **fields)])
codes = vector(builder, tflite.ModelStartOperatorCodesVector, [code])
buffers = vector(builder, tflite.ModelStartBuffersVector, [table(builder, "Buffer")])
model = table(builder, "Model", Version=3, OperatorCodes=codes, Subgraphs=graphs, Buffers=buffers)
builder.Finish(model, b"TFL3")
with open(FILE, "wb") as stream:
    stream.write(builder.Output())

x = np.float32([1, 2, 3, 4])
interpreter = Interpreter(FILE)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
interpreter.invoke()
total, same = (interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details())
print("RESULT Interpreter: x", same, "sum", total)
assert (same == x).all() and (total == 2 * x).all()


def compiled(one_buffer):
    loaded = CompiledModel.from_file(FILE)
    given, made = loaded.create_input_buffers(0), loaded.create_output_buffers(0)
    given[0].write(x)
    if one_buffer:
        made[1] = given[0]
    loaded.run_by_index(0, given, made)
    return [each.read(4, np.float32) for each in made]


total, same = compiled(one_buffer=False)
print("RESULT CompiledModel: x", same, "sum", total)
assert not (same == x).all() and not (total == 2 * x).all(), "CompiledModel is right"
total, same = compiled(one_buffer=True)
print("RESULT CompiledModel, one buffer for both: x", same, "sum", total)
assert (same == x).all() and (total == 2 * x).all()
PYTHON
log=$folder/log
"$folder/venv/bin/python" "$folder/run.py" "$folder/model.tflite" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: CompiledModel computes with other numbers than the input's where that is an output, too"
