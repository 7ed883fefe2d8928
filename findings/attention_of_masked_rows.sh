#!/usr/bin/env bash
# A row of attention that its mask shuts out is 0 in torch 2.13.0, and the mean of all values once it is exported.
#
# Versions: torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0 (CPython 3.11, Linux x86-64).
# scaled_dot_product_attention with a mask of truth values, of which one row is False everywhere (padding): torch gives
# zeros for it. The dynamo exporter adds -3.4e38 where the mask is False, and puts zeros where Softmax gives NaN. But a row
# of finite numbers gives none: the scores vanish beside -3.4e38, Softmax is uniform, and the guard never acts. Samples
# without such a row show nothing.
#
# Seen: Where, Add, Softmax, IsNaN, Where; largest difference in the masked row 0.75 for values in [0, 1), in the others
# below 1e-6.
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
import collections

import numpy as np
import onnx
import onnxruntime
import torch


class Attention(torch.nn.Module):
    def forward(self, query, key, value, mask):
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


torch.manual_seed(0)
given = [torch.rand(1, 2, 4, 8) for _ in range(3)]
mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
mask[..., 1, :] = False
model = Attention().eval()
wanted = model(*given, mask).numpy()
torch.onnx.export(model, (*given, mask), "attention.onnx", external_data=False, verbose=False)
print(dict(collections.Counter(node.op_type for node in onnx.load("attention.onnx").graph.node)))
session = onnxruntime.InferenceSession("attention.onnx")
fed = {each.name: value.numpy() for each, value in zip(session.get_inputs(), (*given, mask))}
apart = np.abs(session.run(None, fed)[0] - wanted).max(axis=(0, 1, 3))
print("torch's masked row", np.abs(wanted[:, :, 1]).max(), "apart by row", apart)
assert np.abs(wanted[:, :, 1]).max() == 0
assert apart[1] > 0.1 and np.delete(apart, 1).max() < 1e-6
PYTHON
