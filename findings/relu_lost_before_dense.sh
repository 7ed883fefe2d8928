#!/usr/bin/env bash
# TensorFlow 2.4.1's TFLite converter forgets a ReLU between a sum or product with one number and a layer with weights.
#
# Versions: tensorflow-cpu 2.4.1 (CPython 3.8, Linux x86-64), wrong; 2.5.0, right.
# relu(x * 2) @ w, relu(x - 0.4) @ w, and the same in front of a convolution without padding: the converter fuses the
# ReLU into the product or sum, then makes that part of the weights or the bias behind it, and the ReLU is gone. It
# does so with a constant of one number alone; with a vector of that number the file is right.
#
# Seen, largest error of results of some 10, by 2.4.1: product 4.4, sum 9.6, convolution 14; with a vector 1e-06 at
# most. By 2.5.0: 1e-06 at most.
#
# PYTHON names the interpreter, a CPython 3.8. Takes one to four minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pins="absl-py==0.15.0 flatbuffers==1.12 grpcio==1.34.1 h5py==3.1.0 numpy==1.19.5 protobuf==3.20.3 six==1.15.0
  termcolor==1.1.0 typing-extensions==3.7.4.3 wrapt==1.12.1"
for version in 2.4.1 2.5.0; do
  "${PYTHON:-python3.8}" -m venv "$folder/$version"
  these=$pins
  if [ $version = 2.4.1 ]; then these=${pins/h5py==3.1.0/h5py==2.10.0} these=${these/1.34.1/1.32.0}; fi
  # shellcheck disable=SC2086 # a list
  "$folder/$version/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==$version $these
done
cat >"$folder/convert.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

stream = np.random.RandomState(0)
kernel, bias = stream.randn(8, 4).astype(np.float32), stream.randn(4).astype(np.float32)
filters = stream.randn(1, 1, 8, 4).astype(np.float32)
vector = np.full(8, 2, np.float32)
MODELS = {
    "product": (lambda x: tf.nn.relu(x * 2.0) @ kernel, [1, 8]),
    "sum": (lambda x: tf.nn.relu(x - 0.4) @ kernel + bias, [1, 8]),
    "convolution": (lambda x: tf.nn.conv2d(tf.nn.relu(x * 2.0), filters, 1, "VALID"), [1, 4, 4, 8]),
    "product, a vector": (lambda x: tf.nn.relu(x * vector) @ kernel, [1, 8]),
    "convolution, a vector": (lambda x: tf.nn.conv2d(tf.nn.relu(x * vector), filters, 1, "VALID"), [1, 4, 4, 8]),
}
for name, (model, shape) in MODELS.items():
    function = tf.function(model, input_signature=[tf.TensorSpec(shape)]).get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (fed,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    x = stream.randn(*shape).astype(np.float32)
    interpreter.set_tensor(fed["index"], x)
    interpreter.invoke()
    error = np.abs(interpreter.get_tensor(made["index"]) - model(x).numpy()).max()
    print(tf.__version__, name, "{:.2g}".format(error))
    if tf.__version__ == "2.4.1" and "vector" not in name:
        assert error > 1, "the ReLU is kept"
    else:
        assert error < 1e-4, "this is wrong as well"
PYTHON
for version in 2.4.1 2.5.0; do
  TF_CPP_MIN_LOG_LEVEL=3 "$folder/$version/bin/python" "$folder/convert.py" 2>"$folder/log" ||
    { tail -n 20 "$folder/log" >&2; exit 1; }
done
echo "as found: TensorFlow 2.4.1's converter loses the ReLU, 2.5.0's does not"
