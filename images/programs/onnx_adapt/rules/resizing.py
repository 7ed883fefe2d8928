"""Images made larger or smaller in ways that opset 13 has no words for.

Those of some axes are said of all. Where 13 has no such weights, a resized number is a weighted sum along an axis by a
constant matrix. onnxruntime itself says the weights: it resizes unit vectors.
"""

import math

import numpy as np
import onnx_ir as ir
import onnxruntime

from .rule import UnsupportedError, constant, inputs, rank, rule, sizes

POLICIES = {"not_larger": min, "not_smaller": max}
# Those of opset 13, and of weights.
KEPT = (
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "mode",
    "nearest_mode",
)


@rule("Resize", since=(18, 19))
def resize(node, op):
    x, roi, scales, lengths = inputs(node, 4)
    axes = [axis % rank(x) for axis in node.attributes.get_ints("axes", range(rank(x)))]
    policy = node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
    coordinates = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    weighted = node.attributes.get_int("antialias", 0) or coordinates == "half_pixel_symmetric"
    attributes = {name: node.attributes[name] for name in KEPT if name in node.attributes}
    if not weighted and axes == list(range(rank(x))) and (policy == "stretch" or lengths is None):
        return op.add("Resize", [x, roi, scales, lengths], attributes, 1)
    if lengths is None:
        amounts = {"scales": [float(scale) for scale in constant(scales, "scale")]}
    else:
        amounts = _fitting(policy, [int(length) for length in constant(lengths, "size")], sizes(x, *axes))
    if weighted:
        if coordinates == "tf_crop_and_resize" or not x.dtype.is_floating_point():
            raise UnsupportedError("it has antialias, of a part of its input or of integers")
        attributes["antialias"] = node.attributes.get_int("antialias", 0)
        return _by_matrices(op, x, axes, amounts, attributes)
    roi = _of_all(op, roi, axes, rank(x))
    return op.add("Resize", [x, roi, *_of_all_axes(op, x, axes, amounts)], attributes, 1)


def _fitting(policy, lengths, before):
    """Lengths, or the one scale that keeps the proportions of the lengths before."""
    if policy == "stretch":
        return {"sizes": lengths}
    scale = POLICIES[policy](length / size for length, size in zip(lengths, before))
    if any(math.floor(scale * size + 0.5) != math.floor(scale * size) for size in before):
        raise UnsupportedError("it keeps the aspect ratio, and rounds a size up")
    return {"scales": [scale] * len(before)}


def _of_all_axes(op, x, axes, amounts):
    """The inputs scales and sizes."""
    if "scales" in amounts:
        scales = dict(zip(axes, amounts["scales"]))
        return op.constant([scales.get(axis, 1.0) for axis in range(rank(x))], "float32"), None
    lengths = dict(zip(axes, amounts["sizes"]))
    known = [op.constant([lengths[axis]], "int64") if axis in lengths else op.size(x, axis) for axis in range(rank(x))]
    return None, op.Concat(*known, axis=0)


def _of_all(op, roi, axes, count):
    """The input roi, [starts of all axes, ends of all axes], of which it has some."""
    if roi is None:
        return None
    starts, ends = constant(roi, "roi").reshape(2, -1)
    whole = np.repeat([0.0, 1.0], count)
    whole[axes], whole[[count + axis for axis in axes]] = starts, ends
    return op.constant(whole, like=roi)


def _by_matrices(op, x, axes, amounts, attributes):
    ((name, numbers),) = amounts.items()
    for axis, number in zip(axes, numbers):
        (size,) = sizes(x, axis)
        if number == (1 if name == "scales" else size):
            continue
        matrix = _weights(size, name, number, attributes)
        order = [*(at for at in range(rank(x)) if at != axis), axis]
        product = op.MatMul(op.Transpose(x, perm=order), op.constant(matrix, like=x))
        x = op.Transpose(product, perm=[int(at) for at in np.argsort(order)])
    return x


def _weights(size, name, number, attributes):
    """[size, resized size]: what each number of an axis adds to each of the resized ones."""
    x, amount = ir.val("x", ir.DataType.FLOAT, [1, 1, size, size]), ir.val("amount", ir.DataType.FLOAT, [1])
    amount.dtype = ir.DataType.FLOAT if name == "scales" else ir.DataType.INT64
    given = [x, None, amount] if name == "scales" else [x, None, None, amount]
    node = ir.node("Resize", given, {**attributes, "axes": [3]})
    node.outputs[0].name = "weights"
    node.outputs[0].dtype = ir.DataType.FLOAT
    graph = ir.Graph([x, amount], node.outputs, nodes=[node], opset_imports={"": 19}, name="weights")
    session = onnxruntime.InferenceSession(ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString())
    feeds = {"x": np.eye(size, dtype=np.float32)[None, None], "amount": np.array([number], amount.dtype.numpy())}
    return session.run(None, feeds)[0][0, 0]
