#!/usr/bin/env bash
# The converter of TensorFlow 2.4.1 writes a file of dynamic ranges in another way from run to run, in one process, too.
#
# Versions: tensorflow-cpu 2.4.1 on CPython 3.8, Linux x86-64. It turns tables that it made int8 back to floats by a
# DEQUANTIZE each, and adds the tensors that these give in an order of addresses. Two tables are enough.
#
# Seen: two files of 30 conversions of one graph, of the same size.
#
# PYTHON38 names a CPython 3.8. Takes a minute and 1.2 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON38:-python3.8}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tensorflow-cpu==2.4.1 'protobuf<3.21'
cat >"$folder/convert.py" <<'PYTHON'
import collections
import hashlib

import numpy as np
import tensorflow as tf

tables = [np.random.RandomState(seed).normal(size=(99, 33)).astype(np.float32) for seed in range(2)]
with tf.Graph().as_default() as graph:
    ids = tf.compat.v1.placeholder(tf.int32, [1, 5], name="ids")
    found = tf.add(*(tf.gather(table, ids) for table in tables), name="found")


def converted():
    converter = tf.compat.v1.lite.TFLiteConverter(graph.as_graph_def(), [ids], [found])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


files = [converted() for _ in range(30)]
print(collections.Counter(hashlib.sha256(each).hexdigest()[:8] for each in files), {len(each) for each in files})
assert len(set(files)) > 1, "they are all the same: it has changed"
PYTHON
CUDA_VISIBLE_DEVICES=-1 TF_CPP_MIN_LOG_LEVEL=2 "$folder/venv/bin/python" "$folder/convert.py" 2>/dev/null
echo "as found: conversions of one graph give several files"
