"""Convolutions and matrix products that onnxruntime fuses with what goes before and after them."""

import numpy as np

from ..rule import array
from .activation import activated
from .registry import microsoft, number, optional, refused, type_of


@microsoft("FusedConv")
def fused_conv(node, op):
    x, weights, bias, added = optional(node, 4)
    kept = {key: value for key, value in node.attributes.items() if not key.startswith("activation")}
    made = op.Conv(*([x, weights, bias] if bias else [x, weights]), **kept)
    if added:
        made = op.Add(made, added)
    return activated(node, op, made, node.attributes.get_floats("activation_params", ()))


@microsoft("FusedGemm")
def fused_gemm(node, op):
    kept = {key: value for key, value in node.attributes.items() if not key.startswith("activation")}
    parameters = [node.attributes.get_float("activation_" + key, None) for key in ("alpha", "beta")]
    return activated(node, op, op.Gemm(*node.inputs, **kept), [each for each in parameters if each is not None])


def _product(context):
    """Type and sizes of a product of matrices, with the dimensions turned around that the attributes say."""
    (element, a), (_, b) = (type_of(context, at) for at in (0, 1))
    if a is None or b is None or min(len(a), len(b)) < 2:
        return [(0, None)]
    a, b = ([sizes[at] for at in _order(len(sizes), *_turned(context, side))] for sizes, side in ((a, "A"), (b, "B")))
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    batch = longer[:-2]
    for at, size in enumerate(shorter[:-2], len(longer) - len(shorter)):
        if batch[at].dim_value == 1:
            batch[at] = size
    return [(element, [*batch, a[-2], b[-1]])]


def _turned(context, side):
    attributes = (context.get_attribute(name + side) for name in ("trans", "transBatch"))
    return [attribute is not None and attribute.i for attribute in attributes]


def _order(rank, last, batch):
    """Which dimensions come after which: the batch's before the first, or the last two the other way round."""
    order = list(range(rank))
    if batch and rank > 2:
        order = [*order[1:-1], 0, order[-1]]
    if last:
        order[-2:] = reversed(order[-2:])
    return order


@microsoft("FusedMatMul", "TransposeMatMul", types=_product)
def fused_mat_mul(node, op):
    sides = [_transposed(node, op, value, side) for value, side in zip(node.inputs, "AB")]
    alpha = node.attributes.get_float("alpha", 1.0)
    made = op.MatMul(*sides)
    return made if alpha == 1 else op.Mul(made, number(op, alpha, *node.inputs))


def _transposed(node, op, value, side):
    turned = [node.attributes.get_int(name + side, 0) for name in ("trans", "transBatch")]
    if not any(turned):
        return value
    if value.shape is None:
        raise refused(node, "turns a tensor around of which nothing says how many dimensions it has")
    order = _order(len(value.shape), *turned) if len(value.shape) > 1 else [0]
    return op.Transpose(value, perm=order)


@microsoft("MatMulNBits")
def mat_mul_n_bits(node, op):
    """Weights of a few bits each, in blocks with a scale, as the floats that they stand for."""
    x, packed, scales, zero_points, order, bias = optional(node, 6)
    bits, block, rows, columns = (node.attributes.get_int(name) for name in ("bits", "block_size", "N", "K"))
    constants = [array(value) for value in (packed, scales, zero_points)]
    if constants[0] is None or constants[1] is None or order or (zero_points and constants[2] is None):
        raise refused(node, "has weights that are computed, or in another order")
    blocks = -(-columns // block)
    numbers = _unpacked(constants[0].reshape(rows, blocks, -1), bits)
    scale = constants[1].reshape(rows, blocks, 1)
    if zero_points is None:
        zero = 2 ** (bits - 1)
    elif constants[2].dtype == np.uint8:
        zero = _unpacked(constants[2].reshape(rows, -1), bits)[:, :blocks, None]
    else:
        zero = constants[2].reshape(rows, blocks, 1)
    weights = ((numbers - zero) * scale).reshape(rows, -1)[:, :columns].T
    made = op.MatMul(x, op.constant(np.ascontiguousarray(weights.astype(scale.dtype))))
    return op.Add(made, bias) if bias else made


def _unpacked(data, bits):
    """The numbers of ``bits`` bits in the bytes of the last dimension, the lowest first."""
    each = np.unpackbits(data, axis=-1, bitorder="little").reshape(*data.shape[:-1], -1, bits)
    return each @ (1 << np.arange(bits)).astype("float32")
