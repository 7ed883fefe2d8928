"""Convert a model with litert-torch, as its users do."""

import argparse
from pathlib import Path

import litert_torch
import numpy as np
import torch
from export import built, tensors
from torch.utils._pytree import tree_flatten

IMAGE = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="path/to/file.py:callable")
    parser.add_argument("--samples", type=Path, required=True, help="an .npz, in the order of the inputs")
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--channels-last", action="store_true", help="the file's images have their channels last")
    parser.add_argument("--reference", metavar="FILE.npz", help="where to write what the model returns")
    arguments = parser.parse_args()
    model, samples = built(arguments.source), tensors(arguments.samples)
    with torch.no_grad():
        returned = model(*samples)
    outputs, _ = tree_flatten(returned)
    if arguments.reference:
        np.savez(arguments.reference, *(output.numpy() for output in outputs))
    if arguments.channels_last:
        # It turns no outputs of a dict.
        turned = [] if isinstance(returned, dict) else _images(outputs)
        model = litert_torch.to_channel_last_io(model, args=_images(samples), outputs=turned)
        samples = tuple(sample.movedim(1, -1) if sample.ndim == IMAGE else sample for sample in samples)
    litert_torch.convert(model, samples).export(arguments.out)


def _images(tensors):
    return [at for at, tensor in enumerate(tensors) if tensor.ndim == IMAGE]


if __name__ == "__main__":
    main()
