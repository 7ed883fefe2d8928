"""Convert a model with litert-torch, as its users do."""

import argparse
from pathlib import Path

import litert_torch
from export import built, tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="path/to/file.py:callable")
    parser.add_argument("--samples", type=Path, required=True, help="an .npz, in the order of the inputs")
    parser.add_argument("--out", required=True, metavar="FILE")
    arguments = parser.parse_args()
    litert_torch.convert(built(arguments.source), tensors(arguments.samples)).export(arguments.out)


if __name__ == "__main__":
    main()
