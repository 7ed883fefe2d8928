#!/usr/bin/env bash
# A signature runner computes without XNNPACK in tflite-runtime, unless the interpreter was allocated before; and what
# several signatures have in common is in memory once more for each of them.
#
# Versions: ai-edge-litert 2.3.0, tflite-runtime 2.14.0 (CPython 3.11, Linux x86-64).
# The file has two signatures, each a dense layer of 4096 x 4096, whose weights lie in one buffer that both graphs name.
# get_signature_runner("one")(x=x) runs plain kernels in tflite-runtime 2.14.0; after interpreter.allocate_tensors(),
# which a runner does not need, XNNPACK has the graphs of all signatures (8 layers of 1024 x 1024 and a batch of 16: 9.6
# ms, and 5.9). LiteRT gives them to XNNPACK in either case. XNNPACK packs the weights of each graph anew: a signature
# that nobody calls costs as much memory as one that is used, so the file's 67 MB are 200 MB in the process.
#
# Seen: tflite-runtime 2.14.0: no XNNPACK, XNNPACK once allocated; ai-edge-litert 2.3.0: XNNPACK in both cases. The
# memory of both by one call of one signature: 3 times the weights
#
# PYTHON names the interpreter, a CPython 3.11. Takes a minute and 300 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in ai-edge-litert==2.3.0 tflite-runtime==2.14.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name" tflite==2.18.0 'numpy<2'
done
cat >"$folder/build.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
import tflite

WIDTH = 4096


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


def graph(builder):
    tensors = []
    for name, shape, buffer in (("x", (1, WIDTH), 0), ("w", (WIDTH, WIDTH), 1), ("y", (1, WIDTH), 0)):
        fields = {"Name": builder.CreateString(name), "Shape": integers(builder, *shape)}
        tensors.append(table(builder, "Tensor", Type=tflite.TensorType.FLOAT32, Buffer=buffer, **fields))
    reads, gives, options = integers(builder, 0, 1, -1), integers(builder, 2), table(builder, "FullyConnectedOptions")
    kind = {"BuiltinOptionsType": tflite.BuiltinOptions.FullyConnectedOptions, "BuiltinOptions": options}
    dense = table(builder, "Operator", OpcodeIndex=0, Inputs=reads, Outputs=gives, **kind)
    fields = {
        "Tensors": vector(builder, tflite.SubGraphStartTensorsVector, tensors),
        "Inputs": integers(builder, 0),
        "Outputs": integers(builder, 2),
        "Operators": vector(builder, tflite.SubGraphStartOperatorsVector, [dense]),
    }
    return table(builder, "SubGraph", **fields)


def signature(builder, key, place):
    sides = {}
    for side, name, index in (("Inputs", "x", 0), ("Outputs", "y", 2)):
        entry = table(builder, "TensorMap", Name=builder.CreateString(name), TensorIndex=index)
        sides[side] = vector(builder, getattr(tflite, f"SignatureDefStart{side}Vector"), [entry])
    key = builder.CreateString(key)
    return table(builder, "SignatureDef", SignatureKey=key, SubgraphIndex=place, **sides)


builder = flatbuffers.Builder(1024)
weights = builder.CreateNumpyVector(np.random.default_rng(0).random(WIDTH * WIDTH, np.float32).view(np.uint8))
buffers = [table(builder, "Buffer"), table(builder, "Buffer", Data=weights)]
code = table(
    builder,
    "OperatorCode",
    DeprecatedBuiltinCode=tflite.BuiltinOperator.FULLY_CONNECTED,
    BuiltinCode=tflite.BuiltinOperator.FULLY_CONNECTED,
    Version=1,
)
signatures = [signature(builder, key, place) for place, key in enumerate(("one", "two"))]
fields = {
    "OperatorCodes": vector(builder, tflite.ModelStartOperatorCodesVector, [code]),
    "Subgraphs": vector(builder, tflite.ModelStartSubgraphsVector, [graph(builder), graph(builder)]),
    "Buffers": vector(builder, tflite.ModelStartBuffersVector, buffers),
    "SignatureDefs": vector(builder, tflite.ModelStartSignatureDefsVector, signatures),
}
builder.Finish(table(builder, "Model", Version=3, **fields), b"TFL3")
open(sys.argv[1], "wb").write(builder.Output())
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

_, model, first = sys.argv


def memory():
    return int(open("/proc/self/statm").read().split()[1]) * 4096


before = memory()
interpreter = Interpreter(model, num_threads=1)
if first == "allocated":
    interpreter.allocate_tensors()
interpreter.get_signature_runner("one")(x=np.ones((1, 4096), np.float32))
print(f"memory {(memory() - before) / (4 * 4096 * 4096):.1f}")
PYTHON
"$folder/ai-edge-litert/bin/python" "$folder/build.py" "$folder/model.tflite"
for name in tflite-runtime ai-edge-litert; do
  for first in called allocated; do
    said=$("$folder/$name/bin/python" "$folder/run.py" "$folder/model.tflite" "$first" 2>&1)
    xnnpack=without; grep -q "XNNPACK delegate" <<<"$said" && xnnpack=with
    echo "RESULT $name, $first first: $xnnpack XNNPACK, $(grep memory <<<"$said") times the weights"
  done
done | tee "$folder/found"
grep -q "tflite-runtime, called first: without XNNPACK" "$folder/found"
grep -q "tflite-runtime, allocated first: with XNNPACK, memory 3" "$folder/found"
grep -q "ai-edge-litert, called first: with XNNPACK, memory 3" "$folder/found"
echo "as found: runners of tflite-runtime have no XNNPACK by themselves, and weights are packed for each signature"
