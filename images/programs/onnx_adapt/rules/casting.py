"""Numbers in another data type."""

import onnx_ir as ir

from .rule import UnsupportedError, array, rule


@rule("CastLike", since=(15, 19, 21, 23, 24, 25))
def cast_like(node, op):
    x, like = node.inputs
    if like.dtype is None:
        raise UnsupportedError("the data type that it casts to is unknown")
    return op.Cast(x, to=like.dtype)


@rule("Cast", since=(19, 21, 23, 24, 25, 28))
def cast(node, _):
    """Both attributes are of floats of 8 bits or fewer, which opset 13 does not have."""
    for name in ("saturate", "round_mode"):
        node.attributes.pop(name, None)


@rule("BitCast", since=26)
def bit_cast(node, op):
    (x,) = node.inputs
    to = ir.DataType(node.attributes.get_int("to"))
    numbers = array(x)
    if numbers is not None:
        return op.constant(numbers.view(to.numpy()))
    if to == x.dtype:
        return op.Identity(x)
    if {to, x.dtype} in _PAIRS:
        return op.Cast(x, to=to)
    raise UnsupportedError("it reads the bits of {} as {}".format(x.dtype.name.lower(), to.name.lower()))


# Casts between integers of a size keep their bits.
_PAIRS = [
    {getattr(ir.DataType, "INT{}".format(bits)), getattr(ir.DataType, "UINT{}".format(bits))}
    for bits in (8, 16, 32, 64)
]
