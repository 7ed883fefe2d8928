"""A .tflite file of one operator on quantized integers, whose output's range is what the real numbers need."""

from typing import NamedTuple

import built
import numpy as np
import tflite

from tflite_run import real_numbers
from tflite_run.audit.integer_operators import FIXED, UNSCALED
from tflite_run.audit.tensors import ENDS

# Where the schema's table is not called as the operator is.
_TABLES = {
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), "Reducer"),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), "MaximumMinimum"),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), "Pool2D"),
    "BATCH_MATMUL": "BatchMatMul",
    "L2_NORMALIZATION": "L2Norm",
}
# The numbers of options that have names.
_NAMES = {
    "Padding": ("SAME", "VALID"),
    "FusedActivationFunction": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"),
    "Mode": ("REFLECT", "SYMMETRIC"),
}


class Value(NamedTuple):
    """An operator's input: integers with what they stand for; without ``scales`` they are as they are."""

    data: np.ndarray
    scales: tuple[float, ...] = ()
    points: tuple[int, ...] = ()
    axis: int = 0
    constant: bool = False

    @property
    def real(self):
        if not self.scales:
            return self.data
        shape = [-1 if at == self.axis else 1 for at in range(self.data.ndim)] if len(self.scales) > 1 else ()
        scales = np.reshape(np.asarray(self.scales, np.float32).astype(np.float64), shape)
        return (self.data.astype(np.float64) - self.points[0]) * scales


class Form(NamedTuple):
    """``name`` tells it apart: the kind, the type of the activations, and words."""

    kind: str
    type: str
    name: str
    content: bytes
    samples: list[np.ndarray]
    wanted: list[np.ndarray]


def form(kind, dtype, words, given, options=None, *, like=None, shapes=((),), to="", version=1) -> Form:
    """A Form with these inputs. ``shapes`` are those of the outputs where the inputs' values don't tell them; the
    output has the scale of ``like``, a Value, or else the one that its kernel gives or the real numbers need.
    """
    options, to = dict(options or {}), to or dtype
    named = {_field(name): _word(name, value) for name, value in options.items()}
    wanted = real_numbers.computed(kind, real_numbers.Call(named, [each.real for each in given], shapes))
    alike = UNSCALED.get(kind, ())
    like = like or next((given[at] for at in (range(len(given)) if alike is None else alike)), None)
    tensors = [_input(each, at) for at, each in enumerate(given)]
    for at, values in enumerate(wanted):
        shape = shapes[at] if at < len(shapes) and shapes[at] else values.shape
        tensors.append(built.Tensor(f"out{at}", shape, to, **_range(kind, to, values, like)))
    inputs, outputs = list(range(len(given))), list(range(len(given), len(tensors)))
    table = _TABLES.get(kind, kind.title().replace("_", "")) + "Options"
    operator = built.Operator(
        kind, inputs, outputs, table if hasattr(tflite.BuiltinOptions, table) else "", options, version
    )
    variable = [at for at in inputs if not given[at].constant]
    content = built.content(built.File([built.Graph(tensors, [operator], variable, outputs)]))
    return Form(kind, dtype, f"{kind} {dtype} {words}".rstrip(), content, [given[at].data for at in variable], wanted)


def drawn(random, dtype, shape, scale, point=None) -> Value:
    """Integers of the whole range, with a zero point that is not in its middle."""
    low, high = ENDS[dtype]
    point = (-7 if dtype == "int8" else 0) if point is None else point
    return Value(np.asarray(random.randint(low, high + 1, shape), dtype), (scaled(dtype, scale),), (point,))


def every(dtype, scale, point=0, *, positive=False) -> Value:
    """All integers of a type, of 16 bits a part of them; of numbers above 0 alone, if that is asked for."""
    low, high = ENDS[dtype]
    data = np.arange(low, high + 1) if dtype == "int8" else np.append(np.arange(low, high, 13), high)
    data = data[data > point] if positive else data
    return Value(data.astype(dtype)[np.newaxis], (scaled(dtype, scale),), (point,))


def scaled(dtype, scale):
    """The scale of 8 bits, or one that gives 16 bits about its range."""
    return scale if dtype == "int8" else scale / 200


def kernel(random, shape, axis, *, each=True) -> Value:
    """Weights of int8 with a scale for each place along an axis, or one."""
    count = shape[axis] if each else 1
    scales = tuple(0.002 + 0.0005 * at for at in range(count))
    return Value(random.randint(-127, 128, shape).astype(np.int8), scales, (0,) * count, axis, constant=True)


def bias(random, dtype, x, weights, *, wide=True) -> Value:
    """What is added to sums of products; beside activations of 16 bits it has 64 bits, unless it is not ``wide``."""
    scales = tuple(float(np.float32(x.scales[0]) * np.float32(scale)) for scale in weights.scales)
    kind = np.int64 if dtype == "int16" and wide else np.int32
    data = random.randint(-20000, 20000, weights.data.shape[weights.axis]).astype(kind)
    return Value(data, scales, (0,) * len(scales), constant=True)


def whole(numbers) -> Value:
    """A constant of numbers that are as they are: axes, sizes, places."""
    return Value(np.asarray(numbers, np.int32), constant=True)


def by(shape):
    return "x".join(map(str, shape)) or "scalar"


def _input(value, at):
    data = value.data if value.constant else None
    return built.Tensor(
        f"in{at}", value.data.shape, value.data.dtype.name, data, value.scales, value.points, value.axis
    )


def _range(kind, dtype, wanted, like):
    if dtype not in ENDS:
        return {}
    (low, high), (least, most) = ENDS[dtype], _ends(wanted)
    if (kind, dtype) in FIXED:
        scale, point = FIXED[kind, dtype]
    elif like:
        scale, point = like.scales[0], like.points[0]
    elif dtype == "int16":
        scale, point = max(-least, most) / high or 1, 0
    else:
        scale = (most - least) / (high - low) or 1
        point = round(low - least / scale)
    return {"scales": [scale], "zero_points": [point]}


def _ends(wanted):
    finite = wanted[np.isfinite(wanted)]
    return min(0, float(finite.min())), max(0, float(finite.max()))


def _field(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


def _word(name, value):
    return _NAMES[name][value] if name in _NAMES else str(value).lower()
