"""Inputs that a model takes and does not use, which torch's exporter leaves out of the graph."""

import contextlib

import torch

# The last that drops some, of the exporter that goes through TorchScript; the dynamo exporter drops none.
ELIMINATING = "_jit_pass_onnx_eliminate_unused_items"


@contextlib.contextmanager
def kept(fed):
    """While this context is entered, the graph that torch exports has all inputs, in the order of the tensors ``fed``
    by name.
    """
    eliminate = getattr(torch._C, ELIMINATING, None)  # noqa: SLF001 - it has no public name
    if eliminate is None:
        yield
        return

    def keeping(graph, weights):
        left = eliminate(graph, weights)
        there = {value.debugName(): value for value in graph.inputs()}
        if not there.keys() >= fed.keys():
            _renew(graph, there, fed)
        return left

    setattr(torch._C, ELIMINATING, keeping)  # noqa: SLF001 - as above
    try:
        yield
    finally:
        setattr(torch._C, ELIMINATING, eliminate)  # noqa: SLF001 - as above


def _renew(graph, there, fed):
    """New inputs behind the others: torch has no way to put one between them."""
    for name, tensor in fed.items():
        new = graph.addInput()
        new.inferTypeFrom(tensor)
        if name in there:
            there[name].replaceAllUsesWith(new)
            graph.eraseInput([value.debugName() for value in graph.inputs()].index(name))
        new.setDebugName(name)
