#!/usr/bin/env bash
# A dynamic range file of ai-edge-quantizer's default recipe is wrong in every tflite-runtime, without a word: it takes
# the scale of a dense layer's first channel for all channels.
#
# Versions: ai-edge-quantizer 0.10.0 with ai-edge-litert 2.3.0, tflite-runtime 2.14.0 (CPython 3.11, Linux x86-64);
# tensorflow-cpu 2.4.1 and 2.15.1 as 2.14.0, 2.16.2 and ai-edge-litert 1.0.1 as 2.3.0.
# `recipe.dynamic_wi8_afp32()` gives the int8 weights of FULLY_CONNECTED a scale for each channel, and leaves the
# operator's version at 1, though kernels of float activations read more than one scale in TensorFlow 2.16 and LiteRT
# only. tflite-runtime, which ends at 2.14.0, takes the file and computes. A constant matrix of BATCH_MATMUL is the same
# story, with TensorFlow 2.19 and LiteRT 1.1.2. A convolution has had its scales all along, so that a file may be right
# up to its head. With one scale for all channels the file is right everywhere.
#
# Seen, the largest error over the outputs' range, for channels whose weights grow from 0.1 to 1.9:
#   the recipe                     LiteRT 0.4 %, tflite-runtime 50.8 %
#   with "TENSORWISE" in its place LiteRT 0.3 %, tflite-runtime 0.3 %
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 0.5 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for names in 'ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0' 'tflite-runtime==2.14.0 numpy<2'; do
  environment=$folder/${names%%==*}
  "${PYTHON:-python3.11}" -m venv "$environment"
  # The names are separate words.
  # shellcheck disable=SC2086
  "$environment/bin/pip" install --quiet --quiet --disable-pip-version-check $names
done
cat >"$folder/write.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer, recipe

folder = sys.argv[1]
random = np.random.RandomState(0)
weights = (random.uniform(-1, 1, (64, 32)) * np.linspace(0.1, 1.9, 64)[:, None]).astype(np.float32)
x = random.uniform(-1, 1, (5, 32)).astype(np.float32)
np.savez(f"{folder}/data.npz", x=x, wanted=x.astype(np.float64) @ weights.T)
code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
code.version, model.buffers, graph.tensors = 1, [schema.BufferT()], []
for name, shape, data in (("x", [5, 32], None), ("weights", [64, 32], weights), ("y", [5, 64], None)):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.FLOAT32, len(model.buffers)
    model.buffers.append(schema.BufferT())
    if data is not None:
        model.buffers[-1].data = list(data.tobytes())
    graph.tensors.append(tensor)
operator.inputs, operator.outputs = [0, 1], [2]
operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
operator.builtinOptions = schema.FullyConnectedOptionsT()
graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b"TFL3")
with open(f"{folder}/float32.tflite", "wb") as file:
    file.write(bytes(builder.Output()))
for name, made in (("each", recipe.dynamic_wi8_afp32()), ("one", recipe.dynamic_legacy_wi8_afp32())):
    if name == "one":
        for rule in made:
            rule["op_config"]["weight_tensor_config"]["granularity"] = "TENSORWISE"
    work = quantizer.Quantizer(f"{folder}/float32.tflite")
    work.load_quantization_recipe(made)
    work.quantize().export_model(f"{folder}/{name}.tflite", overwrite=True)
    written = schema.ModelT.InitFromPackedBuf(open(f"{folder}/{name}.tflite", "rb").read(), 0)
    integers = [each for each in written.subgraphs[0].tensors if each.type == schema.TensorType.INT8]
    scales = [len(each.quantization.scale) for each in integers]
    assert (scales, written.operatorCodes[0].version) == ([64 if name == "each" else 1], 1), "it has changed"
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

data = np.load(f"{sys.argv[1]}/data.npz")
off = {}
for name in ("each", "one"):
    interpreter = Interpreter(model_path=f"{sys.argv[1]}/{name}.tflite")
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], data["x"])
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    off[name] = float(np.abs(found - data["wanted"]).max() / np.ptp(data["wanted"]))
print(sys.argv[2], {name: f"{each:.1%}" for name, each in off.items()})
assert off["one"] < 0.02, "one scale is wrong, too"
assert (off["each"] > 0.2) == (sys.argv[2] == "tflite-runtime"), "it has changed"
PYTHON
"$folder/ai-edge-quantizer/bin/python" "$folder/write.py" "$folder" >/dev/null 2>&1
for name in ai-edge-quantizer tflite-runtime; do
  "$folder/$name/bin/python" "$folder/run.py" "$folder" "$name" 2>/dev/null
done
echo "as found: a dynamic file with a scale for each channel is right in LiteRT, and wrong in tflite-runtime 2.14.0"
