#!/usr/bin/env bash
# torch 2.13.0's dynamo exporter writes the mean of scatter_reduce as a scatter that overwrites, and AvgPool2d without its
# divisor_override, and reports success.
#
# Versions: torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0 (CPython 3.11, Linux x86-64).
# scatter_reduce(reduce="mean") is how graph networks average the messages of a node's neighbours. ONNX's ScatterElements
# has add, mul, max and min, and the exporter gives it "none" for a mean: of several messages one is left, and what the
# node had itself is gone. Where each node has one neighbour at most, without its own value (include_self=False), that
# is right, so that a small sample may show nothing. The divisor of a pooling is an argument that nobody reads. Shapes
# and types agree, the checker finds nothing, and the exporter compares no numbers unless it is told to. The TorchScript
# exporter (dynamo=False) refuses the mean by name, and forgets the divisor as well.
#
# Seen: the mean of 0, 2 and 4 is 4 (right: 2), of 0 and 6 it is 6 (right: 3); a pool of 1 2 3 4 with the divisor 1 is
#   2.5 (right: 10)
#
# PYTHON names the interpreter, a CPython 3.11. PyPI's torch is CUDA's, of several GB; a CPU build of the same version does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check \
  torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat >"$folder/run.py" <<'PYTHON'
import onnx
import onnxruntime
import torch


class Mean(torch.nn.Module):
    def forward(self, nodes, neighbours, messages):
        return nodes.scatter_reduce(0, neighbours, messages, "mean")


MODULES = {
    "mean": (Mean(), (torch.zeros(2), torch.tensor([0, 0, 1]), torch.tensor([2.0, 4.0, 6.0])), [2, 3], [4, 6]),
    "pool": (torch.nn.AvgPool2d(2, divisor_override=1), (torch.arange(1.0, 5).reshape(1, 1, 2, 2),), [10], [2.5]),
}
for name, (module, given, right, wrong) in MODULES.items():
    exported = torch.onnx.export(module, given, dynamo=True, verbose=False)
    onnx.checker.check_model(exported.model_proto, full_check=True)
    session = onnxruntime.InferenceSession(exported.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {each.name: array.numpy() for each, array in zip(session.get_inputs(), given)}
    found = session.run(None, feeds)[0].ravel().tolist()
    print("RESULT", name, [node.op_type for node in exported.model_proto.graph.node], found)
    assert module(*given).ravel().tolist() == right and found == wrong, "the exporter has changed"
    try:
        torch.onnx.export(module, given, f"{name}.onnx", dynamo=False, opset_version=18)
    except torch.onnx.errors.OnnxExporterError as error:
        print("RESULT TorchScript:", str(error).splitlines()[0])
        assert name == "mean", "the TorchScript exporter has changed"
    else:
        session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
        (given,), (taken,) = given, session.get_inputs()
        found = session.run(None, {taken.name: given.numpy()})[0].ravel().tolist()
        print("RESULT TorchScript:", found)
        assert name == "pool" and found == wrong, "the TorchScript exporter has changed"
PYTHON
"$folder/venv/bin/python" "$folder/run.py" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
grep RESULT "$folder/log"
echo "as found: torch 2.13.0 exports another mean, and another pooling"
