#!/usr/bin/env bash
# TensorFlow's converter, allowed nothing but integers, leaves a sum of three tensors in floats and says nothing.
#
# Versions: tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64).
# With supported_ops = [TFLITE_BUILTINS_INT8] and int8 in and out, its guide says, the converter throws an error for what
# it can't quantize. tf.add_n of three tensors becomes ADD_N, which TFLite has for floats and int32 alone: the file
# computes it in floats, between a DEQUANTIZE for each term and a QUANTIZE. A device without floats can't run it. Nobody
# has to write add_n: TensorFlow's grappler makes it of x + a + b, as in a transformer.
#
# Seen: DEQUANTIZE 3, ADD_N 1 of float32, QUANTIZE 1
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to three minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
cat >"$folder/convert.py" <<'PYTHON'
from collections import Counter

import numpy as np
import tensorflow as tf

stream = np.random.RandomState(0)
one, other = (tf.constant(stream.randn(8, 8), tf.float32) for _ in range(2))
spec = tf.TensorSpec([1, 8], name="x")
model = tf.Module()
model.f = tf.function(lambda x: {"y": tf.add_n([x, x @ one, x @ other]) @ one}, input_signature=[spec])
converter = tf.lite.TFLiteConverter.from_concrete_functions([model.f.get_concrete_function()], model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([stream.randn(1, 8).astype(np.float32)] for _ in range(32))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
content = converter.convert()
interpreter = tf.lite.Interpreter(
    model_content=content,
    experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
)
types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
operators = interpreter._get_ops_details()
floats = Counter(each["op_name"] for each in operators if types[each["outputs"][0]] is np.float32)
print("RESULT operators that give floats:", dict(floats))
assert floats["ADD_N"], "no operator of the file computes in floats"
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
log=$folder/log
"$folder/venv/bin/python" "$folder/convert.py" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: a sum of three tensors stays in floats"
