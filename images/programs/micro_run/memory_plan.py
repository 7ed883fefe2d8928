"""What TFLite Micro has to fit into an arena: the tensors that are computed, and how long each of them lives."""

import math
from typing import List, NamedTuple, Tuple

import numpy as np

# In bytes: every tensor begins at a multiple of it.
ALIGNED = 16
_FIXED = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32")


class Peak(NamedTuple):
    """Where most is alive: the place of an operator, and the places and the bytes of the tensors."""

    operator: int
    tensors: List[Tuple[int, int]]


def size(tensor):
    """A tensor's bytes, as far as its type has a fixed size."""
    return math.prod(tensor.shape) * (np.dtype(tensor.dtype).itemsize if tensor.dtype in _FIXED else 1)


def computed(graph):
    """The places of the tensors that are no constants."""
    return [at for at, tensor in enumerate(graph.tensors) if not tensor.constant.data.size]


def peak(graph):
    """The first operator beside which most bytes are alive, the largest tensors first.

    Inputs are there from the beginning, outputs until the end, others from the operator that makes them to the last
    that reads them.
    """
    last = len(graph.operators) - 1
    made, read = dict.fromkeys(graph.inputs, 0), dict.fromkeys(graph.outputs, last)
    for at, operator in enumerate(graph.operators):
        for place in operator.outputs:
            made.setdefault(place, at)
            read[place] = max(read.get(place, 0), at)
        for place in operator.inputs:
            read[place] = max(read.get(place, 0), at)
    sizes = {at: -(-size(graph.tensors[at]) // ALIGNED) * ALIGNED for at in computed(graph) if at in made}
    alive = [
        [(at, each) for at, each in sizes.items() if made[at] <= operator <= read.get(at, made[at])]
        for operator in range(last + 1)
    ]
    most = max(range(last + 1), key=lambda operator: sum(each for _, each in alive[operator]), default=0)
    return Peak(most, sorted(alive[most] if alive else [], key=lambda found: (-found[1], found[0])))
