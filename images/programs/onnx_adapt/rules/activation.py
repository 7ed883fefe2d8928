"""Functions of one number."""

from .rule import rule


@rule("HardSwish", since=14)
def hard_swish(node, op):
    (x,) = node.inputs
    return op.Mul(x, op.HardSigmoid(x, alpha=1 / 6, beta=0.5))
