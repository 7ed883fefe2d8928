#!/usr/bin/env bash
# onnxruntime 1.6.0 loses a factor that it fuses with a Conv whose weights are in another file.
#
# Versions: onnxruntime 1.6.0 loses it, 1.12.1 does not; onnx 1.8.0 (CPython 3.8, Linux x86-64).
# A Conv followed by a Mul with a number per channel: from ORT_ENABLE_BASIC on, ConvMulFusion makes one Conv of them, with
# weights that are multiplied. Where the weights are external data it takes the Mul out and leaves the weights as they
# are, without a word. The same model with its weights inside is right, and so is one that is not optimized.
#
# Seen, the outputs beside those of the model as it is: 1.6.0 is off by the factor, 1.12.1 is equal.
#
# PYTHON38 names the interpreter, a CPython 3.8. Takes half a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/fuse.py" <<'PYTHON'
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
stream = np.random.RandomState(0)
nodes = [
    helper.make_node("Conv", ["x", "weights"], ["c"], kernel_shape=[3, 3]),
    helper.make_node("Mul", ["c", "factor"], ["y"]),
]
constants = {
    "weights": stream.uniform(-1, 1, (6, 4, 3, 3)).astype(np.float32),
    "factor": np.full((6, 1, 1), 3, np.float32),
}
graph = helper.make_graph(
    nodes,
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 6, 6])],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
x = {"x": stream.uniform(-1, 1, (1, 4, 8, 8)).astype(np.float32)}
inside, outside = (os.path.join(sys.argv[1], name) for name in ("inside.onnx", "outside.onnx"))
onnx.save(model, inside)
weights = model.graph.initializer[0]
with open(os.path.join(sys.argv[1], "weights"), "wb") as written:
    written.write(weights.raw_data)
weights.ClearField("raw_data")
weights.data_location = TensorProto.EXTERNAL
weights.external_data.add(key="location", value="weights")
with open(outside, "wb") as written:
    written.write(model.SerializeToString())


def run(path, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, x)[0]


levels = onnxruntime.GraphOptimizationLevel
wanted = run(inside, levels.ORT_DISABLE_ALL)
for name, path in (("inside", inside), ("outside", outside)):
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_BASIC):
        ratio = np.median(wanted / run(path, level))
        print("{} {} {}: times {:.2f}".format(onnxruntime.__version__, name, str(level).rpartition(".")[2], ratio))
PYTHON
for versions in 1.6.0:1.19.5 1.12.1:1.23.5; do
  version=${versions%:*}
  "${PYTHON38:-python3.8}" -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --quiet --disable-pip-version-check \
    "onnxruntime==$version" onnx==1.8.0 "numpy==${versions#*:}" protobuf==3.20.3
  "$folder/$version/bin/python" "$folder/fuse.py" "$folder" | tee -a "$folder/said"
done
diff "$folder/said" - <<'SEEN'
1.6.0 inside ORT_DISABLE_ALL: times 1.00
1.6.0 inside ORT_ENABLE_BASIC: times 1.00
1.6.0 outside ORT_DISABLE_ALL: times 1.00
1.6.0 outside ORT_ENABLE_BASIC: times 3.00
1.12.1 inside ORT_DISABLE_ALL: times 1.00
1.12.1 inside ORT_ENABLE_BASIC: times 1.00
1.12.1 outside ORT_DISABLE_ALL: times 1.00
1.12.1 outside ORT_ENABLE_BASIC: times 1.00
SEEN
echo "as found: onnxruntime 1.6.0 leaves out the factor where the weights are in another file"
