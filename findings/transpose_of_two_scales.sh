#!/usr/bin/env bash
# onnx2tf gives a TRANSPOSE of int8 another scale for its output than for its input, and calls the file done.
#
# Versions: onnx2tf 2.6.9 with its ai-edge-litert 2.1.2 (CPython 3.12, Linux x86-64); `-oiqt`, per channel and per tensor.
# A convolution and a ReduceMean over its image, as at the end of most classifiers: before the mean stands a TRANSPOSE to
# NCHW. Its output gets the scale of the mean's result, which is smaller than that of what it moves. TFLite's kernel
# copies integers. XNNPACK refuses the file; without XNNPACK it runs, and all numbers are another's. onnx2tf ends with 0.
#
# Seen: scales 0.0479 and 0.0163; "failed to delegate TRANSPOSE", also by ai-edge-litert 2.3.0; without XNNPACK off by 0.53 of
#   the largest output
#
# PYTHON names the interpreter, a CPython 3.12. Takes one to two minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.12}" -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet --quiet --disable-pip-version-check onnx2tf==2.6.9 ai-edge-litert==2.1.2
cat >"$folder/make.py" <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

stream = np.random.RandomState(0)
constants = {"weights": 0.3 * stream.randn(8, 3, 3, 3), "bias": stream.randn(8)}
nodes = [
    helper.make_node("Conv", ["x", *constants], ["seen"], pads=[1, 1, 1, 1]),
    helper.make_node("ReduceMean", ["seen"], ["y"], axes=[2, 3], keepdims=0),
]
ends = [helper.make_tensor_value_info(*each) for each in (("x", 1, [1, 3, 8, 8]), ("y", TensorProto.FLOAT, [1, 8]))]
numbers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()]
graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], numbers)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), "net.onnx")
np.save("samples.npy", stream.randn(32, 8, 8, 3).astype(np.float32))
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
samples = np.load("samples.npy")


def outputs(name):
    interpreter = Interpreter(f"out/net_{name}.tflite", experimental_op_resolver_type=PLAIN)
    interpreter.allocate_tensors()
    (fed,), (read,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in samples:
        interpreter.set_tensor(fed["index"], sample[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(read["index"]))
    return np.array(found)


interpreter = Interpreter("out/net_integer_quant.tflite", experimental_op_resolver_type=PLAIN)
tensors = {each["index"]: each for each in interpreter.get_tensor_details()}
(moved,) = (each for each in interpreter._get_ops_details() if each["op_name"] == "TRANSPOSE")
before, after = (tensors[moved[end][0]]["quantization"][0] for end in ("inputs", "outputs"))
try:
    Interpreter("out/net_integer_quant.tflite").allocate_tensors()
    told = "nothing"
except RuntimeError as error:
    told = " ".join(str(error).split())
right = outputs("float32")
off = np.abs(outputs("integer_quant") - right).max() / np.abs(right).max()
print(f"RESULT scales {before:.3g} and {after:.3g}; XNNPACK says: {told}; without it off by {off:.2f}")
assert before > 2 * after, "the scales of the TRANSPOSE are near each other"
assert "failed to delegate TRANSPOSE" in told, "XNNPACK takes the file"
assert off > 0.2, "the file is right without XNNPACK"
PYTHON
cd "$folder"
export PATH="$folder/environment/bin:$PATH"
{ python make.py && onnx2tf -oiqt -cind x samples.npy 0.0 1.0 -i net.onnx -o out && python run.py; } >log 2>&1 ||
  { tail -n 20 log; exit 1; }
grep RESULT log
echo "as found: a TRANSPOSE of two scales"
