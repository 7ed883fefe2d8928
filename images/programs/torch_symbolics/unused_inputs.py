"""Inputs of a model that nothing in it reads, which the exporter of torch 1.7.1 drops."""

import contextlib
from unittest import mock

import torch

# The passes that drop them.
PASSES = ("_jit_pass_onnx_constant_fold", "_jit_pass_onnx_eliminate_unused_items")


@contextlib.contextmanager
def kept(count):
    """While this context is entered, exported models keep all of their first ``count`` inputs, in their order."""
    with contextlib.ExitStack() as stack:
        for name in PASSES:
            keeping = _keeping(getattr(torch._C, name), count)  # noqa: SLF001 - there is no option
            stack.enter_context(mock.patch.object(torch._C, name, keeping))  # noqa: SLF001
        yield


def _keeping(drop, count):
    """A pass during which the inputs are outputs of the graph, so that it takes them for used."""

    def run(graph, *settings):
        outputs = len(list(graph.outputs()))
        for value in list(graph.inputs())[:count]:
            graph.registerOutput(value)
        parameters = drop(graph, *settings)
        for at in reversed(range(outputs, outputs + count)):
            graph.return_node().removeInput(at)
        return parameters

    return run
