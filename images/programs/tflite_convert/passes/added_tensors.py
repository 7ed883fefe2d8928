"""Tensors that are added to a file whose weights become int8.

Constants that not every reader takes as integers, such as tables, are turned back by a DEQUANTIZE each. The converter
adds the tensors that these give in the order of addresses in memory, which differs from run to run. They get the order
of the operators here.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing


def apply(model, _):
    """Order them where there are several. Such files are all written anew: the converter lays out bytes otherwise."""
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    added = [
        int(operator.outputs[0])
        for operator in graph.operators
        if editing.kind(model, operator) == schema.BuiltinOperator.DEQUANTIZE
    ]
    places = dict(zip(added, sorted(added)))
    tensors = {place: graph.tensors[at] for at, place in places.items()}
    for place, tensor in tensors.items():
        graph.tensors[place] = tensor
    for operator in graph.operators:
        operator.inputs = np.array([places.get(int(at), at) for at in operator.inputs], np.int32)
        operator.outputs = np.array([places.get(int(at), at) for at in operator.outputs], np.int32)
    graph.outputs = [places.get(int(at), at) for at in graph.outputs]
    return len(added) > 1
