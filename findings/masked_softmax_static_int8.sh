#!/usr/bin/env bash
# A causal mask of -1e9 is gone, and the scores with it, in a file that ai-edge-quantizer makes of static ranges.
#
# Versions: ai-edge-quantizer 0.10.0 with its ai-edge-litert, tensorflow-cpu 2.21.0 (CPython 3.11, Linux x86-64);
# recipes static_wi8_ai8 and static_wi8_ai16, calibrated on the very samples that are judged.
# softmax(scores + mask), the mask 0 and -1e9: the sum's range is from -1e9 to some 10, whose one step of 8 (or 16)
# bits is larger than all scores. What is not masked comes out as equal shares. Nothing warns. With -20 in place of
# -1e9 the same recipes are right.
#
# Seen, largest error of probabilities: -1e9: 0.72 (8 bits), 0.83 (16 bits); -20: 0.007 and 0.0003
#
# PYTHON names the interpreter, a CPython 3.11. Takes one to four minutes and 2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in tensorflow-cpu==2.21.0 ai-edge-quantizer==0.10.0; do
  "${PYTHON:-python3.11}" -m venv "$folder/${name%%==*}"
  "$folder/${name%%==*}/bin/pip" install --quiet --quiet --disable-pip-version-check "$name"
done
cat >"$folder/convert.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

def masked(mask):
    spec = tf.TensorSpec([1, 6, 6], name="scores")
    return tf.function(lambda scores: {"shares": tf.nn.softmax(scores + mask)}, input_signature=[spec])


for value in (-1e9, -20.0):
    model = tf.Module()
    model.f = masked(np.triu(np.full((6, 6), value, np.float32), 1))
    tf.saved_model.save(model, f"{sys.argv[1]}/{value:g}", signatures=model.f)
    content = tf.lite.TFLiteConverter.from_saved_model(f"{sys.argv[1]}/{value:g}").convert()
    open(f"{sys.argv[1]}/{value:g}.tflite", "wb").write(content)
PYTHON
cat >"$folder/quantize.py" <<'PYTHON'
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

stream = np.random.RandomState(1)
samples = [{"scores": 3 * stream.randn(1, 6, 6).astype(np.float32)} for _ in range(32)]
scores = samples[0]["scores"]
powers = np.tril(np.exp(scores - scores.max()))
right = powers / powers.sum(-1, keepdims=True)


def error(value, name):
    made = quantizer.Quantizer(f"{sys.argv[1]}/{value:g}.tflite", getattr(recipe, name)())
    path = f"{sys.argv[1]}/{value:g}-{name}.tflite"
    made.quantize(made.calibrate({"serving_default": samples})).export_model(path)
    run = Interpreter(path).get_signature_runner()
    (fed,), (read,) = run.get_input_details().values(), run.get_output_details().values()
    scale, zero = fed["quantization"]
    limits = np.iinfo(fed["dtype"])
    integers = np.clip(np.round(scores / scale) + zero, limits.min, limits.max).astype(fed["dtype"])
    (shares,) = run(scores=integers).values()
    scale, zero = read["quantization"]
    return np.abs((shares.astype(np.float64) - zero) * scale - right).max()


for name in ("static_wi8_ai8", "static_wi8_ai16"):
    lost, kept = (error(value, name) for value in (-1e9, -20.0))
    print(f"RESULT {name} -1e9: {lost:.2g} -20: {kept:.2g}")
    assert lost > 0.5, "a mask of -1e9 is kept"
    assert kept < 0.1, "a mask of -20 is lost as well"
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
log=$folder/log
"$folder/tensorflow-cpu/bin/python" "$folder/convert.py" "$folder" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
"$folder/ai-edge-quantizer/bin/python" "$folder/quantize.py" "$folder" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: static ranges lose a mask of -1e9"
