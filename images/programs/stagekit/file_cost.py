"""What an operator of a .tflite file costs, whatever reads the file: multiplications, and numbers that are kept.

Files come from anywhere, so sizes may be any numbers, and operators may lack what they read.
"""

from typing import NamedTuple, Tuple

# The most that is counted of one tensor: what a file claims beyond it no machine holds.
MOST = 2**63 - 1

# How many of the file's own numbers each number of the output is made of; a filter is [O, H, W, I], [1, H, W, C] where
# it is depthwise, [D, H, W, I, O] in three dimensions, and [O, I] of a dense layer.
PER_OUTPUT = {
    "CONV_2D": lambda filter_: filter_[1:],
    "DEPTHWISE_CONV_2D": lambda filter_: filter_[1:3],
    "CONV_3D": lambda filter_: filter_[:-1],
    "FULLY_CONNECTED": lambda filter_: filter_[-1:],
}
# The same of each number of the input; the places of the filter and of that input.
PER_INPUT = {
    "TRANSPOSE_CONV": (1, 2, lambda filter_: filter_[:-1]),
    "CONV_3D_TRANSPOSE": (1, 2, lambda filter_: filter_[:-1]),
}
# Every matrix of these meets every step of every sample once.
RECURRENT = (
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "LSTM",
    "RNN",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
)
# How many of its inputs are looked at, where it is another number than one.
_READ = {**dict.fromkeys(PER_OUTPUT, 2), **dict.fromkeys(PER_INPUT, 3)}
_FLOATS = ("float16", "float32", "float64", "bfloat16")


class Operand(NamedTuple):
    """A tensor that an operator reads or gives; a ``variable`` one is a state."""

    shape: Tuple[int, ...]
    variable: bool = False


def macs(kind, reads, gives, transposes_first=False):
    """The multiplications with an addition of one invocation of an operator, at the sizes that the file has.

    ``kind`` is its name in the schema. ``reads`` and ``gives`` are its `Operand`s in order, None where it goes without.
    A product of matrices may transpose its first one. Counted are convolutions, dense layers, products of matrices and
    recurrent layers; all other kinds have 0.
    """
    wanted = _READ.get(kind, 1)
    if len(reads) < wanted or any(each is None for each in reads[:wanted]) or not gives:
        return 0
    made = gives[0].shape
    if kind in PER_OUTPUT:
        return size(made) * size(PER_OUTPUT[kind](reads[1].shape))
    if kind in PER_INPUT:
        filter_, fed, each = PER_INPUT[kind]
        return size(reads[fed].shape) * size(each(reads[filter_].shape))
    # What is known only once the file runs has no shape.
    if kind == "BATCH_MATMUL" and len(reads[0].shape) > 1:
        rows, width = reads[0].shape[-2:]
        return size(made) * max(rows if transposes_first else width, 0)
    if kind in RECURRENT:
        # The first is the sequence; states have no numbers of their own.
        matrices = [each.shape for each in reads[1:] if each and len(each.shape) == 2 and not each.variable]
        return size(made[:-1]) * sum(map(size, matrices))
    return 0


def are_parameters(dtype, scales):
    """Whether the numbers of a constant are parameters: floats, and integers with ``scales``; not shapes and axes."""
    return dtype in _FLOATS or scales > 0


def size(shape):
    """The numbers in a tensor of the shape, `MOST` of them at most."""
    product = 1
    for each in shape:
        product = min(product * max(each, 0), MOST)
    return product
