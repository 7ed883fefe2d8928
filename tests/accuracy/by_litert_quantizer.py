"""Quantize a float32 .tflite file to int8 with litert-quantizer, by static ranges."""

import argparse

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .tflite file of floats")
    parser.add_argument("--samples", required=True, metavar="FILE", help="an .npy of all")
    parser.add_argument("--out", required=True, metavar="FILE")
    arguments = parser.parse_args()
    ((name, signature),) = Interpreter(arguments.model).get_signature_list().items()
    (given,) = signature["inputs"]
    samples = [{given: sample} for sample in np.load(arguments.samples)[:, None]]
    made = quantizer.Quantizer(arguments.model, recipe.static_wi8_ai8())
    made.quantize(made.calibrate({name: samples})).export_model(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
