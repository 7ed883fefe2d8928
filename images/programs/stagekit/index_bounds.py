"""How large the integers of an input may be: below the size of the axis that they are places of, and no longer than it
where they are lengths.

An id beyond the rows of an embedding is refused by some runtimes, and others read beyond memory.
"""

from stagekit import arrays

# Of operators, which input has places, and of which input they are; along their axis.
PLACES = {
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), ((1, 0),)),
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND"), ((1, 0),)),
    "EmbedLayerNormalization": ((0, 2), (1, 4), (8, 3)),
}
# Those of which an input has lengths, at most the first size of another.
LENGTHS = dict.fromkeys(("GRU", "LSTM", "RNN"), (4, 0))
# Each place is a row of numbers, one for each axis.
ROWS = ("GatherND", "ScatterND")
# Operators that pass integers on, and from which of their inputs.
FIRST = slice(1)
PASSES = {
    **dict.fromkeys(("Cast", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity"), FIRST),
    **dict.fromkeys(("Pad", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"), FIRST),
    "Concat": slice(None),
    "Where": slice(1, 3),
}


def of(nodes, sizes):
    """The least size that integers have to stay below, by the name of what holds them, where samples might not.

    ``nodes`` are (operator, names of inputs, names of outputs, axis), each after those whose outputs it reads;
    ``sizes`` gives a value's sizes by its name, 0 for one that is not known, or None where even their number is not.
    """
    found = {}

    def note(name, bound):
        if name and bound:
            found[name] = min(bound, found.get(name, bound))

    for op_type, inputs, outputs, axis in reversed(nodes):
        for places, of_what in PLACES.get(op_type, ()):
            if places < len(inputs):
                note(inputs[places], _size(op_type, sizes(inputs[of_what]), sizes(inputs[places]), axis))
        lengths, of_what = LENGTHS.get(op_type, (len(inputs), 0))
        if lengths < len(inputs) and sizes(inputs[of_what]):
            steps = sizes(inputs[of_what])[0]
            note(inputs[lengths], steps and steps + 1)
        for output in outputs:
            for name in inputs[PASSES.get(op_type, slice(0))]:
                note(name, found.get(output))
    return {name: bound for name, bound in found.items() if bound < arrays.INTEGER_SAMPLES_BELOW}


def _size(op_type, sizes, places, axis):
    if not sizes:
        return 0
    if op_type not in ROWS:
        return sizes[axis]
    depth = places[-1] if places else 0
    return min(filter(None, sizes[: depth or len(sizes)]), default=0)
