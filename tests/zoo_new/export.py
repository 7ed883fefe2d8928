"""Run a model on samples in the environment that has its packages, and write it as users of PyTorch do.

It writes reference.npz, what PyTorch returns, model.onnx, by torch.onnx.export, and model.pt2, by torch.export. What it
could not write is told in export.json, by the file's name.
"""

import argparse
import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch


def built(source):
    """The model that ``path/to/file.py:callable`` returns."""
    file, _, name = source.rpartition(":")
    sys.path.insert(0, str(Path(file).parent))
    return getattr(importlib.import_module(Path(file).stem), name)()


def tensors(file):
    """The samples, in the order of the model's inputs."""
    with np.load(file) as samples:
        return tuple(torch.from_numpy(samples[name]) for name in samples.files)


def _write_onnx(model, samples, file):
    torch.onnx.export(model, samples, file, dynamo=True, external_data=False, verbose=False)


def _write_program(model, samples, file):
    torch.export.save(torch.export.export(model, samples), file)


def _failed(write, *given):
    try:
        write(*given)
    except Exception as error:  # noqa: BLE001 - whatever stops an exporter is what came of the model
        return _in_a_line(error)
    return ""


def _in_a_line(error):
    """What went wrong first: exporters wrap it in what to do about it."""
    while error.__cause__ is not None:
        error = error.__cause__
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="path/to/file.py:callable")
    parser.add_argument("--samples", type=Path, required=True, help="an .npz, in the order of the inputs")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    model, samples = built(arguments.source), tensors(arguments.samples)
    with torch.no_grad():
        returned = model(*samples)
        outputs = [returned] if isinstance(returned, torch.Tensor) else list(returned)
        np.savez(arguments.out / "reference.npz", *(output.numpy() for output in outputs))
        writers = {"model.onnx": _write_onnx, "model.pt2": _write_program}
        failed = {name: _failed(write, model, samples, arguments.out / name) for name, write in writers.items()}
    (arguments.out / "export.json").write_text(json.dumps(failed))


if __name__ == "__main__":
    main()
