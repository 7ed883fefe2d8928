"""Numbers along axes made one."""

import numpy as np
import onnx_ir as ir

from .rule import constant, inputs, rank, rule, sizes

REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")


@rule(*("Reduce" + name for name in REDUCTIONS), since=18)
@rule("ReduceMax", "ReduceMin", since=20)
@rule("ReduceLogSum", "ReduceLogSumExp", since=28)
def reduce(node, op):
    """Opset 13 has the axes in an attribute, and can't reduce truth values."""
    x, axes = inputs(node, 2)
    axes = [] if axes is None else [int(axis) for axis in constant(axes, "axes")]
    if not axes and node.attributes.get_int("noop_with_empty_axes", 0):
        return _elementwise(op, node.op_type, x)
    attributes = {"keepdims": node.attributes.get_int("keepdims", 1), **({"axes": axes} if axes else {})}
    if x.dtype == ir.DataType.BOOL:
        (reduced,) = op.add(node.op_type, [op.cast(x, "UINT8")], attributes, 1)
        return op.cast(reduced, "BOOL")
    return op.add(node.op_type, [x], attributes, 1)


def _elementwise(op, op_type, x):
    """What a reduction does to each number alone where it has no axes to reduce."""
    if op_type in ("ReduceL1", "ReduceL2"):
        return op.Abs(x)
    if op_type == "ReduceSumSquare":
        return op.Mul(x, x)
    return op.Log(x) if op_type == "ReduceLogSum" else x


@rule("CumProd", since=26)
def cumulative_product(node, op):
    """Each product is of the numbers that a triangle of truth values leaves, and of ones."""
    x = node.inputs[0]
    axis = int(constant(node.inputs[1], "axis").reshape(())) % rank(x)
    (size,) = sizes(x, axis)
    kept = np.tri(size, k=-1 if node.attributes.get_int("exclusive", 0) else 0, dtype=bool)
    if node.attributes.get_int("reverse", 0):
        kept = kept[::-1, ::-1]
    spread = op.Unsqueeze(x, op.constant([axis], "int64"))
    kept = kept.reshape([size, size, *[1] * (rank(x) - axis - 1)])
    factors = op.Where(op.constant(kept), spread, op.constant(1, like=x))
    return op.ReduceProd(factors, axes=[axis + 1], keepdims=0)
