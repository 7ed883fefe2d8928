"""NonMaxSuppression."""

import numpy as np
import tensorflow as tf

from .handler import handles


@handles("NonMaxSuppression")
def non_max_suppression(node, values):
    boxes, scores = values[node.inputs[0]], values[node.inputs[1]]
    names = ("max_output_boxes_per_class", "iou_threshold", "score_threshold")
    defaults = (0, 0.0, np.finfo(np.float32).min)
    most, overlap, least = (
        np.reshape(values.fixed(node, index + 2, name, default), ()).item()
        for index, (name, default) in enumerate(zip(names, defaults))
    )
    corners = _corners(boxes, node.attrs.get("center_point_box", 0))
    batches, classes, count = scores.shape.as_list()
    chosen = []
    for batch in range(batches):
        for label in range(classes):
            found, valid = tf.raw_ops.NonMaxSuppressionV4(
                boxes=corners[batch],
                scores=scores[batch, label],
                max_output_size=min(int(most), count),
                iou_threshold=overlap,
                score_threshold=least,
                pad_to_max_output_size=True,
            )
            found = found[:valid]
            where = [tf.fill(tf.shape(found), number) for number in (batch, label)]
            chosen.append(tf.stack([*where, found], axis=1))
    return [tf.cast(tf.concat(chosen, axis=0), tf.int64)]


def _corners(boxes, center_point_box):
    """[batches, boxes, (top, left, bottom, right)], whichever corners the model gives."""
    one, other = tf.split(boxes, 2, axis=2)
    if center_point_box:
        return tf.reverse(tf.reshape(tf.stack([one - other / 2, one + other / 2], axis=2), boxes.shape), [2])
    return tf.concat([tf.minimum(one, other), tf.maximum(one, other)], axis=2)
