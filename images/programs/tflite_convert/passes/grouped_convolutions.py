"""Convolutions in groups as one operator each.

The CONV_2D of TensorFlow 2.4 knows no groups, so that a file has a SPLIT, a CONV_2D for each group and a CONCATENATION,
which may join other tensors, too. Later ones take weights of fewer channels than the image has for those of groups.
"""

from typing import Any, List, NamedTuple, Optional

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

FEATURE = "grouped-convolutions"
# Of CONV_2D, the first that knows groups.
VERSION = 6
OPERATORS = schema.BuiltinOperator
NONE = schema.ActivationFunctionType.NONE
CHANNELS = 3


class Groups(NamedTuple):
    """The CONV_2D of all parts of a SPLIT, in their order; where the image is transposed before them, the TRANSPOSE of
    the first.
    """

    split: Any
    transpose: Optional[Any]
    convolutions: List[Any]


def apply(model, known):
    """Join the CONV_2D of groups whose results are used for nothing but to be concatenated."""
    if FEATURE not in known.has:
        return False
    found = [_apply(model, graph) for graph in model.subgraphs]
    if any(found):
        editing.drop_unread(model)
    return any(found)


def _apply(model, graph):
    readers, makers = editing.readers(graph), editing.makers(graph)
    joined = {}
    for operator in graph.operators:
        if editing.kind(model, operator) == OPERATORS.CONCATENATION and _is_of_channels(graph, operator):
            found = _joined(model, graph, operator, readers, makers)
            if len(found) > 1 or found[0] is not operator:
                joined[operator.outputs[0]] = found
    editing.replace_operators(graph, lambda operator: joined.get(operator.outputs[0], [operator]))
    return bool(joined)


def _is_of_channels(graph, concatenation):
    options = concatenation.builtinOptions
    is_image = len(graph.tensors[concatenation.outputs[0]].shape) == CHANNELS + 1
    return is_image and options.axis in (-1, CHANNELS) and options.fusedActivationFunction == NONE


def _joined(model, graph, concatenation, readers, makers):
    """What computes the same as a CONCATENATION: nothing but that, where it joins no groups."""
    (output,) = concatenation.outputs
    left, added, read = [*concatenation.inputs], [], []
    while left:
        groups = _groups(model, graph, left, output, readers, makers)
        if groups is None:
            read.append(left.pop(0))
            continue
        count = len(groups.convolutions)
        written = output if count == len(concatenation.inputs) else _result(graph, left[:count], output)
        added += _operators(model, graph, groups, written)
        read.append(written)
        del left[:count]
    if read == [output]:
        return added
    concatenation.inputs = np.array(read, np.int32)
    return [*added, concatenation]


def _groups(model, graph, tensors, output, readers, makers):
    """The `Groups` that give the first of some tensors and those behind it, or None."""
    first = _convolution(model, tensors[0], makers)
    part = first and makers.get(first.inputs[0])
    transpose = part if part and editing.kind(model, part) == OPERATORS.TRANSPOSE else None
    split = makers.get(transpose.inputs[0]) if transpose else part
    if not split or editing.kind(model, split) != OPERATORS.SPLIT:
        return None
    count = len(split.outputs)
    found = [_convolution(model, at, makers) for at in tensors[:count]]
    if None in found or len(found) < count:
        return None
    images = [each.inputs[0] for each in found]
    between = {*split.outputs, *images, *tensors[:count], *(each.outputs[0] for each in found)}
    alike = (
        [_part(model, graph, at, transpose, makers) for at in images] == [*split.outputs]
        and _axis(model, graph, split, transpose) == CHANNELS
        and len({_settings(graph, each) for each in found}) == 1
        and len({graph.tensors[at].type for at in (*between, output)}) == 1
        and all(_steps(graph.tensors[at]) == _steps(graph.tensors[split.inputs[1]]) for at in (*split.outputs, *images))
    )
    alone = all(len(readers[at]) == 1 for at in between) and between.isdisjoint(graph.outputs)
    return Groups(split, transpose, found) if alike and alone else None


def _convolution(model, tensor, makers):
    """The CONV_2D that gives a tensor, which a QUANTIZE may bring to the scale of the concatenation."""
    found = makers.get(tensor)
    if found is not None and editing.kind(model, found) == OPERATORS.QUANTIZE:
        found = makers.get(found.inputs[0])
    return found if found is not None and editing.kind(model, found) == OPERATORS.CONV_2D else None


def _part(model, graph, image, transpose, makers):
    """Of what an image is transposed, as another one is; the image itself, where none is."""
    if transpose is None:
        return image
    maker = makers.get(image)
    is_transposed = maker is not None and editing.kind(model, maker) == OPERATORS.TRANSPOSE
    alike = is_transposed and _order(model, graph, maker) == _order(model, graph, transpose)
    return maker.inputs[0] if alike else None


def _axis(model, graph, split, transpose):
    """Along which axis the images are parts."""
    axis = editing.numbers(model, graph.tensors[split.inputs[0]]).item() % (CHANNELS + 1)
    return axis if transpose is None else _order(model, graph, transpose).index(axis)


def _order(model, graph, transpose):
    return editing.numbers(model, graph.tensors[transpose.inputs[1]]).tolist()


def _settings(graph, convolution):
    """What is the same in all groups of one convolution."""
    weights, *bias = (graph.tensors[at] for at in convolution.inputs[1:] if at >= 0)
    options = sorted(vars(convolution.builtinOptions).items())
    return (*options, weights.type, tuple(weights.shape), *(each.type for each in bias))


def _steps(tensor):
    points = tensor.quantization and tensor.quantization.zeroPoint
    return _scales(tensor).tolist(), [] if points is None else [*points]


def _scales(tensor):
    found = tensor.quantization and tensor.quantization.scale
    return np.zeros(0, np.float32) if found is None else np.asarray(found)


def _result(graph, parts, output):
    """A new tensor for what stands in the place of some tensors in a concatenation."""
    shape = [*graph.tensors[parts[0]].shape]
    shape[CHANNELS] *= len(parts)
    return editing.add_reshaped(graph, graph.tensors[output], graph.tensors[parts[0]].name + b"/groups", shape)


def _operators(model, graph, groups, written):
    first, image = groups.convolutions[0], groups.split.inputs[1]
    added = []
    if groups.transpose:
        shape = graph.tensors[image].shape[_order(model, graph, groups.transpose)]
        name = graph.tensors[groups.transpose.outputs[0]].name + b"/groups"
        transposed = editing.add_reshaped(graph, graph.tensors[image], name, shape)
        read = [image, groups.transpose.inputs[1]]
        added.append(editing.operator(groups.transpose.opcodeIndex, read, transposed, groups.transpose.builtinOptions))
        image = transposed
    columns = zip(*(each.inputs[1:] for each in groups.convolutions))
    parts = [[graph.tensors[at] for at in column] if column[0] >= 0 else [] for column in columns]
    read = [image, *(_constant(model, graph, each) if each else -1 for each in parts)]
    listed = editing.code(model, OPERATORS.CONV_2D, VERSION)
    return [*added, editing.operator(listed, read, written, first.builtinOptions)]


def _constant(model, graph, parts):
    """A new constant of the weights or biases of all groups."""
    array = np.concatenate([editing.numbers(model, each).reshape(each.shape) for each in parts])
    found = editing.add_constant(model, graph, parts[0].name + b"/groups", array)
    scales = [np.broadcast_to(_scales(each), each.shape[:1]) for each in parts if len(_scales(each))]
    if scales:
        editing.set_integers(model, graph.tensors[found], array, np.concatenate(scales), 0)
    return found
