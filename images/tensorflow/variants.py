"""The kinds of TFLite file: what a converter is told for each, before it converts."""

import tensorflow as tf


def float32(converter):
    """The numbers as they are. Select-TF operators stay out: no runtime but TensorFlow's own has them."""
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]


VARIANTS = {"float32": float32}
