"""Functions of one number."""

import math

from .rule import rule


@rule("HardSwish", since=(14, 22))
def hard_swish(node, op):
    (x,) = node.inputs
    return op.Mul(x, op.HardSigmoid(x, alpha=1 / 6, beta=0.5))


@rule("Relu", since=14)
def relu(node, op):
    (x,) = node.inputs
    return op.Max(x, op.constant(0, like=x)) if x.dtype is not None and x.dtype.is_integer() else None


@rule("Mish", since=(18, 22))
def mish(node, op):
    (x,) = node.inputs
    return op.Mul(x, op.Tanh(op.Softplus(x)))


@rule("Gelu", since=20)
def gelu(node, op):
    (x,) = node.inputs
    half = op.constant(0.5, like=x)
    if node.attributes.get_string("approximate", "none") == "tanh":
        cubed = op.Mul(op.Mul(op.Mul(x, x), x), op.constant(0.044715, like=x))
        curve = op.Tanh(op.Mul(op.constant(math.sqrt(2 / math.pi), like=x), op.Add(x, cubed)))
    else:
        curve = op.Erf(op.Mul(x, op.constant(math.sqrt(0.5), like=x)))
    return op.Mul(op.Mul(half, x), op.Add(curve, op.constant(1, like=x)))


@rule("Swish", since=24)
def swish(node, op):
    (x,) = node.inputs
    return _swish(op, x, node.attributes.get_float("alpha", 1.0))


@rule("SwiGLU", since=28)
def swi_glu(node, op):
    gate, x = node.inputs
    return op.Mul(_swish(op, gate, node.attributes.get_float("alpha", 1.0)), x)


def _swish(op, x, alpha):
    return op.Mul(x, op.Sigmoid(x if alpha == 1 else op.Mul(x, op.constant(alpha, like=x))))


@rule("Celu", since=28)
def celu(node, op):
    (x,) = node.inputs
    return op.cast(op.Celu(op.cast(x, "FLOAT"), alpha=node.attributes.get_float("alpha", 1.0)), x.dtype)
