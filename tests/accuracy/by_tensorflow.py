"""Quantize a SavedModel to int8 alone with TensorFlow's own converter."""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a SavedModel")
    parser.add_argument("--samples", required=True, metavar="FILE", help="an .npy of all")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    samples = np.load(arguments.samples)
    converter = tf.lite.TFLiteConverter.from_saved_model(arguments.model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples[:, None])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    arguments.out.write_bytes(converter.convert())


if __name__ == "__main__":
    main()
