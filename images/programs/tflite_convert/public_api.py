"""Variants by nothing but the converter's public API, as the recipe is done by hand."""

import numpy as np
import tensorflow as tf

SIXTEEN_BITS = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def is_enough(converter):
    """Whether the converter makes each variant by itself, the same bytes every time.

    Its older quantizers write float16 in an order of chance.
    """
    return hasattr(converter, "experimental_new_dynamic_range_quantizer")


def prepare(converter, variant, samples, io):
    """Set a new converter up for a variant.

    ``samples`` are dicts of arrays by the signature's keys, for the variants of integers; ``io`` is the dtype of the
    inputs and outputs that are floats in the model.
    """
    spec = converter.target_spec
    spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.optimizations = [] if variant == "float32" else [tf.lite.Optimize.DEFAULT]
    if samples:
        converter.representative_dataset = lambda: (
            {key: np.ascontiguousarray(array) for key, array in sample.items()} for sample in samples
        )
    if variant == "float16":
        spec.supported_types = [tf.float16]
    elif variant == "int8-only":
        spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
    elif variant == "int16x8":
        spec.supported_ops = [SIXTEEN_BITS, tf.lite.OpsSet.TFLITE_BUILTINS]
