"""Operators said in simpler ones: functions of PyTorch's own operators, exported in an operator's place."""

import functools
import warnings
from typing import List, NamedTuple

import torch
from torch.onnx import symbolic_helper, symbolic_registry, utils

from torch_export import fixed_shapes

from . import constants

# By the operator's name.
SYMBOLICS = {}


class KeptError(Exception):
    """What torch exports well by itself."""


class Tensor(NamedTuple):
    """What is known of an argument."""

    sizes: List[int]
    dtype: torch.dtype


def decomposition(name, *constant):
    """Decorate a function that computes what the ATen operator ``name`` does, for `decomposed`, to be its symbolic."""

    def decorate(function):
        SYMBOLICS[name] = decomposed(name, function, *constant)
        return function

    return decorate


def decomposed(name, function, *constant):
    """The symbolic that exports what a function computes, by simpler operators than ``name``.

    It takes the operator's arguments: tensors, lists of them and None as they are, and its parameters ``constant`` as
    Python's own numbers, strings and lists. It may raise KeptError, or ValueError with the reason why it can't.
    """
    parameters = function.__code__.co_varnames[: function.__code__.co_argcount]

    def exported(graph, *values):
        try:
            arguments = [
                _argument(value, parameter, parameter in constant) for value, parameter in zip(values, parameters)
            ]
            body = _body(function, _Key(arguments))
        except (ValueError, RuntimeError) as error:
            raise RuntimeError("ONNX export of operator {}: {}".format(name, error)) from error
        if body is None:
            return torch_symbolic(name)(graph, *values)
        return _inserted(graph, body, list(_tensors(values, arguments)))

    return exported


def symbolic(name):
    """Decorate a symbolic, as torch.onnx knows them, for an ATen operator."""

    def decorate(function):
        SYMBOLICS[name] = function
        return function

    return decorate


def sizes(tensor):
    """A tensor's shape as Python's integers, of which a trace knows nothing."""
    with fixed_shapes.untraced():
        return list(tensor.shape)


def constant(graph, tensor):
    """A tensor as a value of the graph, of which its shape and type are known."""
    value = graph.op("Constant", value_t=tensor)
    value.inferTypeFrom(tensor)
    return value


def torch_symbolic(name):
    """Torch's own symbolic of an operator, for the opset of this export."""
    versions = range(opset(), 8, -1) if opset() > 8 else range(opset(), 10)
    found = [dict(symbolic_registry.get_ops_in_version(version)).get(name) for version in versions]
    # In a domain where nothing is registered, asking is how torch says which opset has it.
    return next(filter(None, found), None) or symbolic_registry.get_registered_op(name, "none", opset())


def opset():
    """The opset of this export."""
    return symbolic_helper._export_onnx_opset_version  # noqa: SLF001 - torch has no other way to ask


def truth(tensor):
    """A tensor as booleans."""
    return tensor if tensor.dtype is torch.bool else tensor != 0


def _argument(value, name, constant):
    try:
        if constant:
            return constants.python(value)
        if value.node().mustBeNone():
            return None
        if value.node().kind() == "prim::ListConstruct":
            return [_argument(item, name, constant) for item in value.node().inputs()]
        return Tensor(*constants.described(value))
    except constants.NotConstantError as error:
        what = "is computed by the model" if constant else "has no known shape"
        raise ValueError("its argument {} {}".format(name, what)) from error


def _tensors(values, arguments):
    """The graph's values that are tensors for the function, in order."""
    for value, argument in zip(values, arguments):
        if isinstance(argument, Tensor):
            yield value
        elif isinstance(argument, list) and value.node().kind() == "prim::ListConstruct":
            yield from _tensors(value.node().inputs(), argument)


class _Key:
    """Arguments that compare by what they say, telling 1 from 1.0 and True."""

    def __init__(self, arguments):
        self.arguments = arguments
        self._words = repr(arguments)

    def __eq__(self, other):
        return self._words == other._words

    def __hash__(self):
        return hash(self._words)


@functools.lru_cache(maxsize=None)
def _body(function, key):
    """The ONNX graph of a function of the tensors among its arguments, or None for what torch exports well.

    A model calls most operators many times with tensors of one shape.
    """
    examples = []

    def example(argument):
        if isinstance(argument, Tensor):
            examples.append(torch.zeros(argument.sizes, dtype=argument.dtype))
        elif isinstance(argument, list):
            for item in argument:
                example(item)

    def filled(argument, tensors):
        if isinstance(argument, Tensor):
            return next(tensors)
        if isinstance(argument, list):
            return [filled(item, tensors) for item in argument]
        return argument

    def called(*given):
        tensors = iter(given)
        return function(*[filled(argument, tensors) for argument in key.arguments])

    example(key.arguments)
    with warnings.catch_warnings(), constants.without_weights():
        # Of constants in a trace, which are meant.
        warnings.simplefilter("ignore")
        try:
            graph = torch.jit.trace(called, tuple(examples), check_trace=False).graph
        except KeptError:
            return None
        export_type = symbolic_helper._operator_export_type  # noqa: SLF001 - torch has no other way to ask
        return utils._optimize_graph(graph, export_type, use_new_jit_passes=True)  # noqa: SLF001 - as above


def _inserted(graph, body, given):
    """The outputs of a body whose nodes are copied into a graph."""
    values = {parameter.debugName(): value for parameter, value in zip(body.inputs(), given)}
    for node in body.nodes():
        copy = graph.insertNode(graph.createClone(node, lambda value: values[value.debugName()]))
        values.update((old.debugName(), new) for old, new in zip(node.outputs(), copy.outputs()))
    outputs = [values[output.debugName()] for output in body.outputs()]
    return outputs[0] if len(outputs) == 1 else tuple(outputs)
