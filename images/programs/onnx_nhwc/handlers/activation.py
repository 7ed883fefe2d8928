"""Activations. Those that TFLite has no operator for are made of some that it has."""

import functools
import math

import numpy as np
import tensorflow as tf

from . import channels, linear
from .broadcasting import LARGEST_RANK, broadcast, in_a_row
from .handler import UnsupportedError, handles, kept_name

# erf(x) = tanh(x * p(x^2)): fitted to 6e-8, with float32's own rounding right to 2e-7. Beyond the bound erf is 1.
ERF = (1.1283797, 0.10276548, -1.8438501e-4, -6.2571817e-4, 8.9711933e-5, -5.9855572e-6, 1.5895056e-7)
ERF_BOUND = 3.9

# GELU(x) = x * sigmoid(x * ((z - a)^2 + b) * ((z - c)^2 + d)) of z = factor * x^2: fitted to 3e-6.
GELU_FACTOR = 0.038678907
GELU = ((-0.68320913, 0.16937943), (1.2116932, 1.0400851))
# The approximation by tanh, of which tanh(y) is 2 * sigmoid(2 * y) - 1, is x * sigmoid(x * (z + a)) of such a z.
TANH_SLOPE = 2 * math.sqrt(2 / math.pi)
TANH_FACTOR = TANH_SLOPE * 0.044715


@handles("Relu")
def relu(node, values):
    return [linear.by_element(tf.nn.relu, values[node.inputs[0]], values)]


@handles("LeakyRelu")
def leaky_relu(node, values):
    return [tf.nn.leaky_relu(values[node.inputs[0]], node.attrs.get("alpha", 0.01), name=kept_name(node))]


@handles("Clip")
def clip(node, values):
    x = values[node.inputs[0]]
    low, high = values.parameter(node, 1, "min"), values.parameter(node, 2, "max")
    known = not tf.is_tensor(low) and not tf.is_tensor(high)
    # TFLite fuses these two into the operator before them.
    if known and x.dtype.is_floating and low == 0 and high == 6:
        return [linear.by_element(tf.nn.relu6, x, values)]
    if known and x.dtype.is_floating and low == 0 and (high is None or high >= x.dtype.max):
        return [linear.by_element(tf.nn.relu, x, values)]
    return [in_a_row(functools.partial(_clipped, low, high), x)]


def _clipped(low, high, x):
    if low is not None:
        x = tf.maximum(x, _bound(low, x))
    if high is not None:
        x = tf.minimum(x, _bound(high, x))
    return tf.identity(x)


def _bound(value, x):
    return value if tf.is_tensor(value) else tf.constant(np.asarray(value).item(), x.dtype)


@handles("PRelu")
def prelu(node, values):
    x, slope = values.inputs(node)
    known = values.constant(node.inputs[1])
    if known is not None and known.size == 1:
        return [tf.nn.leaky_relu(x, known.item())]
    if x.shape.rank == 4 and slope.shape[-3:].as_list() == [x.shape[1], 1, 1]:
        # The layout pass knows no slope per channel, and would turn the image back for it; the converter pulls the
        # transposes in between the parts, but through no node that means nothing.
        slope = tf.reshape(slope, [1, 1, -1])
        return [channels.last(x, lambda image: tf.stop_gradient(_prelu(tf.stop_gradient(image), slope)))]
    return [broadcast(_prelu, x, slope)]


def _prelu(x, slope):
    # The converter knows PRELU in these terms, with a slope of one dimension less. NEG alone has no integers.
    return tf.nn.relu(x) + -slope * tf.nn.relu(-x)


@handles("HardSigmoid")
def hard_sigmoid(node, values):
    x = values[node.inputs[0]]
    alpha, beta = node.attrs.get("alpha", 0.2), node.attrs.get("beta", 0.5)
    # The converter knows HARD_SWISH, x times this, in these terms.
    if np.isclose(alpha, 1 / 6, rtol=1e-6) and beta == 0.5:
        return [in_a_row(lambda x: tf.nn.relu6(x + 3.0) * (1 / 6), x)]
    return [in_a_row(lambda x: tf.minimum(tf.nn.relu(x * alpha + beta), 1.0), x)]


@handles("Elu")
def elu(node, values):
    alpha = node.attrs.get("alpha", 1.0)
    return [in_a_row(lambda x: _elu(x, alpha), values[node.inputs[0]])]


@handles("Selu")
def selu(node, values):
    alpha = node.attrs.get("alpha", 1.67326319217681884765625)
    gamma = node.attrs.get("gamma", 1.05070102214813232421875)
    return [in_a_row(lambda x: _elu(x, alpha) * gamma, values[node.inputs[0]])]


@handles("Celu")
def celu(node, values):
    alpha = node.attrs.get("alpha", 1.0)
    return [in_a_row(lambda x: _elu(x / alpha, 1.0) * alpha, values[node.inputs[0]])]


def _elu(x, alpha):
    if alpha == 1:
        return tf.nn.elu(x)
    return tf.nn.relu(x) + tf.nn.elu(tf.minimum(x, 0.0)) * alpha


@handles("Softplus")
def softplus(node, values):
    return [in_a_row(_softplus, values[node.inputs[0]])]


def _softplus(x):
    # exp(-|x|) overflows for no x. ABS and NEG have no integers of 16 bits at TensorFlow 2.4.1.
    return tf.nn.relu(x) + tf.math.log(1.0 + tf.exp(tf.minimum(x, x * -1.0)))


@handles("Softsign")
def softsign(node, values):
    return [in_a_row(lambda x: x / (1.0 + tf.abs(x)), values[node.inputs[0]])]


@handles("ThresholdedRelu")
def thresholded_relu(node, values):
    alpha = node.attrs.get("alpha", 1.0)
    return [in_a_row(lambda x: tf.where(x > alpha, x, tf.zeros_like(x)), values[node.inputs[0]], LARGEST_RANK)]


@handles("Erf")
def erf(node, values):
    return [in_a_row(_erf, values[node.inputs[0]])]


def _erf(x):
    x = tf.clip_by_value(x, -ERF_BOUND, ERF_BOUND)
    square = x * x
    polynomial = ERF[-1]
    for coefficient in reversed(ERF[:-1]):
        polynomial = polynomial * square + coefficient
    return tf.tanh(x * polynomial)


@handles("Gelu")
def gelu(node, values):
    function = _tanh_gelu if node.attrs.get("approximate") == "tanh" else _gelu
    return [linear.by_element(functools.partial(in_a_row, function), values[node.inputs[0]], values)]


def _gelu(x):
    # Where a layer gives x, the converter would make a second one that gives x times a number.
    z = _bounded(tf.square(x) * GELU_FACTOR)
    first, second = [tf.math.squared_difference(z, root) + rest for root, rest in GELU]
    return x * tf.sigmoid(x * (first * second))


def _tanh_gelu(x):
    return x * tf.sigmoid(x * (_bounded(tf.square(x) * TANH_FACTOR) + TANH_SLOPE))


def _bounded(z):
    """The sigmoid is 0 or 1 at 6 already. XNNPACK's with AVX-512 is NaN at 5e26, which x^9 of 4,000 comes to; the bound
    is fused into the product before it.
    """
    return tf.nn.relu6(z)


@handles("Dropout")
def dropout(node, values):
    x = values[node.inputs[0]]
    if values.fixed(node, 2, "training_mode", False) and values.fixed(node, 1, "ratio", 0.5) > 0:
        raise UnsupportedError("it drops at random, as in training", "export the model in evaluation mode")
    return [tf.identity(x), tf.ones(x.shape, tf.bool)][: len(node.outputs)]
