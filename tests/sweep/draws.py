"""The numbers that a case is run on: a profile by its name, or what a family wants of an input."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from families import Case, Input
from numpy.random import RandomState
from numpy.typing import NDArray

Array = NDArray[Any]

# How many samples integer variants take their ranges from, beside those that they are judged on.
CALIBRATION = 48

# Integers that no float32 holds, that need more than 8 and 16 bits, and the edges of those; and some beyond 32 bits,
# which no size, index or identifier has.
_WIDE = [40000, -40000, 127, 128, 255, 256, -129, 32767, 32768, 65537, 2**24 + 1, -(2**24) - 3, 2**30 + 7, 2**31 - 1]
_WIDER = [2**31, 2**32 + 5, -(2**31) - 1]


def _signed(r: RandomState, shape: tuple[int, ...]) -> Array:
    return r.randn(*shape).clip(-3, 3)


def _spiked(*values: float) -> Callable[[RandomState, tuple[int, ...]], Array]:
    def draw(r: RandomState, shape: tuple[int, ...]) -> Array:
        array = _signed(r, shape).ravel()
        array[r.permutation(array.size)[: len(values)]] = values[: array.size]
        return array.reshape(shape)

    return draw


FLOATS: dict[str, Callable[[RandomState, tuple[int, ...]], Array]] = {
    "signed": _signed,
    "zeros": lambda _, shape: np.zeros(shape),
    # A grid of few values, so that many are equal, and that lie on the edges of rounding and of activations.
    "ties": lambda r, shape: r.randint(-4, 5, size=shape) / 2,
    "large": lambda r, shape: 1e3 * _signed(r, shape),
    "huge": lambda r, shape: np.sign(r.randn(*shape)) * 10 ** r.uniform(5, 37, size=shape),
    "positive": lambda r, shape: np.abs(_signed(r, shape)) + 0.01,
    "negative": lambda r, shape: -np.abs(_signed(r, shape)) - 0.01,
    "infinite": _spiked(np.inf, -np.inf),
    "nan": _spiked(np.nan),
}


def samples(case: Case, profile: str, number: int = 0) -> list[Array]:
    """An array for each of the case's inputs; another one by ``number``."""
    return [
        _drawn(each, profile, RandomState(zlib.crc32(f"{case.name} {each.name} {profile} {number}".encode())))
        for each in case.inputs
    ]


def calibration(case: Case) -> list[Array]:
    """What integer variants of a case see: an array [samples, *shape] for each input, with all they are judged on."""
    first, *_ = case.integer_profiles
    drawn = [samples(case, profile) for profile in case.integer_profiles]
    drawn += [samples(case, first, number) for number in range(1, CALIBRATION + 1)]
    return [np.stack(arrays) for arrays in zip(*drawn, strict=True)]


def _drawn(each: Input, profile: str, r: RandomState) -> Array:
    dtype = np.dtype(each.dtype)
    if each.draw:
        array = np.asarray(eval(each.draw, {"np": np, "r": r}))
    elif dtype.kind == "f":
        array = FLOATS[profile](r, each.shape)
    else:
        array = _integers(profile, r, each.shape, dtype)
    return np.broadcast_to(array, each.shape).astype(dtype)


def _integers(profile: str, r: RandomState, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "b":
        return r.rand(*shape) < 0.5
    if profile == "zeros":
        return np.zeros(shape)
    limits = np.iinfo(dtype)
    if profile == "large":
        # Beyond what float32 holds, and yet so small that a few of them add up to 32 bits at most.
        return r.randint(max(-(2**27), limits.min), min(2**27, limits.max), size=shape) | 1
    if profile in ("wide", "wider"):
        fitting = [
            value for value in _WIDE + (_WIDER if profile == "wider" else []) if limits.min <= value <= limits.max
        ]
        return np.resize(r.permutation(fitting), shape)
    return r.randint(max(-9, limits.min), 10, size=shape)
