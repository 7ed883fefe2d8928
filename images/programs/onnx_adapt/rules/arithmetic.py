"""Arithmetic on pairs of numbers."""

from .rule import rule


@rule("Mod", since=28)
def mod(node, op):
    """Opset 13 has the remainder of floats with the sign of the dividend alone; here it may have the divisor's."""
    x, y = node.inputs
    if node.attributes.get_int("fmod", 0) or x.dtype is None or not x.dtype.is_floating_point():
        return None
    rest, zero = op.Mod(x, y, fmod=1), op.constant(0, like=x)
    against = op.Xor(op.Less(rest, zero), op.Less(y, zero))
    apart = op.And(against, op.Not(op.Equal(rest, zero)))
    # A sum would be the largest of finite numbers where TFLite adds to what is infinite.
    moved = op.Where(op.IsInf(y), y, op.Add(rest, y))
    return op.Where(apart, moved, rest)
