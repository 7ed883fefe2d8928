"""Squares of integers: TFLite's SQUARE, which "arithmetic" has made of a product, is for floats."""

import tensorflow as tf


def apply(graph_def):
    """Multiply integers by themselves again."""
    for node in graph_def.node:
        if node.op == "Square" and tf.as_dtype(node.attr["T"].type).is_integer:
            node.op = "Mul"
            node.input[:] = [node.input[0]] * 2
