"""Convolutions in groups as one operator each.

The CONV_2D of TensorFlow 2.4 knows no groups, so that a file has a SPLIT, a CONV_2D for each group and a CONCATENATION.
Later ones take weights of fewer channels than the image has for those of groups.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

FEATURE = "grouped-convolutions"
OPERATORS = schema.BuiltinOperator
NONE = schema.ActivationFunctionType.NONE


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
        if editing.kind(model, operator) == OPERATORS.CONCATENATION:
            groups = _groups(model, graph, operator, readers, makers)
            if groups:
                joined[operator.outputs[0]] = _joined(model, graph, makers[groups[0].inputs[0]].inputs[1], groups)
    if joined:
        editing.replace_operators(graph, lambda each: [joined.get(each.outputs[0], each)])
        for output, operator in joined.items():
            operator.outputs = np.array([output], np.int32)
    return bool(joined)


def _groups(model, graph, concatenation, readers, makers):
    """The CONV_2D of the groups that a CONCATENATION joins, in their order; none where it joins something else."""
    options = concatenation.builtinOptions
    if options.axis not in (-1, 3) or options.fusedActivationFunction != NONE:
        return []
    groups = [_convolution(model, at, makers) for at in concatenation.inputs]
    split = None not in groups and makers.get(groups[0].inputs[0])
    if not split or editing.kind(model, split) != OPERATORS.SPLIT or _axis(model, graph, split) not in (-1, 3):
        return []
    parts, results = [*split.outputs], [each.outputs[0] for each in groups]
    between = {*parts, *results, *concatenation.inputs}
    alike = (
        [each.inputs[0] for each in groups] == parts
        and len({_settings(graph, each) for each in groups}) == 1
        and len({graph.tensors[at].type for at in (*between, *concatenation.outputs)}) == 1
        and all(_steps(graph.tensors[at]) == _steps(graph.tensors[split.inputs[1]]) for at in parts)
    )
    alone = all(len(readers[at]) == 1 for at in between) and not between.intersection(graph.outputs)
    return groups if alike and alone else []


def _convolution(model, tensor, makers):
    """The CONV_2D that gives a tensor, which a QUANTIZE may bring to the scale of the concatenation."""
    found = makers.get(tensor)
    if found is not None and editing.kind(model, found) == OPERATORS.QUANTIZE:
        found = makers.get(found.inputs[0])
    return found if found is not None and editing.kind(model, found) == OPERATORS.CONV_2D else None


def _axis(model, graph, split):
    return editing.numbers(model, graph.tensors[split.inputs[0]]).item()


def _settings(graph, convolution):
    """What is the same in all groups of one convolution."""
    weights, *bias = (graph.tensors[at] for at in convolution.inputs[1:] if at >= 0)
    options = sorted(vars(convolution.builtinOptions).items())
    return (*options, weights.type, tuple(weights.shape), *(each.type for each in bias))


def _steps(tensor):
    scales, points = _scales(tensor), tensor.quantization and tensor.quantization.zeroPoint
    return tensor.type, scales.tolist(), [] if points is None else [*points]


def _scales(tensor):
    found = tensor.quantization and tensor.quantization.scale
    return np.zeros(0, np.float32) if found is None else np.asarray(found)


def _joined(model, graph, x, groups):
    reads = [
        [graph.tensors[at] for at in column] for column in zip(*(each.inputs[1:] for each in groups)) if column[0] >= 0
    ]
    found = [_constant(model, graph, column) for column in reads]
    return editing.operator(groups[0].opcodeIndex, [x, *found, *[-1] * (2 - len(found))], -1, groups[0].builtinOptions)


def _constant(model, graph, parts):
    """A new constant of the weights or biases of all groups."""
    array = np.concatenate([editing.numbers(model, each).reshape(each.shape) for each in parts])
    found = editing.add_constant(model, graph, parts[0].name + b"/groups", array)
    scales = [np.broadcast_to(_scales(each), each.shape[:1]) for each in parts if len(_scales(each))]
    if scales:
        editing.set_integers(model, graph.tensors[found], array, np.concatenate(scales), 0)
    return found
