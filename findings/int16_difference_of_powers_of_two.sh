#!/usr/bin/env bash
# A difference of 16-bit integers whose scales are powers of two is wrong in TensorFlow 2.4.1 where it is broadcast.
#
# Versions: tensorflow-cpu 2.4.1 (CPython 3.8, Linux x86-64), its own converter and interpreter; tflite-runtime 2.14.0
# runs the same file rightly.
# x - y as int16x8, x from -1 to 1 and y from -0.5 to 0.5 in all calibration samples: the scales are 2^-15 and 2^-16
# but for a hair (1/32767), which the kernel of SUB takes for powers of two, and shifts in place of multiplying. Where
# y is of x's shape that is right. Where y is one row for all rows of x, the kernel of 2.4.1 broadcasts and leaves the
# shift out: it computes x - 2y. With y from -0.6 to 0.6 the same model is right.
#
# Seen, largest error of differences up to 1:
#   2.4.1   y of x's shape 1e-05, one row 0.5, one row to 0.6 1e-05
#   2.14.0  y of x's shape 1e-05, one row 1e-05, one row to 0.6 1e-05
#
# PYTHON names the interpreter, a CPython 3.8. Takes one to four minutes and 1.2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in tensorflow tflite; do "${PYTHON:-python3.8}" -m venv "$folder/$name"; done
"$folder/tensorflow/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.4.1 numpy==1.19.5 \
  protobuf==3.20.3 six==1.15.0 h5py==2.10.0 flatbuffers==1.12 grpcio==1.32.0 wrapt==1.12.1 termcolor==1.1.0 \
  typing-extensions==3.7.4.3 absl-py==0.15.0
"$folder/tflite/bin/pip" install --quiet --quiet --disable-pip-version-check tflite-runtime==2.14.0 numpy==1.24.4
cat >"$folder/convert.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf


def convert(shape, most):
    class Difference(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2, 6]), tf.TensorSpec(shape)])
        def of(self, x, y):
            return x - y

    def samples():
        x, y = np.zeros((2, 6), np.float32), np.zeros(shape, np.float32)
        for one, other in ((1, 0), (-1, 0), (0, most), (0, -most)):
            yield [x + np.float32(one), y + np.float32(other)]

    model = Difference()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.of.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    sixteen = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [sixteen]
    converter.representative_dataset = samples
    return converter.convert()


for name, shape, most in (("same", [2, 6], 0.5), ("row", [1, 6], 0.5), ("other", [1, 6], 0.6)):
    open("{}/{}.tflite".format(sys.argv[1], name), "wb").write(convert(shape, most))
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    from tensorflow import lite

    Interpreter = lite.Interpreter

found = {}
for name in ("same", "row", "other"):
    interpreter = Interpreter(model_path="{}/{}.tflite".format(sys.argv[1], name))
    interpreter.allocate_tensors()
    x, y = sorted(interpreter.get_input_details(), key=lambda detail: detail["name"])
    numbers = np.linspace(-0.5, 0.5, 12, dtype=np.float32).reshape(2, 6), np.linspace(-0.5, 0.5, 6, dtype=np.float32)
    row = np.broadcast_to(numbers[1], y["shape"])
    interpreter.set_tensor(x["index"], numbers[0])
    interpreter.set_tensor(y["index"], row.copy())
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    found[name] = np.abs(got - (numbers[0] - row)).max()
print(sys.argv[2], {name: "{:.1g}".format(error) for name, error in found.items()})
assert found["same"] < 1e-3 and found["other"] < 1e-3
assert found["row"] > 0.2 if sys.argv[2] == "2.4.1" else found["row"] < 1e-3, "the difference of a row has changed"
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
"$folder/tensorflow/bin/python" "$folder/convert.py" "$folder" 2>"$folder/log" || { tail -n 20 "$folder/log"; exit 1; }
"$folder/tensorflow/bin/python" "$folder/run.py" "$folder" 2.4.1
"$folder/tflite/bin/python" "$folder/run.py" "$folder" 2.14.0
echo "as found: TensorFlow 2.4.1 computes x - 2y where a row y is subtracted"
