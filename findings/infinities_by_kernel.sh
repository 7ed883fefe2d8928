#!/usr/bin/env bash
# What becomes of infinity in a TFLite file depends on whether XNNPACK takes the operator: inf, 3.4e38, or nan.
#
# Versions: ai-edge-litert 2.3.0, files by tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64). TensorFlow 2.4.1, which
# has no delegate by default, does as the plain kernels do.
# TFLite's plain kernels hold what comes out within the finite floats, also without an activation: inf + 1 is 3.4e38,
# so that two such infinities subtract to 0 and a test for inf fails. A plain max pool makes -3.4e38 of nan. By default
# XNNPACK takes these operators, and inf stays inf; but in a convolution of one channel inf and -inf become nan, since
# channels are filled up with zeros. Both are the same file, and delegation may end at any operator.
#
# Seen of inf, -inf, nan, 2 (+ 1, or by a 1x1 convolution with the weight 1, or a 1x1 max pool):
#   XNNPACK: add inf -inf nan 3;           convolution nan nan nan 2;           max pool inf -inf nan 2
#   plain:   add 3.4e38 -3.4e38 nan 3;     convolution 3.4e38 -3.4e38 nan 2;    max pool 3.4e38 -3.4e38 -3.4e38 2
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to four minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name"
done
cat >"$folder/convert.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

MODELS = {
    "add": lambda x: x + 1.0,
    "convolution": lambda x: tf.nn.conv2d(x, np.ones((1, 1, 1, 1), np.float32), 1, "VALID"),
    "max pool": lambda x: tf.nn.max_pool2d(x, 1, 1, "VALID"),
}
for name, model in MODELS.items():
    function = tf.function(model, input_signature=[tf.TensorSpec([1, 2, 2, 1])]).get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module()).convert()
    open(f"{sys.argv[1]}/{name}.tflite", "wb").write(content)
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

MOST = float(np.finfo(np.float32).max)
INF, NAN = float("inf"), float("nan")
SEEN = {
    "XNNPACK": {"add": [INF, -INF, NAN, 3], "convolution": [NAN, NAN, NAN, 2], "max pool": [INF, -INF, NAN, 2]},
    "plain": {"add": [MOST, -MOST, NAN, 3], "convolution": [MOST, -MOST, NAN, 2], "max pool": [MOST, -MOST, -MOST, 2]},
}
KERNELS = {"XNNPACK": OpResolverType.AUTO, "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
for kernels, models in SEEN.items():
    for name, seen in models.items():
        path = f"{sys.argv[1]}/{name}.tflite"
        interpreter = Interpreter(path, experimental_op_resolver_type=KERNELS[kernels])
        interpreter.allocate_tensors()
        x = np.float32([INF, -INF, NAN, 2]).reshape(1, 2, 2, 1)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel()
        print("RESULT", kernels, name, found)
        np.testing.assert_array_equal(found, np.float32(seen))
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
log=$folder/log
"$folder/tensorflow-cpu/bin/python" "$folder/convert.py" "$folder" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
"$folder/ai-edge-litert/bin/python" "$folder/run.py" "$folder" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: infinity is what the kernel makes of it"
