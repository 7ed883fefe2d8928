#!/usr/bin/env bash
# Vela, Arm's compiler for Ethos-U, ends with 0 where nothing of a file runs on the NPU, and writes the file again; and of
# operators that stay on the processor it counts no multiplications, so that its "Network% (MAC)" is 100 for the rest.
#
# Versions: ethos-u-vela 5.2.0 (CPython 3.11, Linux x86-64).
# A CONV_2D of floats: exit status 0, "NPU operators = 0 (0.0%)", and model_vela.tflite has the CONV_2D. A CONV_2D of int8
# with 4 % of a file's multiplications, and a TRANSPOSE_CONV of stride 3 with the rest, which stays on the processor: the
# per-layer table has 0 of them for the latter, and 100 % for the former. How much of a model an NPU takes has to be
# counted from the file that was given.
#
# Seen: floats: status 0, on the NPU 0; transposed: MACs of the convolution 100.0 % of the network, of the rest 0
#
# PYTHON names the interpreter, a CPython 3.11. Takes a quarter of a minute and 0.2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/vela"
"$folder/vela/bin/pip" install --quiet --quiet --disable-pip-version-check \
    ethos-u-vela==5.2.0 ai-edge-litert==2.3.0 'numpy<2'
cat >"$folder/write.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES, OPTIONS = schema.TensorType, schema.BuiltinOptions


def write(path, tensors, operators):
    """tensors: (name, shape, type, scale, constant or None); operators: (kind, inputs, output, options)."""
    graph, model = schema.SubGraphT(), schema.ModelT()
    model.buffers, model.operatorCodes, graph.tensors, graph.operators = [schema.BufferT()], [], [], []
    for name, shape, kind, scale, constant in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, 0
        if scale:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        if constant is not None:
            tensor.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(constant.tobytes(), np.uint8)
        graph.tensors.append(tensor)
    for kind, inputs, output, options in operators:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = 1
        operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), inputs, [output]
        operator.builtinOptions, name = options, type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(OPTIONS, name)
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs, graph.outputs, model.version, model.subgraphs = [0], [operators[-1][2]], 3, [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as stream:
        stream.write(builder.Output())


def window(options, stride):
    options.strideW = options.strideH = stride
    return options


conv, bias = np.ones((4, 1, 1, 4)), np.zeros(4)
convolution = window(schema.Conv2DOptionsT(), 1)
convolution.dilationWFactor = convolution.dilationHFactor = 1
image = (1, 6, 6, 4)
write(
    f"{sys.argv[1]}/floats.tflite",
    [
        ("x", image, TYPES.FLOAT32, 0, None),
        ("w", conv.shape, TYPES.FLOAT32, 0, conv.astype(np.float32)),
        ("b", bias.shape, TYPES.FLOAT32, 0, bias.astype(np.float32)),
        ("y", image, TYPES.FLOAT32, 0, None),
    ],
    [("CONV_2D", [0, 1, 2], 3, convolution)],
)
transposed = np.ones((4, 5, 5, 4), np.int8)
write(
    f"{sys.argv[1]}/transposed.tflite",
    [
        ("x", image, TYPES.INT8, 0.1, None),
        ("w", conv.shape, TYPES.INT8, 0.1, conv.astype(np.int8)),
        ("b", bias.shape, TYPES.INT32, 0.01, bias.astype(np.int32)),
        ("y", image, TYPES.INT8, 0.1, None),
        ("size", (4,), TYPES.INT32, 0, np.array([1, 20, 20, 4], np.int32)),
        ("kernel", transposed.shape, TYPES.INT8, 0.1, transposed),
        ("z", (1, 20, 20, 4), TYPES.INT8, 0.1, None),
    ],
    [("CONV_2D", [0, 1, 2], 3, convolution), ("TRANSPOSE_CONV", [4, 5, 3], 6, window(schema.TransposeConvOptionsT(), 3))],
)
PYTHON
"$folder/vela/bin/python" "$folder/write.py" "$folder"
for name in floats transposed; do
    status=0
    "$folder/vela/bin/vela" "$folder/$name.tflite" --accelerator-config ethos-u55-128 --verbose-performance \
        --output-dir "$folder/made" >"$folder/$name.txt" 2>&1 || status=$?
    [ "$status" = 0 ] || { echo "changed: $name ends with $status"; exit 1; }
done
grep -q 'NPU operators = 0 (0.0%)' "$folder/floats.txt" || { echo "changed: something of floats runs there"; exit 1; }
[ -s "$folder/made/floats_vela.tflite" ] || { echo "changed: no file is written"; exit 1; }
grep -q 'NPU operators = 1 ' "$folder/transposed.txt" || { echo "changed: another number on the NPU"; exit 1; }
"$folder/vela/bin/python" - "$folder"/made/transposed_per-layer.csv <<'PYTHON'
import csv
import sys

with open(sys.argv[1], newline="") as stream:
    rows = list(csv.DictReader(stream))
for row in rows:
    print(row["Original Operator"], row["Target"], "MACs", row["MAC Count"], "of the network", row["Network% (MAC)"], "%")
on = sum(float(row["Network% (MAC)"]) for row in rows if row["Target"] == "NPU")
off = sum(int(row["MAC Count"]) for row in rows if row["Target"] == "CPU")
assert round(on) == 100 and off == 0, "it counts the processor's multiplications now"
PYTHON
echo "as found: status 0 with nothing on the NPU, and no multiplications counted on the processor"
