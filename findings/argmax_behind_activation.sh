#!/usr/bin/env bash
# In a tf.function, argmax(relu(x)) is argmax(x): where several elements are the largest, another one is chosen.
#
# Versions: tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64); 2.7.0 and 2.4.1 do the same.
# TensorFlow's graph optimizer takes a function that never falls (relu, relu6, sigmoid, tanh, floor, ceil, sign) away
# in front of ArgMax and ArgMin, though it makes unequal elements equal. So the same code has one result eagerly, which
# is numpy's and TFLite's, and another in a function: wherever a class map ends in a ReLU, all of what is negative. A
# Session whose config has disable_meta_optimizer does not turn it off for the functions of a SavedModel: each call has
# a configuration of its own. tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True}) does.
#
# Seen, of three rows whose first has no positive element and whose second has none above 0:
#   relu: eagerly 0 0 1, in a function 1 2 1; floor(x / 10): 0 2 0 and 1 2 1; a Session, on or off: 1 2 1
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to three minutes and 1.5 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - "$folder/model" 2>"$folder/log" <<'PYTHON' ||
import sys

import numpy as np
import tensorflow as tf

X = np.float32([[-3, -1, -2], [-1, -5, 0], [7, 9, 8]])
ACTIVATIONS = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "sigmoid": lambda x: tf.sigmoid(100 * x),
    "tanh": lambda x: tf.tanh(100 * x),
    "floor": lambda x: tf.floor(x / 10),
    "ceil": lambda x: tf.math.ceil(x / 10),
    "sign": tf.sign,
}


def session(folder, off):
    """What a Session makes of a SavedModel, with the optimizer off or not."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = off
    with tf.compat.v1.Session(graph=tf.Graph(), config=config) as opened:
        signature = tf.compat.v1.saved_model.load(opened, ["serve"], folder).signature_def["serving_default"]
        return opened.run(signature.outputs["y"].name, {signature.inputs["x"].name: X}).tolist()


for name, activation in ACTIVATIONS.items():
    right = np.argmax(activation(X).numpy(), 1).tolist()
    eagerly = tf.argmax(activation(X), 1).numpy().tolist()
    compiled = tf.function(lambda x, activation=activation: tf.argmax(activation(x), 1))(X).numpy().tolist()
    print(name, "eagerly", eagerly, "in a function", compiled)
    assert eagerly == right, "eager execution differs from numpy"
    assert compiled == [1, 2, 1] != right, "the function has become right"

model = tf.Module()
spec = tf.TensorSpec([3, 3], name="x")
model.f = tf.function(lambda x: {"y": tf.argmax(tf.nn.relu(x), 1)}, input_signature=[spec])
tf.saved_model.save(model, sys.argv[1], signatures=model.f)
print("a Session", session(sys.argv[1], off=False), "with the optimizer off", session(sys.argv[1], off=True))
assert session(sys.argv[1], off=True) == [1, 2, 1], "the Session's option has become of use"
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
assert model.f(X)["y"].numpy().tolist() == [0, 0, 1], "the global option is of no use any more"
PYTHON
  { tail -n 20 "$folder/log" >&2; exit 1; }
echo "as found: TensorFlow's functions take activations away in front of argmax"
