"""Each integer operator alone: what it made of the integers that it read, beside the real numbers they stand for."""

from typing import NamedTuple

import numpy as np

from stagekit import arrays, interpreter

from .. import int4, real_numbers
from .finding import named
from .integer_operators import is_quantized
from .tensors import ENDS

_SEED = 0
# Of integers these give numbers of other kinds.
_FROM_INTEGERS = ("DEQUANTIZE", "ARG_MAX", "ARG_MIN")
_FLOATS = ("float16", "float32", "float64")
# A rounding that is this near to the middle can go either way.
_TIE = 1e-3
# The kernels of floats count in integers of 32 bits.
_FARTHEST = 2.0**31
# What a definition raises for a form of its operator that it doesn't know. A stranger's file can have forms that nobody
# thought of, of which numpy says so: they count as unchecked, never as right.
_UNKNOWN = (real_numbers.UnknownFormError, ValueError, IndexError, TypeError, KeyError)


class Off(NamedTuple):
    """An operator that gave other integers than it should: at most ``steps`` away, where ``allowed`` are right, in a
    ``share`` of its values.
    """

    where: str
    tensor: str
    type: str
    steps: int
    allowed: int
    share: float


class Computed(NamedTuple):
    """Places of operators in the graph: those that were ``checked``, integer ones that could not be, and those that
    compute in ``floats``; ``off`` are the checked ones that are not exact, as Off.
    """

    checked: list
    off: list
    unchecked: list
    floats: list


def computed(graph, runner, samples, signed):
    """What a graph's operators computed on the samples, a file or None for drawn ones, as Computed.

    The ``runner`` is an interpreter that keeps all tensors, ``signed`` the inputs of the file's signature.
    """
    inputs = interpreter.bind(runner.get_input_details(), [], signed)
    interpreter.feed(runner, inputs, drawn(graph, inputs) if samples is None else arrays.read(samples))
    interpreter.invoke(runner)
    found = Computed([], [], [], [])
    for at, operator in enumerate(graph.operators):
        if is_integer(graph, operator):
            check(graph, at, runner.get_tensor, found)
        elif any(graph.tensors[place].dtype in _FLOATS for place in operator.outputs) and operator.kind != "DEQUANTIZE":
            found.floats.append(at)
    return found


def drawn(graph, inputs):
    """Samples for inputs by their details: integers of the whole range, floats of the range that is quantized first."""
    random = np.random.RandomState(_SEED)
    found = {}
    for name, detail in inputs.items():
        shape, kind = tuple(detail["shape"]), np.dtype(detail["dtype"])
        if kind.kind == "f":
            low, high = _range(graph, detail["index"])
            found[name] = random.uniform(low, high, shape).astype(kind)
        elif kind.name in ENDS:
            found[name] = random.randint(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
        else:
            found[name] = random.randint(0, 2, shape).astype(kind)
    return found


def _range(graph, place):
    for operator in graph.operators:
        if operator.kind == "QUANTIZE" and operator.inputs[0] == place:
            tensor = graph.tensors[operator.outputs[0]]
            return tuple(_real(np.array(end), tensor) for end in ENDS[tensor.dtype])
    return -1, 1


def is_integer(graph, operator):
    """Whether an operator computes with integers that stand for other numbers."""
    if operator.kind in _FROM_INTEGERS:
        return is_quantized(graph.tensors[operator.inputs[0]])
    return any(is_quantized(graph.tensors[place]) for place in operator.outputs)


def check(graph, at, values, found):
    """Put an operator with what it read and made, ``values`` by their places, into a Computed."""
    operator = graph.operators[at]
    definition = real_numbers.DEFINITIONS.get(operator.kind)
    try:
        given = [values(place) for place in operator.outputs]
        if definition is None:
            raise real_numbers.UnknownFormError(operator.kind)
        read = [_read(values, place, graph.tensors[place]) if place >= 0 else None for place in operator.inputs]
        call = real_numbers.Call(operator.options, read, [each.shape for each in given])
        steps = [
            _steps(graph, operator, place, made, wanted)
            for place, made, wanted in zip(operator.outputs, given, real_numbers.computed(operator.kind, call))
        ]
    except _UNKNOWN:
        found.unchecked.append(at)
        return
    kind = _type(graph, operator)
    allowed = definition.steps_of_16 if kind == "int16" else definition.steps
    found.checked.append(at)
    for place, away in zip(operator.outputs, steps):
        if away.size and away.max():
            share = float((away > 0).mean())
            name = graph.tensors[place].name
            found.off.append(Off(named(graph, at), name, kind, int(away.max()), allowed, share))


def _type(graph, operator):
    places = operator.inputs if operator.kind in _FROM_INTEGERS else operator.outputs
    return next(graph.tensors[place].dtype for place in places if place >= 0 and is_quantized(graph.tensors[place]))


def _read(values, place, tensor):
    """The real numbers of what an operator reads. Interpreters give no numbers of int4; constants are in the file."""
    if tensor.dtype != "int4":
        return _real(values(place), tensor)
    if not tensor.constant.data.size:
        raise real_numbers.UnknownFormError("computed int4")
    return _real(int4.numbers(tensor.constant.data, np.prod(tensor.shape)).reshape(tensor.shape), tensor)


def _real(values, tensor):
    """The real numbers that a tensor's values stand for; as they are where they are not quantized."""
    scales, points, axis = tensor.quantization[:3]
    if not scales:
        return values.astype(np.float64) if values.dtype.kind == "f" else values
    shape = [-1 if at == axis else 1 for at in range(values.ndim)] if len(scales) > 1 else ()
    points = np.reshape(np.asarray(points or (0,), np.float64), shape if len(points) > 1 else ())
    return (values.astype(np.float64) - points) * np.reshape(np.asarray(scales, np.float64), shape)


def _steps(graph, operator, place, given, wanted):
    """How many steps each value is away from the integer that is nearest to the real number."""
    tensor = graph.tensors[place]
    given = given.astype(np.float64)
    if np.shape(wanted) != given.shape:
        raise real_numbers.UnknownFormError("another shape")
    if is_quantized(tensor):
        low, high = ENDS[tensor.dtype]
        scale, point = tensor.quantization.scales[0], (tensor.quantization.zero_points or (0,))[0]
        wanted = wanted / scale + point
        if operator.kind == "QUANTIZE":
            # Floats without an integer of 32 bits, such as quotients of nearly 0 on drawn samples, are kernels' own.
            wanted = np.where(np.abs(wanted) < _FARTHEST, wanted, np.nan)
        wanted = np.clip(wanted, low, high)
    elif operator.kind == "DEQUANTIZE":
        scale = max(graph.tensors[operator.inputs[0]].quantization.scales)
        given, wanted = given / scale, wanted / scale
    away = np.abs(given - wanted)
    # Where the real numbers have no value the integers are free.
    return np.where(np.isfinite(away), np.ceil(away - 0.5 - _TIE), 0).clip(0, 2**31)
