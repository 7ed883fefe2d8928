"""Rules for tensors, whatever reads them: quantization, and the values of constants."""

import math

import numpy as np

from .finding import Finding

# The ends of each type of quantized integers. Zero points of the wider ones are 0.
ENDS = {"int4": (-8, 7), "int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1)}
_SYMMETRIC = ("int16", "int32", "int64")
_FLOATS = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
_BITS = {"int4": 4, "bool": 8, "complex64": 64, "complex128": 128}
_BITS.update({kind + str(bits): bits for kind in ("int", "uint") for bits in (8, 16, 32, 64)})
_BITS.update({name: 8 * np.dtype(kind).itemsize for name, kind in _FLOATS.items()})
# A smaller number than this has not all of its digits.
_SMALLEST = float(np.finfo(np.float32).tiny)


def findings(graph, met):
    """Every Finding about a tensor of a graph; ``met`` are the words for each."""
    for place, tensor in enumerate(graph.tensors):
        for kind, what, wrong in (*_quantization(tensor), *_constant(tensor)):
            yield Finding(kind, met[place], what, tensor.name, wrong)


def _quantization(tensor):
    scales, points, axis = tensor.quantization[:3]
    if not scales:
        return
    for what in _scales(scales):
        yield "scales", what, True
    if len(points) not in (1, len(scales)):
        yield "zero points", "{} zero points for {} scales".format(len(points), len(scales)), True
    low, high = (0, 0) if tensor.dtype in _SYMMETRIC else ENDS.get(tensor.dtype, (-math.inf, math.inf))
    outside = [point for point in points if not low <= point <= high]
    if outside:
        rule = "0" if low == high else "from {} to {}".format(low, high)
        yield "zero points", "zero point {} of {}, which has to be {}".format(outside[0], tensor.dtype, rule), True
    if len(scales) > 1:
        if not 0 <= axis < len(tensor.shape):
            yield "channels", "scales along axis {} of {}".format(axis, len(tensor.shape)), True
        elif tensor.shape[axis] != len(scales):
            words = "{} scales along axis {}, which has {} places"
            yield "channels", words.format(len(scales), axis, tensor.shape[axis]), True


def _scales(scales):
    for words, is_so in (
        ("is no finite number", lambda scale: not math.isfinite(scale)),
        ("is not above 0", lambda scale: scale <= 0),
        ("has not all of a float's digits", lambda scale: 0 < scale < _SMALLEST),
    ):
        found = [at for at, scale in enumerate(scales) if is_so(scale)]
        if found:
            which = "scale" if len(scales) == 1 else "scale {} of {}".format(found[0], len(scales))
            yield "{} {}".format(which, words)


def _constant(tensor):
    data = tensor.constant.data
    if not data.size or tensor.dtype not in _BITS or tensor.sparsity:
        return
    values = int(np.prod(tensor.shape, dtype=np.int64))
    needed = (values * _BITS[tensor.dtype] + 7) // 8
    if needed != data.size:
        words = "{} bytes of constants, where {} values of {} need {}"
        yield "shapes", words.format(data.size, values, tensor.dtype, needed), True
    elif tensor.dtype in _FLOATS:
        numbers = np.frombuffer(data.tobytes(), _FLOATS[tensor.dtype])
        bad = int(np.isnan(numbers).sum())
        if bad:
            yield "constants", "{} of {} values are no numbers".format(bad, values), True
        endless = int(np.isinf(numbers).sum())
        if endless:
            yield "constants", "{} of {} values are infinite".format(endless, values), False
