"""NonMaxSuppression and RoiAlign."""

import functools

import numpy as np
import tensorflow as tf

from .handler import UnsupportedError, handles

LARGEST_COUNT = np.iinfo(np.int32).max


@handles("NonMaxSuppression")
def non_max_suppression(node, values):
    boxes, scores = values[node.inputs[0]], values[node.inputs[1]]
    names = ("max_output_boxes_per_class", "iou_threshold", "score_threshold")
    defaults = (0, 0.0, np.finfo(np.float32).min)
    most, overlap, least = (
        np.reshape(values.fixed(node, index + 2, name, default), ()).item()
        for index, (name, default) in enumerate(zip(names, defaults))
    )
    # TFLite leaves out a box that overlaps by the threshold itself, ONNX only one that overlaps by more.
    overlap = min(float(np.nextafter(np.float32(overlap), np.float32(2))), 1.0)
    corners = _corners(boxes, node.attrs.get("center_point_box", 0))
    batches, classes, count = scores.shape.as_list()
    most = min(int(most), LARGEST_COUNT if count is None else count)
    if count is None:
        # TFLite makes room for as many as may be chosen.
        most = tf.minimum(most, tf.shape(scores)[2])
    chosen = []
    for batch in range(batches):
        for label in range(classes):
            found, valid = tf.raw_ops.NonMaxSuppressionV4(
                boxes=corners[batch],
                scores=scores[batch, label],
                max_output_size=most,
                iou_threshold=overlap,
                score_threshold=least,
                pad_to_max_output_size=True,
            )
            found = found[:valid]
            where = [tf.fill(tf.shape(found), number) for number in (batch, label)]
            chosen.append(tf.stack([*where, found], axis=1))
    return [tf.cast(tf.concat(chosen, axis=0), tf.int64)]


@handles("RoiAlign")
def roi_align(node, values):
    """Each cell of a region is the mean, or the largest, of samples; a sample is made of the four pixels around it."""
    x, regions, images = values.inputs(node)
    ratio = node.attrs.get("sampling_ratio", 0)
    if ratio < 1:
        raise UnsupportedError(
            "how many samples it takes depends on the size of each region", "give it a sampling_ratio of 1 or more"
        )
    _, depth, height, width = x.shape.as_list()
    rows, columns = node.attrs.get("output_height", 1), node.attrs.get("output_width", 1)
    left, top, right, bottom = tf.split(regions * node.attrs.get("spatial_scale", 1.0), 4, axis=1)
    pixels = tf.reshape(tf.transpose(x, [0, 2, 3, 1]), [-1, depth])
    first = tf.reshape(tf.cast(images, tf.int32), [-1, 1, 1]) * (height * width)
    parts = []
    for row, row_share in _samples(top, bottom, rows * ratio, height):
        for column, column_share in _samples(left, right, columns * ratio, width):
            places = first + tf.expand_dims(row * width, 2) + tf.expand_dims(column, 1)
            shares = tf.expand_dims(row_share, 2) * tf.expand_dims(column_share, 1)
            parts.append(tf.gather(pixels, places) * tf.expand_dims(shares, 3))
    takes_largest = node.attrs.get("mode", "avg") == "max"
    together, of_cell = (tf.maximum, tf.reduce_max) if takes_largest else (tf.add, tf.reduce_mean)
    samples = functools.reduce(together, parts)
    by_rows = of_cell(tf.reshape(samples, [-1, ratio, columns * ratio, depth]), axis=1)
    cells = of_cell(tf.reshape(by_rows, [-1, ratio, depth]), axis=1)
    return [tf.transpose(tf.reshape(cells, [-1, rows, columns, depth]), [0, 3, 1, 2])]


def _samples(start, end, count, size):
    """The pixels around evenly spaced samples along an axis, and their shares: two pairs of [regions, count]."""
    steps = ((np.arange(count) + 0.5) / count).astype(np.float32)
    # A region is at least one pixel wide.
    place = start + tf.maximum(end - start, 1.0) * steps
    inside = tf.cast(tf.logical_and(place >= -1.0, place <= float(size)), tf.float32)
    place = tf.minimum(tf.nn.relu(place), size - 1.0)
    before = tf.floor(place)
    share = place - before
    after = tf.minimum(before + 1.0, size - 1.0)
    return [
        (tf.cast(before, tf.int32), (1.0 - share) * inside),
        (tf.cast(after, tf.int32), share * inside),
    ]


def _corners(boxes, center_point_box):
    """[batches, boxes, (top, left, bottom, right)], whichever corners the model gives."""
    one, other = tf.split(boxes, 2, axis=2)
    if center_point_box:
        return tf.reverse(tf.reshape(tf.stack([one - other / 2, one + other / 2], axis=2), boxes.shape), [2])
    return tf.concat([tf.minimum(one, other), tf.maximum(one, other)], axis=2)
