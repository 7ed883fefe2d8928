"""Output channels that an integer variant has made constant, and the samples on which it can be judged.

Ranges come from the calibration samples, so a variant can't be judged on samples beyond them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pinlite.parity import Array, Arrays
from pinlite.schema.choices import VariantName
from pinlite.schema.report import Lost

# (smallest, largest) by the input's name.
Ranges = Mapping[str, tuple[float, float]]

# How far a sample may lie beyond the range, as a part of it: a step of int8.
_SLACK = 1 / 255

# Values of a channel that differ by more than this part of the output's largest magnitude differ by more than rounding.
_MORE_THAN_ROUNDING = 1e-5
# A constant channel is lost if the reference's values differ by so many steps, or by this part of their own largest
# magnitude; not if they are all nearly the same large number. From half a step to so many steps, it may be rounding.
_STEPS, _HALF = 2, 0.5
_OF_ITSELF = 0.1
# Only a channel that varies less than another by this factor is lost to the common scale: among channels of equal size,
# one that is near 0 everywhere is normal.
_OTHER_SIZE = 32
_A_GOOD_PART = 0.1
# Fewer values don't show that a channel is constant.
_FEW = 4
# A channel that is mostly one value (like the 0 of a ReLU) is not judged by its few other values.
_OF_ONE_VALUE = 0.5
_BOXES = 3
# Four numbers of a box, and a score.
_DETECTED = 5
# A mask is at most this number, and at least so many times as far from 0 as every other value.
_MASK, _APART = -5e3, 100


def ranges(calibration: Arrays) -> dict[str, tuple[float, float]]:
    """The range of each float input, extended to 0, which every quantized range contains."""
    return {
        name: (min(float(array.min()), 0.0), max(float(array.max()), 0.0))
        for name, array in calibration.items()
        if array.dtype.kind == "f"
    }


def beyond(known: Ranges, samples: Arrays) -> bool:
    """Whether an input lies beyond its known range."""
    for name, (low, high) in known.items():
        slack = (high - low) * _SLACK
        if name not in samples:
            return True
        array = samples[name]
        if array.size and (array.min() < low - slack or array.max() > high + slack):
            return True
    return False


def lost(
    variant: VariantName,
    output: str,
    reference: Array | None,
    computed: Sequence[Array | None],
    scale: float | None,
    *,
    profile: str | None,
    chosen: bool,
) -> Lost | None:
    """The part of an output (in PyTorch's layout) that is constant in every runtime of a variant and not in the
    reference; None if there is none. ``computed`` has None for a runtime without this output.

    It ends the run if it is a good part of the output and the user has ``chosen`` the calibration samples.
    """
    if reference is None or reference.dtype.kind != "f" or reference.size < _FEW or not np.isfinite(reference).all():
        return None
    made = [array for array in computed if array is not None]
    if not made or any(array.shape != reference.shape for array in made):
        return None
    exact = reference.astype(np.float64)
    rounding = _MORE_THAN_ROUNDING * float(np.abs(exact).max())

    def spread(places: tuple[slice | int, ...]) -> float:
        return _spread(exact[places], rounding, scale)

    def found(axis: int | None, spreads: Mapping[int, float], size: int) -> Lost:
        return Lost(
            variant=variant,
            output=output,
            axis=axis,
            channels=tuple(spreads),
            size=size,
            spread=max(spreads.values()),
            scale=scale,
            profile=profile,
            failed=chosen and len(spreads) >= _A_GOOD_PART * size,
        )

    if not any(np.ptp(array) for array in made):
        return found(None, {0: spread(())}, 1) if spread(()) else None
    if own := _beside_a_mask(exact, made):
        return found(None, {0: own}, 1).model_copy(update={"mask": float(exact.min())})
    for axis in _axes(reference.shape):
        size = reference.shape[axis]
        if reference.size < _FEW * size:
            continue
        others = tuple(at for at in range(reference.ndim) if at != axis)
        constant = np.all([np.ptp(array, axis=others) == 0 for array in made], axis=0)
        spreads = {int(at): spread((*[slice(None)] * axis, int(at))) for at in np.flatnonzero(constant)}
        largest = float(np.ptp(exact, axis=others).max())
        spreads = {at: own for at, own in spreads.items() if own and own * _OTHER_SIZE <= largest}
        if spreads:
            return found(axis, spreads, size)
    return None


def _spread(own: NDArray[np.float64], rounding: float, scale: float | None) -> float:
    """How much the reference's values differ, if that is more than rounding and a step or two; else 0."""
    found = float(np.ptp(own))
    enough = _OF_ITSELF * float(np.abs(own).max())
    if scale is not None:
        enough = min(enough, _STEPS * scale)
        if _HALF * scale < found <= _STEPS * scale:
            return 0.0
    return found if found > max(enough, rounding) and np.mean(own == np.median(own)) <= _OF_ONE_VALUE else 0.0


def _beside_a_mask(exact: NDArray[np.float64], made: Sequence[Array]) -> float:
    """How much the unmasked values differ in the reference, if every runtime has made them constant; else 0."""
    mask = float(exact.min())
    kept = exact > mask / _APART
    if mask > _MASK or kept.sum() < _FEW or any(np.ptp(array[kept]) for array in made):
        return 0.0
    own = float(np.ptp(exact[kept]))
    return own if own > _MORE_THAN_ROUNDING * float(np.abs(exact[kept]).max()) else 0.0


def words(lost: Lost) -> str:
    """The message: what is wrong with the output, and why."""
    on = f" on the profile `{lost.profile}`" if lost.profile else ""
    differ = f"constant, but the reference's values differ by up to {lost.spread:.2g}{on}"
    scale = "A tensor has one scale for all its values" + (f", here {lost.scale:.2g} a step" if lost.scale else "")
    if lost.mask is not None:
        kept = f"the values of output {lost.output!r} that are not masked ({lost.mask:g})"
        return f"{lost.variant} has lost {kept}: they are {differ}. {scale}"
    if lost.axis is None:
        return f"{lost.variant} has lost output {lost.output!r}: it is {differ}. {scale}"
    return (
        f"{lost.variant} has lost {_numbers(lost.channels)} of {lost.size} along axis {lost.axis} of output "
        f"{lost.output!r}: they are {differ}. {scale}"
    )


def hint(lost: Lost) -> str:
    """The hint: what to do about it."""
    if lost.mask is not None:
        return "mask with a number near the other values, like -50, or outside of the model; float16 has no steps"
    return (
        "give the small values an output of their own (scores beside boxes), or scale both to one size in the model; "
        "int16x8 has smaller steps, float16 none"
    )


def _axes(shape: tuple[int, ...]) -> Iterator[int]:
    """The axes that may be channels: PyTorch's, and the last one, where detectors have the numbers of a box."""
    if len(shape) > 1:
        yield 1
    if len(shape) >= _BOXES and shape[-1] >= _DETECTED:
        yield len(shape) - 1


def _numbers(channels: Iterable[int]) -> str:
    """Like 4 and 5, or 5 to 84."""
    runs: list[list[int]] = []
    for channel in channels:
        if runs and channel == runs[-1][-1] + 1:
            runs[-1].append(channel)
        else:
            runs.append([channel])
    told = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " and ".join(map(str, run)) for run in runs]  # noqa: PLR2004
    return ", ".join(told)
