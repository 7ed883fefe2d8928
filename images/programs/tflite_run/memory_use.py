"""How much memory a graph's activations take while it runs."""

from itertools import accumulate

from stagekit import file_cost

# The bits of a number by its type; numbers of these alone lie in tensors. Text and handles of resources have no size
# that the file tells.
BITS = {
    **dict.fromkeys(("bool", "int8", "uint8"), 8),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 16),
    **dict.fromkeys(("float32", "int32", "uint32"), 32),
    **dict.fromkeys(("complex64", "float64", "int64", "uint64"), 64),
    "complex128": 128,
    "int4": 4,
    "int2": 2,
}


def sizes(graph):
    """The bytes of each tensor that a runtime finds room for, at the sizes that the file has; a constant takes none."""
    return [0 if each.constant.data.size else _size(each) for each in graph.tensors]


def alive(graph, taken):
    """The bytes in use while each operator runs, where none writes over what it reads.

    ``taken`` are the `sizes`. An input of the graph is in use from the start, an output to the end, a state always,
    anything else from the operator that gives it to the last that reads it.
    """
    last = len(graph.operators) - 1
    first_use, last_use = {}, {}
    for at, operator in enumerate(graph.operators):
        for place in (*operator.inputs, *operator.outputs):
            if place >= 0:
                first_use.setdefault(place, at)
                last_use[place] = at
    first_use.update((place, 0) for place in graph.inputs)
    last_use.update((place, last) for place in graph.outputs)
    for place, tensor in enumerate(graph.tensors):
        if tensor.variable:
            first_use[place], last_use[place] = 0, last
    changes = [0] * (last + 2)
    for place, since in first_use.items():
        changes[since] += taken[place]
        changes[last_use.get(place, since) + 1] -= taken[place]
    return list(accumulate(changes[:-1]))


def at_operator(operator, taken):
    """The bytes of what an operator reads and gives."""
    return sum(taken[place] for place in {*operator.inputs, *operator.outputs} if place >= 0)


def _size(tensor):
    return (file_cost.size(tensor.shape) * BITS.get(tensor.dtype, 0) + 7) // 8
