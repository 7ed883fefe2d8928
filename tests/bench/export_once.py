"""Export a model of the zoo by torch.onnx.export, as users of PyTorch 1.7.1 do. It keeps to Python 3.8."""

import importlib
import sys
from pathlib import Path

import numpy as np
import torch

OPSET = 12


def main():
    source, samples, out = sys.argv[1:]
    file, _, name = source.rpartition(":")
    sys.path.insert(0, str(Path(file).parent))
    model = getattr(importlib.import_module(Path(file).stem), name)()
    given = tuple(torch.from_numpy(array) for array in np.load(samples).values())
    torch.onnx.export(model, given, out, opset_version=OPSET, do_constant_folding=True)


if __name__ == "__main__":
    main()
