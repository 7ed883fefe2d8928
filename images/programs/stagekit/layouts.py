"""The layout of a model's inputs and outputs: PyTorch's, or with channels last.

Samples and outputs are in PyTorch's layout everywhere; those of a model with another layout are turned here.
"""

NCHW, NHWC = "nchw", "nhwc"
RANKS = (3, 4, 5)


def to_nhwc(rank):
    """The order of axes that takes an array of PyTorch's layout to channels last."""
    return [0, *range(2, rank), 1]


def from_nhwc(rank):
    """The order of axes that `to_nhwc` undoes."""
    return [0, rank - 1, *range(1, rank - 1)]


def fed(samples, entries):
    """Samples by name as the model takes them. ``entries`` are its inputs, [{name, layout}]; no layout is NCHW."""
    return _arranged(samples, entries, to_nhwc)


def fed_each(samples, entries):
    """The same for many samples, arrays [samples, *shape of the input] by name: a dict for each of them."""
    count = len(next(iter(samples.values())))
    return [fed({name: array[at] for name, array in samples.items()}, entries) for at in range(count)]


def read(outputs, entries):
    """Outputs by name that the model gave, in PyTorch's layout. ``entries`` are its outputs, [{name, layout}]."""
    return _arranged(outputs, entries, from_nhwc)


def _arranged(arrays, entries, order):
    turned = {entry["name"] for entry in entries if entry.get("layout") == NHWC}
    return {name: array.transpose(order(array.ndim)) if name in turned else array for name, array in arrays.items()}
