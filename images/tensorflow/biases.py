"""Biases that several operators share.

A bias in integers counts steps of (input scale * weight scale), which differ from operator to operator. The quantizer
of TensorFlow 2.4.1 gives a shared one the steps of the first operator that reads it, and the others add something else:
layers that are used twice, and layers whose biases are equal, which the converter makes one constant of.
"""

import flatbuffer
from multipliers import PLACES


def separate(model):
    """Give each operator a bias of its own, in a ModelT of floats; whether there was anything to do.

    A bias of zeros is zero in any steps, and stays.
    """
    found = [_separate(model, graph) for graph in model.subgraphs]
    return any(found)


def _separate(model, graph):
    numbers = [code.builtinCode for code in model.operatorCodes]

    def is_bias(operator, at):
        number = numbers[operator.opcodeIndex]
        return number in PLACES and at == PLACES[number][-1]

    reads = [(operator, at) for operator in graph.operators for at, index in enumerate(operator.inputs) if index >= 0]
    # Tensors that share a buffer are one constant: the quantizer writes into it.
    taken = {graph.tensors[operator.inputs[at]].buffer for operator, at in reads if not is_bias(operator, at)}
    changed = False
    for operator, at in reads:
        if is_bias(operator, at):
            tensor = graph.tensors[operator.inputs[at]]
            data = model.buffers[tensor.buffer].data
            if tensor.buffer in taken and data is not None and data.any():
                operator.inputs = operator.inputs.copy()
                operator.inputs[at] = flatbuffer.add_constant(model, graph, tensor, data)
                changed = True
            taken.add(tensor.buffer)
    return changed
