"""The inputs from which a layer with weights computes its outputs, in the integers that kernels of 8 bits see."""

from typing import NamedTuple, Tuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .equalization import OPERATORS
from .passes import editing, ranges

# A layer that computes an output from more inputs is taken in parts, as if these had nothing to do with each other.
WIDEST = 4608
# The last step of a range of activations.
LAST = 255


class Layer(NamedTuple):
    """An OperatorT of a ``kind``, and the places of its ``data`` and its ``weights`` among a model's tensors.

    ``shape`` is that of the weights, ``taken`` and ``given`` those of the data and of the output, ``data_range`` the
    lowest and the largest number of the data.
    """

    operator: object
    kind: int
    data: int
    weights: int
    shape: Tuple[int, ...]
    taken: Tuple[int, ...]
    given: Tuple[int, ...]
    data_range: Tuple[float, float]

    @property
    def groups(self):
        """(groups, inputs, outputs): each group of outputs is computed from inputs of its own."""
        groups, inputs, outputs = self._apart
        parts = next(count for count in range(1, inputs + 1) if inputs % count == 0 and inputs // count <= WIDEST)
        return groups * parts, inputs // parts, outputs

    @property
    def _apart(self):
        """The groups that the operator has by itself."""
        if self.kind == OPERATORS.DEPTHWISE_CONV_2D:
            return self.taken[-1], self.shape[1] * self.shape[2], self.shape[3] // self.taken[-1]
        return 1, int(np.prod(self.shape[1:])), self.shape[0]

    def grouped(self, weights):
        """Weights as [groups, inputs, outputs]."""
        groups, inputs, outputs = self._apart
        if self.kind == OPERATORS.DEPTHWISE_CONV_2D:
            return weights.reshape(inputs, groups, outputs).transpose(1, 0, 2).reshape(self.groups)
        return weights.reshape(outputs, inputs).T.reshape(self.groups)

    def whole(self, weights):
        """Weights of [groups, inputs, outputs] in the shape that the operator has them in."""
        axes = (1, 0, 2) if self.kind == OPERATORS.DEPTHWISE_CONV_2D else (0, 2, 1)
        return weights.reshape(self._apart).transpose(axes).reshape(self.shape)

    def inputs(self, data, most, seed):
        """[groups, positions, inputs] of int16 for ``data`` of floats, at no more than ``most`` positions of the
        output, which ``seed`` chooses.
        """
        integers = self._integers(data)
        if self.kind == OPERATORS.FULLY_CONNECTED:
            rows = integers.reshape(-1, 1, self.shape[1])
            rows = rows[_some(len(rows), most, seed)]
        else:
            rows = self._windows(integers, most, seed)
        groups, inputs, _ = self._apart
        parts = self.groups[0] // groups
        apart = rows.reshape(len(rows), -1, groups, rows.shape[-1] // groups).transpose(2, 0, 1, 3)
        apart = apart.reshape(groups, len(rows), parts, inputs // parts).transpose(0, 2, 1, 3)
        return apart.reshape(groups * parts, len(rows), inputs // parts)

    def _integers(self, data):
        """Steps from 0."""
        low, high = min(self.data_range[0], 0.0), max(self.data_range[1], 0.0)
        step = (high - low) / LAST
        zero = np.round(-low / step)
        return (np.clip(np.round(data / step) + zero, 0, LAST) - zero).astype(np.int16)

    def _windows(self, image, most, seed):
        """[positions, taps, channels]: what is under the kernel."""
        _, height, width, _ = self.given
        at = _some(len(image) * height * width, most, seed)
        number, row, column = np.unravel_index(at, (len(image), height, width))
        options = self.operator.builtinOptions
        if self.kind == OPERATORS.TRANSPOSE_CONV:
            rows = _spread(row, image.shape[1], height, self.shape[1], options.strideH)
            columns = _spread(column, image.shape[2], width, self.shape[2], options.strideW)
        else:
            rows = _under(row, image.shape[1], height, self.shape[1], options.strideH, options.dilationHFactor)
            columns = _under(column, image.shape[2], width, self.shape[2], options.strideW, options.dilationWFactor)
        # The last row and the last column are zeros, which a kernel sees wherever there is no pixel.
        image = np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)))
        found = image[number[:, None, None], rows[:, :, None], columns[:, None, :]]
        return found.reshape(len(at), -1, image.shape[-1])


def layers(model):
    """The `Layer`s of a calibrated ModelT of floats whose data has a range, and whose weights no other one has."""
    graph = model.subgraphs[0]
    readers = editing.readers(graph)
    for _, operator, kind in editing.operators(model):
        if kind not in editing.WEIGHTED:
            continue
        data, weights = (int(operator.inputs[at]) for at in editing.WEIGHTED[kind][:2])
        read, constant = graph.tensors[data], graph.tensors[weights]
        data_range = ranges.of(model, read)
        has_steps = read.type == schema.TensorType.FLOAT32 and 0 < ranges.width(*data_range) < np.inf
        if has_steps and ranges.constant(model, constant) is not None and len(readers[weights]) == 1:
            shapes = (constant.shape, read.shape, graph.tensors[operator.outputs[0]].shape)
            yield Layer(operator, kind, data, weights, *(tuple(map(int, shape)) for shape in shapes), data_range)


def shared(model, kept):
    """The names of weights that several operators read, of which not all are ``kept`` in floats: `layers` has none of
    these operators.
    """
    graph, kept = model.subgraphs[0], {id(operator) for operator in kept}
    readers, found = editing.readers(graph), {}
    for _, operator, kind in editing.operators(model):
        if kind in editing.WEIGHTED and id(operator) not in kept:
            weights = int(operator.inputs[editing.WEIGHTED[kind][1]])
            if len(readers[weights]) > 1 and ranges.constant(model, graph.tensors[weights]) is not None:
                found[weights] = graph.tensors[weights].name.decode()
    return list(found.values())


def _some(count, most, seed):
    """Places out of so many, in their order."""
    return np.arange(count) if count <= most else np.sort(np.random.RandomState(seed).permutation(count)[:most])


def _under(at, taken, given, kernel, stride, dilation):
    """[positions, taps]: the rows of an image of ``taken`` that a convolution sees for rows of the ``given`` one, or
    its columns; -1 for none.
    """
    before = max((given - 1) * stride + (kernel - 1) * dilation + 1 - taken, 0) // 2
    seen = at[:, None] * stride + np.arange(kernel) * dilation - before
    return np.where((seen >= 0) & (seen < taken), seen, -1)


def _spread(at, taken, given, kernel, stride):
    """The same for a transposed convolution."""
    before = max((taken - 1) * stride + kernel - given, 0) // 2
    seen, between = np.divmod(at[:, None] + before - np.arange(kernel), stride)
    return np.where((seen >= 0) & (seen < taken) & (between == 0), seen, -1)
