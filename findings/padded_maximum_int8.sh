#!/usr/bin/env bash
# A maximum pooling that is padded with the lowest float is all zeros as int8, in the newest TensorFlow too.
#
# Versions: tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64), its own converter and interpreter.
# TensorFlow pads with numbers, and the lowest float is what never wins: so onnx-tf pads every MaxPool of an ONNX model.
# In integers the pad, what it surrounds and the result share one range, from the lowest float on: a step is 1.3e36, and
# every result is 0. Nothing warns. With a convolution behind it, the file is written, and can't be prepared to run.
#
# The same comes of 2.10.1, whose int8 resnet18 (onnx-tf 1.10.0, prepare and export_graph) ends the process by signal 6
# in its own interpreter and in tflite-runtime 2.14.0. LiteRT 2.3.0 refuses it: "failed to create XNNPACK runtime".
#
# Seen: the largest magnitude is 2.38 as float32, 0 as int8; with a convolution, allocate_tensors raises a RuntimeError.
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to three minutes and 1.5 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/log" <<'PYTHON' ||
import numpy as np
import tensorflow as tf

LOWEST = np.finfo(np.float32).min
IMAGE = np.random.RandomState(0).randn(1, 8, 8, 4).astype(np.float32)
KERNEL = np.random.RandomState(1).randn(1, 1, 4, 4).astype(np.float32)


class Pooled(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 4])])
    def alone(self, image):
        padded = tf.pad(tf.nn.relu(image), [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=LOWEST)
        return tf.nn.max_pool2d(padded, 3, 2, "VALID")

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 4])])
    def before_convolution(self, image):
        return tf.nn.conv2d(self.alone(image), KERNEL, 1, "SAME")


def as_int8(function):
    model = Pooled()
    made = getattr(model, function).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([made], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([IMAGE] for _ in range(8))
    return converter.convert()


def run(content):
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGE)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


right = np.abs(Pooled().alone(IMAGE).numpy()).max()
found = np.abs(run(as_int8("alone"))).max()
print(f"float32 {right:.2f}, int8 {found:.2f}", flush=True)
assert right > 2, "the model is another one"
assert found == 0, "int8 is no longer all zeros"
behind = as_int8("before_convolution")
try:
    run(behind)
except RuntimeError as error:
    print("with a convolution behind it:", error)
else:
    raise AssertionError("what is behind it can be run")
PYTHON
  { tail -n 20 "$folder/log" >&2; exit 1; }
echo "as found: a padded maximum is lost as int8"
