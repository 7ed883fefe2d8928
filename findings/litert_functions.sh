#!/usr/bin/env bash
# LiteRT's float kernels of one number are wrong where its older relatives are right: RSQRT of 0, SIN and COS of large
# numbers, EXP of nan.
#
# Versions: ai-edge-litert 2.3.0, tflite-runtime 2.14.0, files by tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64).
# By default XNNPACK takes these operators. There 1/sqrt(x) is nan for 0 and for what is smaller than the least normal
# float, where it is inf, so that an arc sine made of it is nan at 1 and -1. A sine is off by 1e-3 at 1e9, by thousands
# at 1e10, and nan beyond. exp(nan) is 0: nan that a model computes does not come out. Without the default delegates all
# of them are right, as they are in tflite-runtime 2.14.0 and TensorFlow 2.4.1.
#
# Seen: rsqrt(0) nan (plain: inf); sin(1e10) -4891 (plain: -0.4875), sin(1e20) nan; exp(nan) 0 (plain: nan)
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to four minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0 tflite-runtime==2.14.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name" 'numpy<2'
done
cat >"$folder/convert.py" <<'PYTHON'
import sys

import tensorflow as tf

for name, model in {"rsqrt": tf.math.rsqrt, "sin": tf.sin, "cos": tf.cos, "exp": tf.exp}.items():
    function = tf.function(lambda x, model=model: model(x), input_signature=[tf.TensorSpec([4])])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], tf.Module())
    open(f"{sys.argv[1]}/{name}.tflite", "wb").write(converter.convert())
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    from tflite_runtime.interpreter import Interpreter, OpResolverType

KERNELS = {"XNNPACK": OpResolverType.AUTO, "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
FED = {"rsqrt": [0, 1e-40, 4, 9], "sin": [1, 1e9, 1e10, 1e20], "cos": [1, 1e9, 1e10, 1e20], "exp": [np.nan, 0, 1, -1]}
wrong_in = set(sys.argv[2].split(","))
for kernels, resolver in KERNELS.items():
    for name, fed in FED.items():
        x = np.float32(fed)
        with np.errstate(divide="ignore"):
            right = 1 / np.sqrt(x) if name == "rsqrt" else getattr(np, name)(x)
        interpreter = Interpreter(f"{sys.argv[1]}/{name}.tflite", experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        wrong = not np.allclose(found, right, rtol=1e-4, equal_nan=True)
        print("RESULT", Interpreter.__module__, kernels, name, found, "right:", right)
        assert wrong == (kernels in wrong_in), f"{name} by {kernels} kernels is {'wrong' if wrong else 'right'}"
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
log=$folder/log
"$folder/tensorflow-cpu/bin/python" "$folder/convert.py" "$folder" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
"$folder/ai-edge-litert/bin/python" "$folder/run.py" "$folder" XNNPACK >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
"$folder/tflite-runtime/bin/python" "$folder/run.py" "$folder" none >>"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: by LiteRT's default kernels rsqrt(0) and sin(1e20) are nan, and exp(nan) is 0"
