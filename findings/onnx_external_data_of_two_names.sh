#!/usr/bin/env bash
# onnx refuses a model whose file of weights has a second name (a hard link), wherever that name is.
#
# Versions: onnx 1.23.2 refuses it in onnx.load and in the checker; onnx 1.17.0 reads it, and so does onnxruntime 1.32.0.
# Linux x86-64, CPython 3.11. A second name is what stores by content, backups by `cp -al` and tools that find duplicates
# give a file; the message speaks of an attack. A copy of the file is read. pinlite copies such files before it reads them.
#
# Seen: "ValidationError: ... it has multiple hard links, indicating a potential hardlink attack".
#
# PYTHON311 names a CPython 3.11. Takes half a minute and 200 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/load.py" <<'PYTHON'
import os
import shutil
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

folder = tempfile.mkdtemp(dir=sys.argv[1])
weights = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 64]) for name in "xy")
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "net", [x], [y], [weights])
model, data = os.path.join(folder, "net.onnx"), os.path.join(folder, "net.data")
made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.save(made, model, save_as_external_data=True, location="net.data", size_threshold=0)


def said():
    try:
        return "read, {} numbers".format(numpy_helper.to_array(onnx.load(model).graph.initializer[0]).size)
    except Exception as error:
        return "{}: {}".format(type(error).__name__, " ".join(str(error).split()).replace(folder + "/", ""))


print(onnx.__version__, "one name:", said())
os.link(data, data + ".kept")
print(onnx.__version__, "two names:", said())
shutil.copy(data + ".kept", data + ".copy")
os.replace(data + ".copy", data)
print(onnx.__version__, "a copy:", said())
PYTHON
for version in 1.17.0 1.23.2; do
  "${PYTHON311:-python3.11}" -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --quiet --disable-pip-version-check "onnx==$version" 'numpy<2.3'
  "$folder/$version/bin/python" "$folder/load.py" "$folder" | tee -a "$folder/said"
done
diff <(sed 's/Error: .*/Error/' "$folder/said") - <<'SEEN'
1.17.0 one name: read, 4096 numbers
1.17.0 two names: read, 4096 numbers
1.17.0 a copy: read, 4096 numbers
1.23.2 one name: read, 4096 numbers
1.23.2 two names: ValidationError
1.23.2 a copy: read, 4096 numbers
SEEN
echo "as found: a second name of the weights' file is enough for onnx to refuse the model"
