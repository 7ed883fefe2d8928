#!/usr/bin/env bash
# ai-edge-quantizer gives the bias of a dense layer n x n values in place of n where the bias has four dimensions, and
# calls the file done; LiteRT does not load it.
#
# Versions: ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0 (CPython 3.11, Linux x86-64); tflite-runtime 2.14.0 refuses
# the files in the same words.
# A bias of shape [1, 1, 1, n] is valid beside floats; the file that litert-torch 0.10.0 makes of timm's
# edgenext_xx_small has 24 of them. The scales of the channels are laid along the first axis of the bias, so that
# dividing by them broadcasts to [n, 1, 1, n]. The tensor keeps its shape, and gets a buffer of n x n integers, and n
# scales for an axis of size 1. So it is for static int8 and int16x8; the quantizer does not look at what it writes, and
# the interpreter is the first to complain. A bias of shape [n] is right, and dynamic range files leave it in floats.
#
# Seen, n = 64: int8 16384 bytes in place of 256, int16x8 32768 in place of 512;
#   ValueError: num_scales must be 1 for per-layer quantization, or 1 for per-axis quantization, but got 64.
#
# PYTHON names the interpreter, a CPython 3.11. Takes half a minute and 0.5 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet --quiet --disable-pip-version-check \
  ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0
cat >"$folder/quantize.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

N, SHAPE = 64, (1, 3, 7, 32)
random = np.random.RandomState(0)


def written(bias):
    """A dense layer of floats with a bias of that shape."""
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version, model.buffers, graph.tensors = 1, [schema.BufferT()], []
    weights, added = (random.uniform(-1, 1, size).astype(np.float32) for size in ((N, SHAPE[-1]), bias))
    for name, shape, data in (
        ("x", SHAPE, None),
        ("weights", weights.shape, weights),
        ("bias", bias, added),
        ("y", (*SHAPE[:-1], N), None),
    ):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
        tensor.buffer = len(model.buffers)
        model.buffers.append(schema.BufferT())
        if data is not None:
            model.buffers[-1].data = list(data.tobytes())
        graph.tensors.append(tensor)
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    operator.builtinOptions.keepNumDims = True
    signature, ends = schema.SignatureDefT(), (schema.TensorMapT(), schema.TensorMapT())
    (ends[0].name, ends[0].tensorIndex), (ends[1].name, ends[1].tensorIndex) = ("x", 0), ("y", 3)
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = ends[:1], ends[1:]
    graph.inputs, graph.outputs, graph.operators = [0], [3], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.signatureDefs = 3, [code], [graph], [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


float32, quantized = sys.argv[1] + "/float32.tflite", sys.argv[1] + "/quantized.tflite"
for name, wanted, size in (("int8", recipe.static_wi8_ai8(), 4), ("int16x8", recipe.static_wi8_ai16(), 8)):
    for bias in ((N,), (1, 1, 1, N)):
        with open(float32, "wb") as file:
            file.write(written(bias))
        work = quantizer.Quantizer(float32)
        work.load_quantization_recipe(wanted)
        samples = [{"x": random.uniform(-1, 1, SHAPE).astype(np.float32)} for _ in range(4)]
        work.quantize(work.calibrate({"serving_default": samples})).export_model(quantized, overwrite=True)
        model = schema.ModelT.InitFromPackedBuf(open(quantized, "rb").read(), 0)
        (tensor,) = [each for each in model.subgraphs[0].tensors if each.name == b"bias"]
        found = len(model.buffers[tensor.buffer].data)
        try:
            Interpreter(quantized).allocate_tensors()
            loads = "loads"
        except ValueError as error:
            loads = f"ValueError: {str(error).split('Tensor')[0]}"
        print(name, tensor.shape.tolist(), found, "bytes in place of", N * size, loads, file=sys.stderr)
        broken = len(bias) > 1
        assert found == (N * N if broken else N) * size, "it has changed"
        assert loads.startswith("ValueError: num_scales" if broken else "loads"), "it has changed"
PYTHON
"$folder/environment/bin/python" "$folder/quantize.py" "$folder" 2>&1 >/dev/null | grep bytes
echo "as found: a bias of four dimensions gets the square of its values, and LiteRT does not load the file"
