#!/usr/bin/env bash
# Integer kernels that are new in LiteRT are wrong where a zero point, a slope or a small quotient comes in: NEG and DIV
# of int8, PRELU of int16, LOG and RSQRT of int16.
#
# Versions: ai-edge-litert 2.3.0 (CPython 3.11, Linux x86-64). tflite-runtime 2.14.0 has none of these kernels and says
# so: NEG since 1.3.0, DIV since 1.4.0, PRELU since 2.0.2, LOG and RSQRT since 1.0.1.
# NEG of int8 negates the integer itself, whatever its zero point. DIV of int8 gives an end of the range where the
# quotient is nearly 0. PRELU of int16 is right from 0 on, and comes out much too small below 0. LOG and RSQRT of int16
# interpolate in a table of 513 places, too few for the steep part.
# Each is one operator alone in a file, with ranges of its own, nothing folded or fused. The converters of TensorFlow
# don't write most of these; quantizers that go by the runtime's list of kernels do.
#
# Seen, largest error in steps of the output: neg 255, div 203, prelu 16384, log 6921, rsqrt 15316
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 0.3 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/litert"
"$folder/litert/bin/pip" install --quiet --quiet --disable-pip-version-check ai-edge-litert==2.3.0 'numpy<2'
cat >"$folder/run.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

TYPES = {np.dtype(np.int8): schema.TensorType.INT8, np.dtype(np.int16): schema.TensorType.INT16}


def steps(kind, given, output, wanted, options=None):
    """The largest error of an operator; given and output are (integers or None, scale, zero point)."""
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 1
    graph.tensors, dtype = [], given[0][0].dtype
    for at, (integers, scale, point) in enumerate([*given, (given[0][0], *output)]):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f"t{at}", list(integers.shape), TYPES[dtype], 0
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [point]
        graph.tensors.append(tensor)
    operator.inputs, operator.outputs = list(range(len(given))), [len(given)]
    graph.inputs, graph.outputs, graph.operators = operator.inputs, operator.outputs, [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()))
    interpreter.allocate_tensors()
    for detail, (integers, _, _) in zip(interpreter.get_input_details(), given):
        interpreter.set_tensor(detail["index"], integers)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(float)
    real = wanted(*((integers.astype(float) - point) * scale for integers, scale, point in given))
    limits = np.iinfo(dtype)
    return int(np.abs(np.clip(np.round(real / output[0] + output[1]), limits.min, limits.max) - got).max())


bytes_ = np.arange(-128, 128, dtype=np.int8).reshape(1, -1)
words = np.arange(1, 2**15, 13, dtype=np.int16).reshape(1, -1)
both = np.arange(-(2**15), 2**15, 13, dtype=np.int16).reshape(1, -1)
small = np.array([[-5, 5, -14]], np.int8), np.array([[9, -90, 36]], np.int8)
slope = np.full(both.shape, 2**14, np.int16)
found = {
    "neg": steps("NEG", [(bytes_, 0.1, 50)], (0.1, -50), np.negative),
    "div": steps("DIV", [(small[0], 0.05, -7), (small[1], 0.05, -7)], (0.55, 75), np.divide),
    "prelu": steps(
        "PRELU", [(both, 2**-12, 0), (slope, 2**-15, 0)], (2**-12, 0), lambda x, a: np.where(x < 0, x * a, x)
    ),
    "log": steps("LOG", [(words, 2**-15, 0)], (12 / 2**15, 0), np.log),
    "rsqrt": steps("RSQRT", [(words, 2**-15, 0)], (200 / 2**15, 0), lambda x: 1 / np.sqrt(x)),
}
print(found)
assert all(found[name] > least for name, least in
           {"neg": 90, "div": 90, "prelu": 5000, "log": 500, "rsqrt": 500}.items()), "a kernel has changed"
PYTHON
"$folder/litert/bin/python" "$folder/run.py" 2>/dev/null
echo "as found: LiteRT 2.3.0 is wrong in NEG, DIV, PRELU, LOG and RSQRT of integers"
