#!/usr/bin/env bash
# torch 2.13.0's dynamo exporter leaves out the projection of nn.LSTM(proj_size=...), and reports success.
#
# Versions: torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0 (CPython 3.11, Linux x86-64).
# ONNX's LSTM has no projection. The exporter writes one LSTM all the same: hidden_size is the size of the projection,
# and weight_hr, which projects, is in no operator. onnx.checker finds nothing wrong unless it infers shapes. onnxruntime
# refuses the file, because the cell's state has the size before the projection; the TorchScript exporter refuses the
# module by name.
#
# Seen: operator LSTM with hidden_size 8, of a module with hidden_size 24 and proj_size 8; no weight of 8x24 in the file;
# "Input initial_c must have shape {1,1,8}. Actual:{1,1,24}".
#
# PYTHON names the interpreter, a CPython 3.11. PyPI's torch is CUDA's, of several GB; a CPU build of the same version does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check \
  torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import onnx
import onnxruntime
import torch

model = torch.nn.LSTM(16, 24, proj_size=8, batch_first=True).eval()
torch.onnx.export(model, (torch.rand(1, 5, 16),), "dynamo.onnx", external_data=False, verbose=False)
onnx.checker.check_model("dynamo.onnx")
graph = onnx.load("dynamo.onnx").graph
(lstm,) = [node for node in graph.node if node.op_type == "LSTM"]
(hidden,) = [attribute.i for attribute in lstm.attribute if attribute.name == "hidden_size"]
shapes = [list(weight.dims) for weight in graph.initializer]
print("hidden_size", hidden, "weights", shapes)
assert hidden == 8 and not any(shape[-2:] == [8, 24] for shape in shapes)
try:
    onnxruntime.InferenceSession("dynamo.onnx").run(None, {graph.input[0].name: torch.rand(1, 5, 16).numpy()})
except Exception as error:
    print(error)
    assert "initial_c" in str(error)
else:
    raise SystemExit("onnxruntime runs it")
try:
    torch.onnx.export(model, (torch.rand(1, 5, 16),), "trace.onnx", dynamo=False)
except torch.onnx.errors.SymbolicValueError as error:
    print(str(error).splitlines()[0])
else:
    raise SystemExit("the TorchScript exporter takes it")
PYTHON
