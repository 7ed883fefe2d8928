#!/usr/bin/env bash
# QUANTIZE gives the lowest integer for the largest floats: beyond 2^31 steps a positive number changes its sign.
#
# Versions: ai-edge-litert 2.3.0, tflite-runtime 2.14.0 (CPython 3.11, Linux x86-64); tensorflow-cpu 2.4.1 alike.
# The plain kernel rounds x / scale to 32 bits before it is held to the ends of int8 or int16, and the processor's
# conversion gives -2^31 for what has no such integer, infinities included. LiteRT's XNNPACK takes the operator over for
# int8 alone and saturates; for int16 nothing does. It shows where a division stays in floats between integers, as in
# linear attention x / (sum + 1e-15): in 8 bits the sum may be 0, and the quotient's largest values come out smallest.
#
# Seen, for 1e8, 1e15 and inf with a scale of 0.1:
#   LiteRT int8 127, 127, 127; without delegates 127, -128, -128; int16 32767, -32768, -32768
#   tflite-runtime int8 127, -128, -128; int16 32767, -32768, -32768
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
from ai_edge_litert import schema_py_generated as schema

for name, kind, version in (("int8", schema.TensorType.INT8, 1), ("int16", schema.TensorType.INT16, 2)):
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version, model.buffers, graph.tensors = version, [schema.BufferT()], []
    for tensor_name, tensor_type in (("x", schema.TensorType.FLOAT32), ("y", kind)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = tensor_name, [3], tensor_type, 0
        graph.tensors.append(tensor)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [0.1], [0]
    operator.inputs, operator.outputs = [0], [1]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(f"{sys.argv[1]}/{name}.tflite", "wb") as file:
        file.write(bytes(builder.Output()))
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert import interpreter as runtime
except ImportError:
    from tflite_runtime import interpreter as runtime

folder, package = sys.argv[1:]
plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
for name, least, most in (("int8", -128, 127), ("int16", -32768, 32767)):
    for delegates in (True, False):
        options = {} if delegates else {"experimental_op_resolver_type": plain}
        opened = runtime.Interpreter(model_path=f"{folder}/{name}.tflite", **options)
        opened.allocate_tensors()
        opened.set_tensor(0, np.array([1e8, 1e15, np.inf], np.float32))
        opened.invoke()
        found = opened.get_tensor(1).tolist()
        print(package, name, "by default" if delegates else "without delegates", found)
        saturates = package == "ai-edge-litert" and name == "int8" and delegates
        assert found == [most, *([most] * 2 if saturates else [least] * 2)], "it has changed"
PYTHON
"$folder/ai-edge-litert/bin/python" "$folder/write.py" "$folder"
for name in ai-edge-litert tflite-runtime; do
  "$folder/$name/bin/python" "$folder/run.py" "$folder" "$name" 2>/dev/null
done
echo "as found: the plain kernel turns floats beyond 2^31 steps into the lowest integer"
