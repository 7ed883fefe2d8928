"""Quantize a float32 .tflite file with ai-edge-quantizer, as litert-torch's users do: static int8 and int16x8."""

import argparse
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

RECIPES = {"int8": recipe.static_wi8_ai8, "int16x8": recipe.static_wi8_ai16}


def calibration(file, samples):
    """The samples as the file's signature takes them, by its name."""
    signatures = Interpreter(model_path=str(file)).get_signature_list()
    (name, signature), *_ = signatures.items()
    with np.load(samples) as arrays:
        columns = dict(zip(signature["inputs"], (arrays[key] for key in arrays.files), strict=True))
    count = len(next(iter(columns.values())))
    return {name: [{key: column[i] for key, column in columns.items()} for i in range(count)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--samples", type=Path, required=True, help="an .npz of many samples, batch by batch")
    parser.add_argument("--variant", choices=RECIPES, required=True)
    parser.add_argument("--out", required=True, metavar="FILE")
    arguments = parser.parse_args()
    made = quantizer.Quantizer(str(arguments.file))
    made.load_quantization_recipe(RECIPES[arguments.variant]())
    ranges = made.calibrate(calibration(arguments.file, arguments.samples))
    made.quantize(ranges).export_model(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
