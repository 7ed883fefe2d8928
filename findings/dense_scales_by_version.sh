#!/usr/bin/env bash
# Whether FULLY_CONNECTED takes a scale for each channel of its weights depends on the version and on the type, and not
# in one direction.
#
# Versions: tflite-runtime 2.9.1, 2.11.0 (CPython 3.8), 2.14.0, ai-edge-litert 2.3.0 (CPython 3.11, Linux x86-64).
# Files with such weights run everywhere and nothing is said: no version of the operator stands for it. Up to 2.9.1 one
# scale serves for all channels, for int8 and int16 activations alike. From 2.10.0 on both are right. From 2.12.0 to
# 2.14.0, and in ai-edge-litert 1.0.1, int16 is wrong again, where the dimensions are kept (more than two) and there is
# a bias; it is right from 1.1.2 on.
#
# Seen, largest error in steps (int8 of 255; int16, int16 of three dimensions with a bias, of 65535):
#   tflite-runtime 2.9.1    37, 24566, 27368
#   tflite-runtime 2.11.0   0, 0, 1
#   tflite-runtime 2.14.0   0, 0, 27368
#   ai-edge-litert 2.3.0    0, 0, 0
#
# PYTHON38 and PYTHON name a CPython 3.8 and 3.11. Takes half a minute and 0.3 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
environment() {
  "$1" -m venv "$folder/$2"
  "$folder/$2/bin/pip" install --quiet --quiet --disable-pip-version-check "$2" "$3"
}
environment "${PYTHON38:-python3.8}" tflite-runtime==2.9.1 'numpy<1.24'
environment "${PYTHON38:-python3.8}" tflite-runtime==2.11.0 'numpy<1.24'
environment "${PYTHON:-python3.11}" tflite-runtime==2.14.0 'numpy<2'
environment "${PYTHON:-python3.11}" ai-edge-litert==2.3.0 'numpy<2'
cat >"$folder/write.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

random = np.random.RandomState(0)
SCALES = [0.002 * (1 + at) for at in range(7)]


def write(name, kind, shape, biased):
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model.buffers, graph.tensors = [schema.BufferT()], []

    def tensor(shape, kind, scales, data=None):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = f"t{len(graph.tensors)}", list(shape), kind, 0
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = scales, [0] * len(scales)
        if data is not None:
            made.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = list(data.tobytes())
        graph.tensors.append(made)

    step = 0.05 if kind == schema.TensorType.INT8 else 0.05 / 256
    weights = random.randint(-127, 128, (7, 12)).astype(np.int8)
    tensor(shape, kind, [step])
    tensor(weights.shape, schema.TensorType.INT8, SCALES, weights)
    if biased:
        bias = np.arange(7, dtype=np.int64) * 10000
        tensor(bias.shape, schema.TensorType.INT64, [float(np.float32(step) * np.float32(each)) for each in SCALES], bias)
    tensor([*shape[:-1], 7], kind, [step * 4])
    operator.inputs, operator.outputs = list(range(2 + biased)), [2 + biased]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    operator.builtinOptions.keepNumDims = len(shape) > 2
    graph.inputs, graph.outputs, graph.operators = [0], operator.outputs, [operator]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    open(f"{sys.argv[1]}/{name}.tflite", "wb").write(bytes(builder.Output()))
    x = random.randint(-100, 101, shape) * (1 if kind == schema.TensorType.INT8 else 256)
    real = (x * step) @ (weights * np.array(SCALES)[:, None]).T
    if biased:
        real = real + bias * step * np.array(SCALES)
    np.savez(f"{sys.argv[1]}/{name}.npz", x=x.astype(np.int64), wanted=np.round(real / (step * 4)))


write("int8", schema.TensorType.INT8, (3, 12), 0)
write("int16", schema.TensorType.INT16, (3, 12), 0)
write("int16 of three dimensions", schema.TensorType.INT16, (2, 3, 12), 1)
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

found = {}
for name in ("int8", "int16", "int16 of three dimensions"):
    interpreter = Interpreter(model_path="{}/{}.tflite".format(sys.argv[1], name))
    interpreter.allocate_tensors()
    data, detail = np.load("{}/{}.npz".format(sys.argv[1], name)), interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], data["x"].astype(detail["dtype"]))
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(float)
    limits = np.iinfo(detail["dtype"])
    found[name] = int(np.abs(np.clip(data["wanted"], limits.min, limits.max) - got).max())
print(sys.argv[2], found)
wrong = {"2.9.1": [1, 1, 1], "2.11.0": [0, 0, 0], "2.14.0": [0, 0, 1], "2.3.0": [0, 0, 0]}[sys.argv[2]]
assert [int(steps > 10) for steps in found.values()] == wrong, "it has changed"
PYTHON
"$folder/ai-edge-litert==2.3.0/bin/python" "$folder/write.py" "$folder"
for name in tflite-runtime==2.9.1 tflite-runtime==2.11.0 tflite-runtime==2.14.0 ai-edge-litert==2.3.0; do
  "$folder/$name/bin/python" "$folder/run.py" "$folder" "${name#*==}" 2>/dev/null
done
echo "as found: scales for each channel of a dense layer are right in 2.11.0, and wrong in 2.9.1 and 2.14.0"
