"""What the modules of a model compute while it is exported, and which values of its ONNX graph these are."""

import contextlib
import functools

import torch
from torch.onnx import utils

from .dataflow import tensors

# Names of values that the exporter would not give, and that it keeps through all its passes.
MARK = "pinlite_module_"
# What stands for no operator's result.
GIVEN = ("prim::Param", "prim::Constant")


@contextlib.contextmanager
def marked(model):
    """While this context is entered, the values that the modules of ``model`` give when it is traced are marked, in the
    ONNX graph too. It yields what becomes a list of (name of the module, array) in an order of computing: the value
    that the graph calls `MARK` with a place in that list.

    A tensor that several modules hand on is that of the first.
    """
    found = []

    def hook(name):
        def seen(_module, _inputs, output):
            # To look at a traced tensor must not become a part of the trace.
            state = torch._C._get_tracing_state()  # noqa: SLF001 - a trace has no public way in
            if state is None:
                return
            with torch._C.DisableTorchFunction():  # noqa: SLF001 - as torch's own __torch_function__ does it
                for tensor in tensors(output):
                    _mark(torch._C._get_value_trace(tensor), name, tensor, found, state)  # noqa: SLF001 - as above

        return seen

    hooks = [module.register_forward_hook(hook(name)) for name, module in model.named_modules()]
    lower = utils._run_symbolic_function  # noqa: SLF001 - the only place where a node and what it becomes are known
    utils._run_symbolic_function = functools.partial(_lowered, lower)  # noqa: SLF001 - as above
    try:
        yield found
    finally:
        utils._run_symbolic_function = lower  # noqa: SLF001 - as above
        for handle in hooks:
            handle.remove()


def _mark(value, name, tensor, found, state):
    if value.debugName().startswith(MARK) or value.node().kind() in GIVEN:
        return
    value.setDebugName("{}{}".format(MARK, len(found)))
    torch._C._set_tracing_state(None)  # noqa: SLF001 - a trace has no public way in
    try:
        found.append((name, tensor.detach().clone().numpy()))
    finally:
        torch._C._set_tracing_state(state)  # noqa: SLF001 - as above


def _lowered(lower, graph, node, *arguments, **keywords):
    """What the exporter makes of a node of the trace, with the node's marks."""
    made = lower(graph, node, *arguments, **keywords)
    for before, after in zip(node.outputs(), made if isinstance(made, (tuple, list)) else [made]):
        marks = before.debugName().startswith(MARK)
        if marks and isinstance(after, torch._C.Value) and not after.debugName().startswith(MARK):  # noqa: SLF001
            after.setDebugName(before.debugName())
    return made
