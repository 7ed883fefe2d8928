"""Biases that several operators share.

A bias in integers counts steps of (input scale * weight scale), which differ from operator to operator. The quantizer
of TensorFlow 2.4.1 gives a shared one the steps of the first operator that reads it, and the others add something else:
layers that are used twice, and layers whose biases are equal, which the converter makes one constant of.
"""

from . import editing


def apply(model, _):
    """Give each operator a bias of its own. A bias of zeros is zero in any steps, and stays."""
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    biases, others = [], []
    for operator, position, tensor in editing.reads(graph):
        *_, bias = editing.WEIGHTED.get(editing.kind(model, operator), (None,))
        (biases if position == bias else others).append((operator, position, graph.tensors[tensor]))
    # Tensors that share a buffer are one constant: the quantizer writes into it.
    taken = {tensor.buffer for _, _, tensor in others}
    changed = False
    for operator, position, tensor in biases:
        data = model.buffers[tensor.buffer].data
        if tensor.buffer in taken and data is not None and data.any():
            operator.inputs = operator.inputs.copy()
            operator.inputs[position] = editing.add_repeated(model, graph, tensor)
            changed = True
        taken.add(tensor.buffer)
    return changed
