#!/usr/bin/env bash
# One tflite-runtime computes a convolution of int8 otherwise on Arm than on x86-64: a step off here and there, with
# XNNPACK and without it. QUANTIZE rounds x.5 to the even integer on Arm, and away from zero on x86-64. Its reference
# kernels give the same on both.
#
# Versions: tflite-runtime 2.14.0, numpy 1.24.4 (CPython 3.11, Linux x86-64 and aarch64 by qemu-user 7.2); ai-edge-litert
# 2.3.0 writes the files.
# A step here and there grows in a deep network: of an int8-only mobilenet_v2 with a fourth of its channels 880 of 1,000
# outputs differ, by up to 13 steps. ADD, FULLY_CONNECTED and MEAN of int8 are the same on both.
#
# Seen, share of numbers that differ, by a step each: CONV_2D 0.0009, DEPTHWISE_CONV_2D 0.0031, QUANTIZE of halves 0.2031;
# with BUILTIN_REF 0 each.
#
# Needs an x86-64 machine with a docker that runs programs for Arm (qemu-user-static and binfmt-support, or docker run
# --privileged --rm tonistiigi/binfmt --install arm64); without one it says so and ends with 77. IMAGE names an image for
# linux/arm64 with CPython 3.11 as python, PYTHON a CPython 3.11 here. Takes half a minute and 0.4 GB.
set -euo pipefail
image=${IMAGE:-python:3.11-slim-bookworm}
skip() {
  echo "not run: $1" >&2
  exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "this is no x86-64 machine"
command -v docker >/dev/null || skip "there is no docker"
on_arm() {
  docker run --rm --network none --platform linux/arm64 --entrypoint python "$@"
}
said=$(on_arm "$image" -c 'import platform; print(platform.machine())' 2>&1) || skip "$said"
[ "${said##*$'\n'}" = aarch64 ] || skip "$image is not for Arm: $said"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/x86"
pip=("$folder/x86/bin/pip" --quiet --quiet --disable-pip-version-check install)
"${pip[@]}" tflite-runtime==2.14.0 numpy==1.24.4 ai-edge-litert==2.3.0
"${pip[@]}" --target "$folder/arm" --only-binary :all: --python-version 3.11 \
  --platform manylinux_2_34_aarch64 --platform manylinux2014_aarch64 tflite-runtime==2.14.0 numpy==1.24.4
cat >"$folder/write.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES, OPERATORS, OPTIONS = schema.TensorType, schema.BuiltinOperator, schema.BuiltinOptions
IN, OUT, SIZE = 32, 64, 24
random = np.random.RandomState(0)


def tensor(name, shape, kind, scale=(), point=(), buffer=0, axis=0):
    found = schema.TensorT()
    found.name, found.shape, found.type, found.buffer = name, list(shape), kind, buffer
    found.quantization = schema.QuantizationParametersT()
    found.quantization.scale, found.quantization.zeroPoint = list(scale), list(point)
    found.quantization.quantizedDimension = axis
    return found


def write(name, operator_code, version, tensors, constants, kind, options):
    graph, model, operator = schema.SubGraphT(), schema.ModelT(), schema.OperatorT()
    graph.tensors, last = tensors, len(tensors) - 1
    operator.inputs, operator.outputs = list(range(last)), [last]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    graph.inputs, graph.outputs, graph.operators = [0], [last], [operator]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator_code
    code.version = version
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    for array in constants:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(f"{name}.tflite", "wb") as file:
        file.write(bytes(builder.Output()))


def convolution(name, code, shape, channels, axis, out_scale, kind, options):
    scales = random.uniform(0.001, 0.01, channels).astype(np.float32)
    zeros = [0] * channels
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    tensors = [
        tensor("x", (1, SIZE, SIZE, IN), TYPES.INT8, [0.02], [3]),
        tensor("weights", shape, TYPES.INT8, scales, zeros, 1, axis),
        tensor("bias", (channels,), TYPES.INT32, np.float32(0.02) * scales, zeros, 2),
        tensor("y", (1, SIZE, SIZE, channels), TYPES.INT8, [out_scale], [-5]),
    ]
    weights = random.randint(-127, 128, shape).astype(np.int8)
    bias = random.randint(-2000, 2000, channels).astype(np.int32)
    write(name, code, 3, tensors, [weights, bias], kind, options)


pointwise, depthwise = schema.Conv2DOptionsT(), schema.DepthwiseConv2DOptionsT()
depthwise.depthMultiplier = 1
convolution("CONV_2D", OPERATORS.CONV_2D, (OUT, 1, 1, IN), OUT, 0, 0.1, OPTIONS.Conv2DOptions, pointwise)
convolution(
    *("DEPTHWISE_CONV_2D", OPERATORS.DEPTHWISE_CONV_2D, (1, 3, 3, IN), IN, 3, 0.02),
    *(OPTIONS.DepthwiseConv2DOptions, depthwise),
)
halves = [tensor("x", (1, 64), TYPES.FLOAT32), tensor("y", (1, 64), TYPES.INT8, [1.0], [0])]
write("QUANTIZE", OPERATORS.QUANTIZE, 1, halves, [], OPTIONS.QuantizeOptions, schema.QuantizeOptionsT())
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np
from tflite_runtime.interpreter import Interpreter, OpResolverType

computed = {}
for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "QUANTIZE"):
    for kernels in ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF"):
        resolver = OpResolverType[kernels]
        running = Interpreter(f"{name}.tflite", num_threads=1, experimental_op_resolver_type=resolver)
        running.allocate_tensors()
        (given,), (made,) = running.get_input_details(), running.get_output_details()
        random = np.random.RandomState(1)
        if given["dtype"] == np.int8:
            values = random.randint(-128, 128, given["shape"]).astype(np.int8)
        else:
            values = (random.randint(-40, 40, given["shape"]) * 0.5).astype(np.float32)
        running.set_tensor(given["index"], values)
        running.invoke()
        computed[f"{name} {kernels}"] = running.get_tensor(made["index"])
np.savez(sys.argv[1], **computed)
PYTHON
cat >"$folder/compare.py" <<'PYTHON'
import numpy as np

x86, arm = np.load("x86.npz"), np.load("arm.npz")
for name in x86.files:
    apart = np.abs(x86[name].astype(int) - arm[name])
    print(f"{name}: {np.mean(apart > 0):.4f}")
    assert apart.max() == (0 if name.endswith("BUILTIN_REF") else 1), "another number of steps"
PYTHON
cd "$folder"
x86/bin/python write.py
x86/bin/python run.py x86.npz 2>/dev/null
on_arm --user "$(id -u):$(id -g)" --volume "$folder:/here" --workdir /here --env PYTHONPATH=/here/arm \
  "$image" run.py arm.npz 2>/dev/null
x86/bin/python compare.py
echo "as found: int8 of a convolution is a step off here and there on another processor, and QUANTIZE rounds otherwise"
