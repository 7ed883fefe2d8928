"""Arithmetic and functions of single numbers."""

import math

import numpy as np

from .call import Definition

_ERF = np.vectorize(math.erf, otypes=[np.float64])


def _of_one(function):
    return lambda call: function(call.inputs[0])


def _of_two(function):
    return lambda call: function(call.inputs[0], call.inputs[1])


def logistic(x):
    """1 / (1 + e^-x), of which no part overflows."""
    return 0.5 * (1 + np.tanh(x / 2))


def _gelu(call):
    (x,) = call.inputs
    if call.option("approximate", False):
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _ERF(x / math.sqrt(2)))


def _leaky(call):
    (x,) = call.inputs
    return np.where(x < 0, x * call.option("alpha", 0), x)


def _prelu(call):
    x, slopes = call.inputs
    return np.where(x < 0, x * slopes, x)


def _elu(x):
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)


def _hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


# The activations that other operators can end with.
ACTIVATIONS = {
    "NONE": lambda x: x,
    "RELU": lambda x: np.maximum(x, 0),
    "RELU6": lambda x: np.clip(x, 0, 6),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "TANH": np.tanh,
}
DEFINITIONS = {
    "ADD": Definition(_of_two(np.add), 1, 1),
    "SUB": Definition(_of_two(np.subtract), 1, 1),
    "MUL": Definition(_of_two(np.multiply), 1, 1),
    "DIV": Definition(_of_two(np.divide), 1, 1),
    "MAXIMUM": Definition(_of_two(np.maximum), 0, 0),
    "MINIMUM": Definition(_of_two(np.minimum), 0, 0),
    "SQUARED_DIFFERENCE": Definition(_of_two(lambda x, y: (x - y) ** 2), 1, 1),
    "ABS": Definition(_of_one(np.abs), 1, 1),
    "NEG": Definition(_of_one(np.negative), 1, 1),
    "SQUARE": Definition(_of_one(np.square), 1, 1),
    "SQRT": Definition(_of_one(np.sqrt), 1, 1),
    "RSQRT": Definition(_of_one(lambda x: 1 / np.sqrt(x)), 1, 1),
    "EXP": Definition(_of_one(np.exp), 1, 64),
    "LOG": Definition(_of_one(np.log), 1, 1),
    "LOGISTIC": Definition(_of_one(logistic), 1, 4),
    "TANH": Definition(_of_one(np.tanh), 1, 4),
    "RELU": Definition(_of_one(ACTIVATIONS["RELU"]), 1, 1),
    "RELU6": Definition(_of_one(ACTIVATIONS["RELU6"]), 1, 1),
    "RELU_N1_TO_1": Definition(_of_one(ACTIVATIONS["RELU_N1_TO_1"]), 1, 1),
    "RELU_0_TO_1": Definition(_of_one(lambda x: np.clip(x, 0, 1)), 1, 1),
    "ELU": Definition(_of_one(_elu), 1, 1),
    "LEAKY_RELU": Definition(_leaky, 1, 1),
    "PRELU": Definition(_prelu, 1, 1),
    "HARD_SWISH": Definition(_of_one(_hard_swish), 2, 2),
    "GELU": Definition(_gelu, 1, 64),
}
