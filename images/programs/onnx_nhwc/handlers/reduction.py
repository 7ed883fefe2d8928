"""Reductions over axes, and along one: ArgMax, ArgMin, CumSum and TopK."""

import numpy as np
import tensorflow as tf

from . import shaping
from .broadcasting import LARGEST_RANK, broadcast, in_a_row
from .handler import handles


def _norm(x, axes, keepdims):
    return tf.sqrt(_sum_of_squares(x, axes, keepdims))


def _sum_of_squares(x, axes, keepdims):
    return tf.reduce_sum(x * x, axes, keepdims)


def _log_of_sum(x, axes, keepdims):
    return tf.math.log(tf.reduce_sum(x, axes, keepdims))


def _log_of_sum_of_exponentials(x, axes, keepdims):
    largest = tf.reduce_max(x, axes, keepdims=True)
    # What is infinite can't be subtracted from itself.
    largest = in_a_row(_finite, largest, LARGEST_RANK)
    total = tf.math.log(tf.reduce_sum(tf.exp(broadcast(tf.subtract, x, largest)), axes, keepdims))
    return total + (largest if keepdims else tf.squeeze(largest, axes))


def _finite(x):
    return tf.where(tf.abs(x) < np.inf, x, tf.zeros_like(x))


def _largest(x, axes, keepdims):
    return tf.reduce_any(x, axes, keepdims) if x.dtype == tf.bool else _extreme(tf.reduce_max, x, axes, keepdims)


def _smallest(x, axes, keepdims):
    if x.dtype == tf.bool:
        # TFLite has REDUCE_ANY only.
        return tf.logical_not(tf.reduce_any(tf.logical_not(x), axes, keepdims))
    return _extreme(tf.reduce_min, x, axes, keepdims)


def _extreme(function, x, axes, keepdims):
    if x.dtype == tf.uint8:
        # The converter has no operator for it.
        return tf.cast(function(tf.cast(x, tf.int32), axes, keepdims), x.dtype)
    return function(x, axes, keepdims)


REDUCTIONS = {
    "ReduceL1": lambda x, axes, keepdims: tf.reduce_sum(tf.abs(x), axes, keepdims),
    "ReduceL2": _norm,
    "ReduceLogSum": _log_of_sum,
    "ReduceLogSumExp": _log_of_sum_of_exponentials,
    "ReduceMax": _largest,
    "ReduceMean": tf.reduce_mean,
    "ReduceMin": _smallest,
    "ReduceProd": tf.reduce_prod,
    "ReduceSum": tf.reduce_sum,
    "ReduceSumSquare": _sum_of_squares,
}


@handles(*REDUCTIONS)
def reduction(node, values):
    x = values[node.inputs[0]]
    if x.shape.num_elements() == 0:
        # TFLite leaves what is summed of nothing as it was in memory: it is a constant.
        x = tf.zeros(x.shape, x.dtype)
    axes = values.fixed(node, 1, "axes")
    if axes is None or len(axes) == 0:
        if node.attrs.get("noop_with_empty_axes", 0):
            return [tf.identity(x)]
        axes = range(x.shape.rank)
    axes = sorted(int(axis) % x.shape.rank for axis in axes)
    return [REDUCTIONS[node.op_type](x, axes, keepdims=bool(node.attrs.get("keepdims", 1)))]


@handles("ArgMax", "ArgMin")
def arg(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 0) % x.shape.rank
    function = tf.argmax if node.op_type == "ArgMax" else tf.argmin
    if node.attrs.get("select_last_index", 0):
        found = x.shape[axis] - 1 - function(tf.reverse(x, [axis]), axis, output_type=tf.int32)
    else:
        found = function(x, axis, output_type=tf.int32)
    if node.attrs.get("keepdims", 1):
        found = tf.expand_dims(found, axis)
    return [tf.cast(found, tf.int64)]


@handles("CumSum")
def cumulative_sum(node, values):
    x = values[node.inputs[0]]
    axis = int(values.fixed(node, 1, "axis")) % x.shape.rank
    exclusive, reverse = bool(node.attrs.get("exclusive", 0)), bool(node.attrs.get("reverse", 0))
    if x.dtype == tf.float64:
        return [tf.cumsum(x, axis, exclusive, reverse)]
    # TFLite has no operator for it, and a product with ones would round integers, and let what is infinite or no number
    # count for every sum: sums of twice as many elements in each step.
    sums = tf.cast(x, tf.int32) if x.dtype == tf.int64 else x
    sums = _later(sums, axis, 1, reverse) if exclusive else sums
    covered = 1
    while covered < x.shape[axis]:
        sums += _later(sums, axis, covered, reverse)
        covered *= 2
    return [tf.cast(sums, x.dtype) if x.dtype == tf.int64 else tf.identity(sums)]


def _later(x, axis, by, reverse):
    """The elements moved by so many places along an axis, or back if ``reverse``, and zeros where they were."""
    shape = x.shape.as_list()
    # TFLite pads four dimensions.
    rows = tf.reshape(x, [int(np.prod(shape[:axis])), shape[axis], -1]) if len(shape) > 4 else x
    axis = 1 if len(shape) > 4 else axis
    kept, widths = [slice(None)] * rows.shape.rank, [(0, 0)] * rows.shape.rank
    kept[axis], widths[axis] = (slice(by, None), (0, by)) if reverse else (slice(None, -by), (by, 0))
    return tf.reshape(tf.pad(rows[tuple(kept)], widths), shape)


@handles("TopK")
def top_k(node, values):
    x = values[node.inputs[0]]
    rank = x.shape.rank
    axis = node.attrs.get("axis", -1) % rank
    k = values.parameter(node, 1, "k")
    count = tf.cast(tf.reshape(k, []), tf.int32) if tf.is_tensor(k) else int(np.reshape(k, ()))
    order = [index for index in range(rank) if index != axis] + [axis]
    rows = x if axis == rank - 1 else shaping.transposed(x, order)
    # TFLite has TOPK_V2 for the largest.
    largest = node.attrs.get("largest", 1)
    found, indices = tf.math.top_k(rows if largest else -rows, count)
    found = found if largest else -found
    if axis != rank - 1:
        found, indices = (shaping.transposed(tensor, np.argsort(order).tolist()) for tensor in (found, indices))
    return [found, tf.cast(indices, tf.int64)]
