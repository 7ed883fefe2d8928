"""NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss."""

import numpy as np
import tensorflow as tf

from .handler import handles


@handles("NegativeLogLikelihoodLoss")
def negative_log_likelihood(node, values):
    x, target, *weight = values.inputs(node)
    return [_loss(node, x, target, weight[0] if weight else None)]


@handles("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(node, values):
    x, target, *weight = values.inputs(node)
    shape = x.shape.as_list()
    scores = tf.transpose(tf.reshape(x, [*shape[:2], int(np.prod(shape[2:]))]), [0, 2, 1])
    probabilities = tf.reshape(tf.transpose(tf.nn.log_softmax(scores), [0, 2, 1]), shape)
    return [_loss(node, probabilities, target, weight[0] if weight else None), probabilities][: len(node.outputs)]


def _loss(node, x, target, weight):
    batch, classes, *rest = x.shape.as_list()
    # TFLite takes as many dimensions as three, and compares integers of 32 bits.
    places = int(np.prod(rest))
    x, labels = tf.reshape(x, [batch, classes, places]), tf.reshape(tf.cast(target, tf.int32), [batch, places])
    weights = tf.ones([batch, places], x.dtype)
    counted = None
    if "ignore_index" in node.attrs:
        counted = tf.not_equal(labels, node.attrs["ignore_index"])
        labels = tf.where(counted, labels, tf.zeros_like(labels))
    if weight is not None:
        weights = tf.gather(weight, labels)
    if counted is not None:
        weights = weights * tf.cast(counted, x.dtype)
    chosen = tf.one_hot(labels, classes, on_value=True, off_value=False, axis=1)
    loss = -tf.reduce_sum(tf.where(chosen, x, tf.zeros_like(x)), axis=1) * weights
    reduction = node.attrs.get("reduction", "mean")
    if reduction == "none":
        return tf.reshape(loss, [batch, *rest])
    total = tf.reduce_sum(loss)
    return total if reduction == "sum" else total / tf.reduce_sum(weights)
