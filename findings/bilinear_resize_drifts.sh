#!/usr/bin/env bash
# An int8 RESIZE_BILINEAR to a size that is no power of two times the old one drifts: the farther a pixel is from the
# first one, the more of a pixel it is off.
#
# Versions: ai-edge-litert 2.3.0, tflite-runtime 2.14.0 (CPython 3.11, Linux x86-64); 2.4.1 to 2.13.0 alike.
# The kernel of integers rounds the distance of two places to 1/1024 of a pixel once, and multiplies that by the pixel's
# number. From 100 pixels to 300 the last place is 0.1 of a pixel off, to 1,000 it is 0.4. Nothing of it shows in small
# tests, nor where the new size is twice the old one, nor in float32. XNNPACK has a kernel of its own, which is right;
# LiteRT 2.3.0 hands the operator to it by default, and tflite-runtime 2.14.0 doesn't. So the same file differs between
# the two, and between LiteRT's own two kernels. Here a row has stripes of 8 pixels, the ends of the range in turn.
#
# Seen, largest error in steps of 255, to 200, 300 and 1,000 pixels:
#   LiteRT 2.3.0      0, 0, 0; without delegates 0, 24, 96
#   tflite 2.14.0     0, 24, 96 either way
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 0.3 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in ai-edge-litert==2.3.0 tflite-runtime==2.14.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name" 'numpy<2'
done
cat >"$folder/write.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def tensor(name, shape, kind, buffer, scale):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, kind, buffer
    if scale:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [scale], [-128]
    return made


for wide in (200, 300, 1000):
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESIZE_BILINEAR
    code.version = 3
    operator.inputs, operator.outputs = [0, 1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.ResizeBilinearOptions
    operator.builtinOptions = schema.ResizeBilinearOptionsT()
    operator.builtinOptions.halfPixelCenters = True
    int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
    graph.tensors = [
        tensor("x", [1, 1, 100, 1], int8, 0, 1 / 255),
        tensor("size", [2], int32, 1, 0),
        tensor("y", [1, 1, wide, 1], int8, 0, 1 / 255),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
    empty, size = schema.BufferT(), schema.BufferT()
    size.data = list(np.array([1, wide], np.int32).tobytes())
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [empty, size]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    open(f"{sys.argv[1]}/{wide}.tflite", "wb").write(bytes(builder.Output()))
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    from tflite_runtime.interpreter import Interpreter, OpResolverType

RESOLVERS = {"by default": OpResolverType.AUTO, "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}


def error(wide, resolver):
    interpreter = Interpreter(
        model_path=f"{sys.argv[1]}/{wide}.tflite", experimental_op_resolver_type=RESOLVERS[resolver]
    )
    interpreter.allocate_tensors()
    stripes = np.where(np.arange(100) // 8 % 2, 127, -128).astype(np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], stripes.reshape(1, 1, 100, 1))
    interpreter.invoke()
    given = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel()
    places = np.clip((np.arange(wide) + 0.5) * 100 / wide - 0.5, 0, 99)
    return int(np.abs(np.round(np.interp(places, np.arange(100), stripes)) - given).max())


found = {name: [error(wide, name) for wide in (200, 300, 1000)] for name in RESOLVERS}
print(sys.argv[2], found)
wrong = found["plain"][0] <= 1 and found["plain"][1] > 10 and found["plain"][2] > 50
assert wrong, "the kernel of integers has changed"
right = max(found["by default"]) <= 1
assert right == (sys.argv[2] == "litert"), "what XNNPACK takes has changed"
PYTHON
"$folder/ai-edge-litert/bin/python" "$folder/write.py" "$folder"
"$folder/ai-edge-litert/bin/python" "$folder/run.py" "$folder" litert 2>/dev/null
"$folder/tflite-runtime/bin/python" "$folder/run.py" "$folder" tflite 2>/dev/null
echo "as found: places of an int8 bilinear resize drift with the pixel's number"
