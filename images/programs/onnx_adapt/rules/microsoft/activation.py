"""Activations that onnxruntime fuses of several operators, and with a bias."""

import math

from .registry import like_first, microsoft, number, optional, refused


@microsoft("Gelu", types=like_first)
def gelu(node, op):
    return _gelu(op, node.inputs[0])


@microsoft("BiasGelu", types=like_first)
def bias_gelu(node, op):
    x, bias = node.inputs
    return _gelu(op, op.Add(x, bias), bias)


def _gelu(op, x, *like):
    one, half, root = (number(op, value, x, *like) for value in (1.0, 0.5, math.sqrt(2)))
    return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, root)), one)), half)


@microsoft("FastGelu", types=like_first)
def fast_gelu(node, op):
    """With tanh in place of the error function."""
    x, bias = optional(node, 2)
    like = x, bias
    if bias:
        x = op.Add(x, bias)
    one, half, cubic, scale = (number(op, value, *like) for value in (1.0, 0.5, 0.044715, math.sqrt(2 / math.pi)))
    cube = op.Mul(op.Mul(x, x), x)
    inner = op.Mul(op.Add(x, op.Mul(cube, cubic)), scale)
    return op.Mul(op.Mul(x, op.Add(op.Tanh(inner), one)), half)


@microsoft("QuickGelu", types=like_first)
def quick_gelu(node, op):
    (x,) = node.inputs
    alpha = number(op, node.attributes.get_float("alpha", 1.702), x)
    return op.Mul(x, op.Sigmoid(op.Mul(x, alpha)))


def activated(node, op, x, parameters):
    """A value with the activation that a fused operator names; of its parameters those that are given."""
    name = node.attributes.get_string("activation", "")
    if not name:
        return x
    if name == "Clip":
        return op.Clip(x, *(number(op, bound, *node.inputs) for bound in parameters))
    if name not in ("Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid"):
        raise refused(node, "has the activation {!r}".format(name))
    return getattr(op, name)(x, **dict(zip(("alpha", "beta"), parameters)))
