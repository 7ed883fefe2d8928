"""Run by the Python of a torch image: a model to ONNX, as it was done by hand.

python export_by_hand.py MODULE CALLABLE SIZE FILE.onnx

The model takes images of that size.
"""

import importlib
import sys

import torch

module, name, size, file = sys.argv[1:]
model = getattr(importlib.import_module(module), name)().eval()
image = torch.rand(1, 3, int(size), int(size))
torch.onnx.export(model, image, file, input_names=["image"], output_names=["output"])
