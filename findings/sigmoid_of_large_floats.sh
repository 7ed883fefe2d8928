#!/usr/bin/env bash
# On a processor with AVX-512, XNNPACK's LOGISTIC of floats is nan where they are 4.5e26 to 2.4e38 in size, and beyond
# that 0 or 1 again, as it should be. Without AVX-512, and in TFLite's own kernel, it is right everywhere.
#
# Versions: ai-edge-litert 2.3.0 and tflite-runtime 2.14.0, numpy 1.24.4 (CPython 3.11, Linux x86-64). TANH, EXP and ELU
# are right. With AVX2 alone (qemu-user 7.2 as Haswell) LOGISTIC was right, too.
# No activation is so large, but what stands in the sigmoid for a curve may be: a polynomial for GELU that has x^9 is
# there at x = 4,000. The model is right on the machine of whoever converts it, and gives nan on the server of another.
#
# Seen of -3e38, -1e34, -1e30, -1e20, 1e20, 1e30, 1e34, 3e38, in both runtimes:
#   XNNPACK: 0 nan nan 0 1 nan nan 1;   plain: 0 0 0 0 1 1 1 1
#
# PYTHON names the interpreter, a CPython 3.11; without AVX-512 it ends with 77. Takes half a minute and 0.3 GB.
set -euo pipefail
grep -qw avx512f /proc/cpuinfo || { echo "not run: this processor has no AVX-512" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --quiet --disable-pip-version-check \
  ai-edge-litert==2.3.0 tflite-runtime==2.14.0 numpy==1.24.4
cat >"$folder/write.py" <<'PYTHON'
import sys

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

model, graph, operator, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOGISTIC
code.version = 1
graph.tensors = [schema.TensorT() for _ in range(2)]
for tensor in graph.tensors:
    tensor.shape, tensor.type, tensor.buffer = [1, 8], schema.TensorType.FLOAT32, 0
operator.inputs, operator.outputs = [0], [1]
graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
builder = flatbuffers.Builder()
builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
open(sys.argv[1], "wb").write(builder.Output())
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import importlib
import sys

import numpy as np

NAN = float("nan")
SEEN = {"AUTO": [0, NAN, NAN, 0, 1, NAN, NAN, 1], "BUILTIN_WITHOUT_DEFAULT_DELEGATES": [0, 0, 0, 0, 1, 1, 1, 1]}
runtime = importlib.import_module(sys.argv[2] + ".interpreter")
for kernels, seen in SEEN.items():
    resolver = runtime.OpResolverType[kernels]
    interpreter = runtime.Interpreter(sys.argv[1], experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.float32([[-3e38, -1e34, -1e30, -1e20, 1e20, 1e30, 1e34, 3e38]]))
    interpreter.invoke()
    found = interpreter.get_tensor(1)[0]
    print("RESULT", sys.argv[2], kernels, found)
    np.testing.assert_array_equal(found, np.float32(seen))
PYTHON
"$folder/env/bin/python" "$folder/write.py" "$folder/model.tflite"
for runtime in ai_edge_litert tflite_runtime; do
  "$folder/env/bin/python" "$folder/run.py" "$folder/model.tflite" "$runtime" >"$folder/log" 2>&1 ||
    { tail -n 20 "$folder/log"; exit 1; }
  grep RESULT "$folder/log"
done
echo "as found: nan of a large number by AVX-512"
