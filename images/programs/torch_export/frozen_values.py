"""Values that a model's code takes out of its tensors while it is traced, which are the same ever after.

A trace knows tensors alone. A branch that the code takes by their numbers, and a Python number or an array that it
makes of them, are in the exported model as the samples had them, whatever its inputs are later. torch warns of some of
these, and of many that are the same for every input. Here each is looked up in the graph, and reported if it depends on
an input.
"""

import contextlib

import torch
from torch._C import _get_tracing_state, _get_value_trace

from . import graph_nodes, traced_code
from .replacing import replaced

BRANCH = "a branch on the data{} is baked in as the samples took it: other inputs get the same branch"
NUMBER = "a number taken out of the data{} is baked in as the samples gave it: other inputs get the same number"
SIZE = "a size that depends on the data{} is baked in as the samples gave it: other inputs get the same size"

# By name, what takes a value out of a tensor.
METHODS = {
    **dict.fromkeys(("__bool__", "allclose", "equal", "is_nonzero"), BRANCH),
    **dict.fromkeys(("__complex__", "__float__", "__index__", "__int__", "item", "numpy", "storage", "tolist"), NUMBER),
    **dict.fromkeys(("nelement", "numel", "shape", "size"), SIZE),
}
FUNCTIONS = ("allclose", "equal", "is_nonzero")

# Operators whose result is as large as the data say: which of their inputs says it.
SIZED_BY = {
    **dict.fromkeys(("aten::arange", "aten::bincount", "aten::nonzero", "aten::nonzero_numpy"), 0),
    **dict.fromkeys(("aten::_unique", "aten::_unique2", "aten::unique_consecutive", "aten::unique_dim"), 0),
    **dict.fromkeys(("aten::index", "aten::masked_select", "aten::repeat_interleave"), 1),
}
AS_NUMBER = ("aten::Int", "aten::IntImplicit")
MASKS = ("Bool", "Byte")
# Those whose result is as large as their first input, whatever the others are.
SIZED_BY_FIRST = frozenset(
    "aten::" + name
    for name in (
        *("_index_put_impl", "index_add", "index_copy", "index_fill", "index_put", "masked_fill", "masked_scatter"),
        *("scatter", "scatter_add", "select"),
    )
)
# What makes a tensor that is a part of another one.
VIEWS = frozenset(
    "aten::" + name
    for name in (
        *("alias", "as_strided", "chunk", "detach", "diagonal", "expand", "narrow", "permute", "reshape", "select"),
        *("slice", "split", "squeeze", "t", "transpose", "unbind", "unfold", "unsqueeze", "view"),
    )
)


class FrozenValues:
    """What leaves the traced tensors of a model whose ``inputs`` these are; ``code`` is the user's.

    ``keeps_data`` says that Tensor.data gives the tensor itself, which stays in the trace.
    """

    def __init__(self, inputs, code, *, keeps_data):
        self._inputs = {value.unique() for value in _values(inputs)}
        self._code = code
        self._keeps_data = keeps_data
        self._taken = []

    @contextlib.contextmanager
    def watched(self):
        """While this context is entered, what takes something out of a traced tensor is noted."""
        with contextlib.ExitStack() as stack:
            for name, kind in METHODS.items():
                stack.enter_context(replaced(torch.Tensor, name, self._watching(kind, getattr(torch.Tensor, name))))
            for name in FUNCTIONS:
                stack.enter_context(replaced(torch, name, self._watching(METHODS[name], getattr(torch, name))))
            data = torch.Tensor.data
            read = self._whole_data(data) if self._keeps_data else self._watching(NUMBER, data.__get__)
            stack.enter_context(replaced(torch.Tensor, "data", property(read, data.__set__)))
            yield

    def words(self):
        """A line for each place where something that depends on the inputs was taken; while the model is traced."""
        if not self._taken:
            return []
        graph = _get_tracing_state().graph()
        values, sizes = _dependent(graph, self._inputs)
        values -= _traced(graph)
        places = [
            (kind, traced_code.Place(stack, self._code))
            for kind, value, stack in self._taken
            if value in (sizes if kind is SIZE else values)
        ]
        return list(dict.fromkeys(_words(kind, place) for kind, place in places if not place.decides_nothing()))

    def _watching(self, kind, taking):
        """A method, function or property that notes what it takes from."""
        if not callable(taking):
            return property(self._watching(kind, taking.__get__))

        def take(*arguments, **options):
            if _get_tracing_state():
                tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
                stack = traced_code.stack()
                self._taken.extend((kind, value.unique(), stack) for value in _values(tensors))
            return taking(*arguments, **options)

        return take

    def _whole_data(self, data):
        """Tensor.data, which a trace loses, as the tensor itself: nothing has gradients here, and both are one memory.

        Weights stay what torch makes of them.
        """

        def read(*tensors):
            for value in _values(tensors) if _get_tracing_state() else ():
                if value.node().kind() != "prim::Param" or value.unique() in self._inputs:
                    return tensors[0]
            return data.__get__(*tensors)

        return read


def _words(kind, place):
    quoted = place.statement and " (`{}`)".format(place.statement)
    return "{}: {}".format(place.name, (BRANCH if place.branches else kind).format(quoted))


def _values(tensors):
    """The graph's values of a list of tensors. torch names a value after the variable of the caller that holds it: none
    does here.
    """
    return list(map(_get_value_trace, tensors))


def _dependent(graph, inputs):
    """The numbers of a graph's values that depend on these inputs, and of those whose size does."""
    values, sizes = set(inputs), set()
    for node in graph_nodes.every(graph):
        given = [value.unique() for value in node.inputs()]
        if values.isdisjoint(given):
            continue
        kind = node.kind()
        made = [value.unique() for value in node.outputs()]
        values.update(made)
        if kind.endswith("_"):
            values.update(_written(next(node.inputs())))
        if _sizes_depend(node, kind.rstrip("_"), given, values, sizes):
            sizes.update(value.unique() for value in node.outputs() if not _is_scalar(value))
    return values, sizes


def _traced(graph):
    """The values that are numbers in the graph itself: torch asks for the number of what is a size or a position."""
    return {value.unique() for node in graph_nodes.every(graph) if node.kind() in AS_NUMBER for value in node.inputs()}


def _written(value):
    """The value that an operator writes to, and those that it is a part of."""
    yield value.unique()
    while value.node().kind() in VIEWS:
        value = next(value.node().inputs())
        yield value.unique()


def _sizes_depend(node, kind, given, values, sizes):
    if kind in SIZED_BY:
        at = SIZED_BY[kind]
        if kind == "aten::index":
            return any(index.unique() in values and _is_mask(index) for index in _items(node, at))
        return given[at] in values
    if kind in SIZED_BY_FIRST:
        return given[0] in sizes
    numbers = [value.unique() for value in node.inputs() if str(value.type()) in ("int", "int[]")]
    return not (sizes.isdisjoint(given) and values.isdisjoint(numbers))


def _items(node, at):
    """The values in the list that is a node's input at a position."""
    return list(node.inputs())[at].node().inputs()


def _is_mask(value):
    return value.type().kind() == "TensorType" and value.type().scalarType() in MASKS


def _is_scalar(value):
    return value.type().kind() == "TensorType" and value.type().sizes() == []
