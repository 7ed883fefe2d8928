"""Run by the tensorflow image's Python: a SavedModel of two inputs and two outputs, as the folder that is named."""

import sys

import tensorflow as tf


class Model(tf.Module):
    def __init__(self):
        super().__init__()
        self.factor = tf.Variable([2.0, 3.0])

    @tf.function(input_signature=[tf.TensorSpec([1, 2], name="right"), tf.TensorSpec([1, 2], name="left")])
    def __call__(self, right, left):
        return {"scaled": left * self.factor, "difference": left - right}


tf.saved_model.save(Model(), sys.argv[1])
