#!/usr/bin/env bash
# TensorFlow 2.4.1's TFLite converter computes a dense layer again for each number by which its results are multiplied.
#
# Versions: tensorflow-cpu 2.4.1 (CPython 3.8, Linux x86-64).
# y = x @ w + b, of which y * 0.5, y * 0.7 and y itself are read, as GELU reads them: the converter makes each number part
# of weights of their own, though y has other readers. The results are right; the file has the weights as often, and the
# layer takes as many times as long. A number for each element of y prevents it, as a division does not.
#
# Seen: 3 FULLY_CONNECTED and 1,048,168 bytes for a layer of 512 x 170; with a number for each element 1, and 355,792.
#
# PYTHON names the interpreter, a CPython 3.8. Takes half a minute to two minutes and 1 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.8}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.4.1 absl-py==0.15.0 \
  flatbuffers==1.12 grpcio==1.32.0 h5py==2.10.0 numpy==1.19.5 protobuf==3.20.3 six==1.15.0 termcolor==1.1.0 \
  typing-extensions==3.7.4.3 wrapt==1.12.1
cat >"$folder/convert.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

stream = np.random.RandomState(0)
weights, bias = stream.randn(512, 170).astype(np.float32), stream.randn(170).astype(np.float32)


def model(x, half, more):
    y = tf.nn.bias_add(tf.matmul(x, weights), bias)
    return y * half + tf.tanh(y * more) + tf.sin(y)


FORMS = {
    "a number": (np.float32(0.5), np.float32(0.7), 3),
    "a number for each element": (np.full((4, 170), 0.5, np.float32), np.full((4, 170), 0.7, np.float32), 1),
}
for name, (half, more, expected) in FORMS.items():
    function = tf.function(lambda x: model(x, half, more), input_signature=[tf.TensorSpec([4, 512])])
    content = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()]).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (fed,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    x = stream.randn(4, 512).astype(np.float32)
    interpreter.set_tensor(fed["index"], x)
    interpreter.invoke()
    assert np.abs(interpreter.get_tensor(made["index"]) - model(x, half, more).numpy()).max() < 1e-3, "it is wrong, too"
    count = sum(each["op_name"] == "FULLY_CONNECTED" for each in interpreter._get_ops_details())
    print(tf.__version__, name, count, "FULLY_CONNECTED,", len(content), "bytes")
    assert count == expected, "it is no longer so"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/convert.py" 2>"$folder/log" ||
  { tail -n 20 "$folder/log" >&2; exit 1; }
echo "as found: TensorFlow 2.4.1's converter computes a dense layer once for each number behind it"
