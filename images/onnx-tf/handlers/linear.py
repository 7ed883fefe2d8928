"""Gemm as MatMul and BiasAdd, which TFLite makes one FULLY_CONNECTED of."""

import numpy as np
import tensorflow as tf

from handlers.handler import handles


@handles("Gemm")
def gemm(node, values):
    a = values[node.inputs[0]]
    b = values.constant(node.inputs[1])
    if b is None:
        b = values[node.inputs[1]]
    alpha, beta = node.attrs.get("alpha", 1.0), node.attrs.get("beta", 1.0)
    product = tf.matmul(
        a,
        b if alpha == 1 else b * alpha,
        transpose_a=bool(node.attrs.get("transA")),
        transpose_b=bool(node.attrs.get("transB")),
    )
    if len(node.inputs) < 3 or not node.inputs[2]:
        return [product]
    c = values.constant(node.inputs[2])
    if c is None:
        return [product + values[node.inputs[2]] * beta]
    c = c if beta == 1 else (c * beta).astype(c.dtype)
    if np.ndim(c) == 1 and len(c) == product.shape[1]:
        return [tf.nn.bias_add(product, c)]
    return [product + c]
