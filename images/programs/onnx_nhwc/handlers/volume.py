"""Volumes (NCDHW) as stacks of images: TFLite of TensorFlow 2.4.1 has windows of two dimensions only.

The frames of a volume are the images [N * D, H, W, C].
"""

import numpy as np
import tensorflow as tf

TO_FRAMES, FROM_FRAMES = [0, 2, 3, 4, 1], [0, 4, 1, 2, 3]

ELEMENTWISE = {
    "Add": tf.add,
    "AddV2": tf.add,
    "Identity": tf.identity,
    "Mul": tf.multiply,
    "Relu": tf.nn.relu,
    "Relu6": tf.nn.relu6,
    "Sigmoid": tf.sigmoid,
    "Sub": tf.subtract,
    "Tanh": tf.tanh,
}


def from_frames(frames, batch):
    """The NCDHW volume."""
    count, *frame = frames.shape.as_list()
    return tf.transpose(tf.reshape(frames, [batch, count // batch, *frame]), FROM_FRAMES)


def to_frames(x, known):
    """The frames of an NCDHW volume.

    It goes back to those that `from_frames` was given, through elementwise operators, so that nothing is transposed
    between one convolution and the next. ``known`` remembers what it found, by tensor.
    """
    if x.ref() not in known:
        known[x.ref()] = _to_frames(x, known)
    return known[x.ref()]


def _to_frames(x, known):
    if x.op.type in ELEMENTWISE:
        operands = [_operand(operand, x.shape, known) for operand in x.op.inputs]
        if all(operand is not None for operand in operands):
            return ELEMENTWISE[x.op.type](*operands)
    batch, channels, depth, height, width = x.shape.as_list()
    shape = [batch * depth, height, width, channels]
    if x.op.type == "Transpose" and list(tf.get_static_value(x.op.inputs[1])) == FROM_FRAMES:
        channels_last = x.op.inputs[0]
        if channels_last.op.type == "Reshape" and channels_last.op.inputs[0].shape == shape:
            return channels_last.op.inputs[0]
        return tf.reshape(channels_last, shape)
    return tf.reshape(tf.transpose(x, TO_FRAMES), shape)


def _operand(x, shape, known):
    """An operand of an elementwise operator as it is beside frames; None if it is not the same for all of them."""
    constant = tf.get_static_value(x)
    if x.shape.rank == 0:
        return x
    if constant is not None and x.shape.rank == 5 and x.shape[0] == x.shape[2] == 1:
        return constant.transpose(TO_FRAMES)[0]
    return to_frames(x, known) if constant is None and x.shape == shape else None


def slices(frames, batch, axis, value=0):
    """For each element of a window over the depth, the frames that it falls on: [N * outputs, H, W, C].

    ``axis`` is the `window.Axis` of the depth, which is padded with frames of ``value``.
    """
    if axis.extent == axis.stride == 1 and not axis.before and not axis.read_after:
        return [frames]
    firsts = [index * axis.dilation for index in range(axis.kernel)]
    widths = (axis.before, axis.read_after)
    if batch == 1:
        frames = tf.pad(frames, [widths, (0, 0), (0, 0), (0, 0)], constant_values=value) if any(widths) else frames
        return [frames[first : first + axis.span : axis.stride] for first in firsts]
    count, *frame = frames.shape.as_list()
    # TFLite's PAD takes four dimensions.
    flat = tf.reshape(frames, [batch, count // batch, int(np.prod(frame))])
    flat = tf.pad(flat, [(0, 0), widths, (0, 0)], constant_values=value) if any(widths) else flat
    return [
        tf.reshape(flat[:, first : first + axis.span : axis.stride], [batch * axis.outputs, *frame]) for first in firsts
    ]


def spread(frames, batch, strides):
    """The frames of a volume with ``stride`` - 1 zeros after each element of an axis."""
    count, height, width, channels = frames.shape.as_list()
    shape = [batch, count // batch, height, width, channels]
    for axis, stride in enumerate(strides, 1):
        if stride > 1:
            outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
            frames = tf.reshape(frames, [outer, shape[axis], 1, inner])
            frames = tf.pad(frames, [(0, 0), (0, 0), (0, stride - 1), (0, 0)])
            shape[axis] *= stride
    return tf.reshape(frames, [shape[0] * shape[1], *shape[2:]])
