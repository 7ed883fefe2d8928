"""TorchScript, run one operator at a time, so that it is traced like any other model.

The exporter takes TorchScript's graph as it is, and then refuses lists and dicts of outputs and BatchNorm's counter,
and leaves a branch in each linear layer. Traced, only what the samples go through is left.

What torch.jit.trace has saved is run module by module, so that the trace says of which module a node is. A script calls
functions, too, which are to be had inlined alone, and with them the modules.
"""

import contextlib
import operator

import torch
from torch._C import Graph, _create_function_from_graph, _jit_get_operation, _jit_pass_inline_fork_wait

from stagekit import StageError
from torch_export import graph_nodes

UNPACKED = ("prim::TupleUnpack", "prim::ListUnpack")
# What can be run inlined alone.
INLINED = ("prim::CallFunction", "prim::fork")


def _first(_, inputs):
    return inputs[0]


def _nothing(_node, _inputs):
    return None


def _converted(python):
    """The operator as Python does it, which can be seen where it is done to a tensor."""
    return lambda _, inputs: python(*inputs)


def _plain(size):
    """TorchScript's lists are Python's."""
    return size if isinstance(size, int) else list(size)


# Operators that the compiler brings in, by node and inputs.
NODES = {
    "aten::Bool": _converted(bool),
    "aten::Float": _converted(float),
    "aten::FloatImplicit": _converted(float),
    "aten::Int": _converted(int),
    "aten::IntImplicit": _converted(int),
    "aten::ScalarImplicit": lambda _, inputs: inputs[0].item(),
    "aten::_unwrap_optional": _first,
    "aten::allclose": lambda _, inputs: torch.allclose(*inputs),
    "aten::equal": lambda _, inputs: torch.equal(*inputs),
    "aten::is_nonzero": lambda _, inputs: inputs[0].is_nonzero(),
    "aten::item": lambda _, inputs: inputs[0].item(),
    "aten::size": lambda _, inputs: _plain(inputs[0].size(*inputs[1:])),
    "aten::warn": _nothing,
    "prim::Constant": lambda node, _: node.output().toIValue(),
    "prim::DictConstruct": lambda _, inputs: dict(zip(inputs[::2], inputs[1::2])),
    "prim::GetAttr": lambda node, inputs: getattr(inputs[0], node.s("name")),
    "prim::ListConstruct": lambda _, inputs: list(inputs),
    "prim::Print": _nothing,
    "prim::TupleConstruct": lambda _, inputs: tuple(inputs),
    "prim::Uninitialized": _nothing,
    "prim::unchecked_cast": _first,
    "prim::unchecked_unwrap_optional": _first,
}


def _in_place(change):
    """TorchScript's changes of a list or dict return it."""

    def changed(container, *arguments):
        change(container, *arguments)
        return container

    return changed


# Operators on Python's own values. torch's matching of overloads takes no lists of any type, and no dicts.
PYTHON = {
    "aten::__contains__": operator.contains,
    "aten::__getitem__": operator.getitem,
    "aten::__is__": operator.is_,
    "aten::__isnot__": operator.is_not,
    "aten::_set_item": _in_place(operator.setitem),
    "aten::add": operator.add,
    "aten::append": _in_place(list.append),
    "aten::extend": _in_place(list.extend),
    "aten::format": str.format,
    "aten::items": lambda items: list(items.items()),
    "aten::keys": list,
    "aten::len": len,
    "aten::list": list,
    "aten::mul": operator.mul,
    "aten::slice": lambda values, start, end, step: values[start:end:step],
    "aten::values": lambda items: list(items.values()),
    "prim::TupleIndex": operator.getitem,
}
IDENTITY = ("aten::__is__", "aten::__isnot__")


class Interpreter:
    """A callable that computes what a module's forward computes."""

    def __init__(self, model):
        self._model = model
        # Nodes don't keep the graphs alive that they are in.
        self._graphs, self._functions = list(_graphs(model)), []
        kinds = {node.kind() for graph in self._graphs for node in graph_nodes.every(graph)}
        if kinds.isdisjoint(INLINED):
            self._graph = model.graph
        else:
            self._graph = model.inlined_graph
            _jit_pass_inline_fork_wait(self._graph)

    def __call__(self, *inputs):
        (output,) = self._run(self._graph, [self._model, *inputs], {})
        return output

    def _run(self, block, inputs, values):
        """The outputs of a block. ``values`` holds every value so far by its name, which is unique in the graph."""
        values.update(zip(_names(block.inputs()), inputs))
        for node in block.nodes():
            results = self._step(node, [values[name] for name in _names(node.inputs())], values)
            values.update(zip(_names(node.outputs()), results))
        return [values[name] for name in _names(block.outputs())]

    def _step(self, node, inputs, values):
        """The results of a node."""
        kind = node.kind()
        if kind == "prim::If":
            then, otherwise = node.blocks()
            return self._run(then if inputs[0] else otherwise, [], values)
        if kind == "prim::Loop":
            return self._loop(node, inputs, values)
        if kind == "prim::CallMethod":
            return [self._called(node.s("name"), inputs)]
        if kind == "prim::SetAttr":
            setattr(inputs[0], node.s("name"), inputs[1])
            return []
        if kind in UNPACKED:
            return inputs[0]
        results = self._value(node, kind, inputs)
        return results if node.outputsSize() > 1 else [results]

    def _called(self, method, inputs):
        """The result of a module's method; ``inputs`` begin with the module."""
        graph = inputs[0]._c._get_method(method).graph  # noqa: SLF001 - a module's graphs have no public way in
        self._graphs.append(graph)
        with _scope(inputs[0]):
            (output,) = self._run(graph, inputs, {})
        return output

    def _loop(self, node, inputs, values):
        (body,) = node.blocks()
        most, going, *carried = inputs
        turn = 0
        while going and turn < most:
            going, *carried = self._run(body, [turn, *carried], values)
            turn += 1
        return carried

    def _value(self, node, kind, inputs):
        if kind in NODES:
            return NODES[kind](node, inputs)
        if kind in PYTHON and (kind in IDENTITY or not isinstance(inputs[0], torch.Tensor)):
            return PYTHON[kind](*inputs)
        try:
            try:
                return _jit_get_operation(kind)(*inputs)
            except TypeError:
                # The search for an overload breaks off at one that wants a list where there is a number.
                function, tensors = _compiled(node, inputs)
                # The trace points to it, without keeping it alive.
                self._functions.append(function)
                return function(*tensors)
        except (RuntimeError, TypeError) as error:
            message = "TorchScript's {} can't be traced: {}".format(kind, str(error).strip().splitlines()[0])
            hint = "save the model with torch.jit.trace, or convert its Python code"
            raise StageError("model", message, hint) from error


def _graphs(model):
    """The graphs of all methods of a model's modules."""
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            for name in module._c._method_names():  # noqa: SLF001 - as in `_called`
                yield module._c._get_method(name).graph  # noqa: SLF001 - as above


@contextlib.contextmanager
def _scope(module):
    """While this context is entered, a trace knows that nodes are of a module, as of one that is called in Python."""
    state = torch._C._get_tracing_state()  # noqa: SLF001 - a trace has no public way in
    name = (torch.jit._trace._trace_module_map or {}).get(module) if state else None  # noqa: SLF001 - as above
    if name is None:
        yield
        return
    state.push_scope(name)
    try:
        yield
    finally:
        state.pop_scope()


def _names(values):
    return [value.debugName() for value in values]


def _compiled(node, inputs):
    """A node as a function of its tensors, its other inputs being constants: with one node its overload is settled."""
    graph, tensors = Graph(), []
    values = [_value_in(graph, value, tensors) for value in inputs]
    output = graph.appendNode(graph.create(node.kind(), values, 1)).output()
    output.setType(node.output().type())
    graph.registerOutput(output)
    return _create_function_from_graph(node.kind(), graph), tensors


def _value_in(graph, value, tensors):
    if not isinstance(value, torch.Tensor):
        return graph.insertConstant(value)
    tensors.append(value)
    parameter = graph.addInput()
    parameter.inferTypeFrom(value)
    return parameter
