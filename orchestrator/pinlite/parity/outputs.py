"""Comparing the outputs that two runtimes computed from the same samples.

How far a variant may be from the reference: float32 by the recipe's tolerance, float16 by `HALF` (its weights have 11
bits, and networks are deep), unless the recipe says otherwise. How much 8 bits cost depends on the model: integer
variants are reported, not judged, unless the recipe has a tolerance for them. But any two of their runtimes must agree
with each other, and no output may be missing, of another shape, or NaN.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pinlite.errors import StageCrashError
from pinlite.inputs import npz
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Apart, Hop, Tensor

HALF = 2e-2

# Kernels round differently, and a deep network carries that on: up to 3 % of the largest output was seen, and if
# integers cost a network more than that, as much as they cost. So one runtime may be twice as far from the reference as
# the other, on its other side; a wrong kernel takes one of them farther. Outputs with few steps may differ by some of
# these, however large a step is.
AGREEMENT = 0.1
NOISE = 3
STEPS = 4

# How far float32's rounding may take an output, over the largest magnitude that it has on other samples, too: a sigmoid
# that is 1e-6 on some is as exact there as where it is 1.
ROUNDING = 4 * float(np.finfo(np.float32).eps)

_FORGED = "no stage writes such a file by itself: check what the model's own code does"

Array = NDArray[np.generic]
Arrays = Mapping[str, Array]


class Figures(NamedTuple):
    """How far an output is from the reference. ``relative`` is the difference over the reference's largest magnitude;
    None if that is 0 and the output's is not.
    """

    absolute: float
    relative: float | None
    cosine: float


def read(path: Path, *, empty: bool = False) -> dict[str, Array]:
    """Arrays by name, in the file's order; a StageCrashError if a stage wrote something else. With ``empty`` the file
    may have no arrays.
    """
    try:
        arrays = npz.read(path)
    except npz.NoArraysError as error:
        raise StageCrashError(f"{path.parent.name} wrote outputs that are not arrays: {error}", hint=_FORGED) from error
    if not (arrays or empty) or not all(array.dtype.kind in "biuf" for array in arrays.values()):
        raise StageCrashError(f"{path.parent.name} wrote outputs that are not arrays of numbers", hint=_FORGED)
    return arrays


def tolerance(recipe: Recipe, variant: VariantName) -> float | None:
    """How far a variant may be from the reference, over the largest magnitude; None if it is not judged."""
    rules = {"float32": recipe.tolerance, "float16": max(recipe.tolerance, HALF)}
    return recipe.variant_tolerances.get(variant, rules.get(variant))


def compare(
    origin: str,
    reference: Arrays,
    to: str,
    outputs: Arrays,
    tolerance: float | None,
    variant: VariantName | None = None,
    elsewhere: Arrays | None = None,
) -> list[Hop]:
    """One hop per output of the reference; an output that is missing does not pass. ``elsewhere`` is the reference on
    other samples of the same kind.
    """
    return [
        hop(origin, to, variant, name, figures(array, outputs.get(name)), _rounded(tolerance, array, elsewhere, name))
        for name, array in reference.items()
    ]


def _rounded(tolerance: float | None, array: Array, elsewhere: Arrays | None, name: str) -> float | None:
    """The tolerance, or what rounding alone may come to where an output is small that is large elsewhere; there it is
    held to no more than the tolerance.
    """
    other, own = (elsewhere or {}).get(name), _magnitude(array)
    if tolerance is None or other is None or other.dtype.kind != "f" or not own:
        return tolerance
    return max(tolerance, min(tolerance, ROUNDING) * _magnitude(other) / own)


def _magnitude(array: Array) -> float:
    return float(np.abs(array[np.isfinite(array)].astype(np.float64)).max(initial=0.0))


def agree(
    origin: str,
    first: Arrays,
    to: str,
    second: Arrays,
    variant: VariantName,
    tensors: tuple[Tensor, ...],
    *,
    reference: Arrays,
    judged: bool = True,
) -> list[Hop]:
    """One hop per output between two runtimes of a quantized variant; the arrays are real numbers, see `real`.

    Integers that are not quantized (classes, indices) are reported, not judged: one step may change them completely.
    """
    scales = {tensor.name: tensor.scale or 0.0 for tensor in tensors}
    hops = []
    for name, array in first.items():
        limit: float | None = None
        if judged and array.dtype.kind == "f":
            largest = float(np.abs(array).max(initial=0.0))
            apart = max(NOISE * _nearer(reference.get(name), array, second.get(name)), STEPS * scales.get(name, 0.0))
            limit = max(AGREEMENT, apart / largest if largest else 0.0)
        other = second.get(name)
        steps = _apart(array, other, scales.get(name, 0.0))
        hops.append(hop(origin, to, variant, name, figures(array, other), limit, apart=steps))
    return hops


def _apart(first: Array, second: Array | None, scale: float) -> Apart | None:
    """In steps of the scale; None where there is none, or the two can't be compared."""
    if not scale or figures(first, second) is None:
        return None
    assert second is not None, "it can be compared"
    finite = np.isfinite(first)
    steps = np.rint(np.abs(first[finite].astype(np.float64) - second[finite].astype(np.float64)) / scale)
    return Apart(values=steps.size, differing=int(np.count_nonzero(steps)), steps=int(steps.max(initial=0.0)))


def _nearer(reference: Array | None, first: Array, second: Array | None) -> float:
    """The largest difference of the nearer of two from the reference; 0 if they can't be compared with it."""
    if reference is None:
        return 0.0
    found = (figures(reference, array) for array in (first, second))
    return min((each.absolute for each in found if each), default=0.0)


def real(arrays: Arrays, tensors: tuple[Tensor, ...]) -> dict[str, Array]:
    """The real numbers that quantized integers stand for; other arrays unchanged."""
    steps = {tensor.name: (tensor.scale, tensor.zero_point) for tensor in tensors}
    found = dict(arrays)
    for name, array in arrays.items():
        scale, zero_point = steps.get(name, (None, None))
        if scale is not None and zero_point is not None and array.dtype.kind != "f":
            found[name] = (array.astype(np.float64) - zero_point) * scale
    return found


def hop(
    origin: str,
    to: str,
    variant: VariantName | None,
    output: str,
    found: Figures | None,
    tolerance: float | None,
    profile: str | None = None,
    apart: Apart | None = None,
) -> Hop:
    """The hop of an output's figures. None can't be compared, which passes only on a profile without a tolerance."""
    absolute, relative, cosine = found or (None, None, None)
    within = tolerance is None or (relative is not None and relative <= tolerance)
    return Hop(
        origin=origin,
        to=to,
        variant=variant,
        output=output,
        profile=profile,
        max_abs_error=absolute,
        max_rel_error=relative,
        cosine=cosine,
        tolerance=tolerance,
        passed=within and (found is not None or (tolerance is None and profile is not None)),
        apart=apart,
    )


def figures(reference: Array, output: Array | None, least: float = 0.0) -> Figures | None:
    """The figures, computed in float64; None for an output that is missing or has another shape. ``least`` is the
    least magnitude that counts as the reference's.

    Values that are NaN or infinite must be equal on both sides, else the result is None; the figures leave them out.
    """
    if output is None or output.shape != reference.shape:
        return None
    wanted = reference.astype(np.float64).ravel()
    got = output.astype(np.float64).ravel()
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], got[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return None
    wanted, got = wanted[finite], got[finite]
    if not wanted.size:
        return Figures(0.0, 0.0, 1.0)
    absolute = float(np.abs(wanted - got).max())
    scale = max(float(np.abs(wanted).max()), least)
    relative = absolute / scale if scale else (0.0 if absolute == 0 else None)
    norms = float(np.linalg.norm(wanted) * np.linalg.norm(got))
    cosine = float(wanted @ got) / norms if norms else (1.0 if absolute == 0 else 0.0)
    return Figures(absolute, relative, cosine)


def distance(reference: Array, output: Array | None) -> float:
    """The norm of the difference of an output from the reference, over the norm of the reference; the norm of the
    difference where the reference is all zeros.

    Values that are not finite in the reference don't count; one that is finite there and not in the output makes it
    infinite, and so does an output that is missing or has another shape.
    """
    if output is None or output.shape != reference.shape:
        return float("inf")
    finite = np.isfinite(reference)
    wanted, got = reference[finite].astype(np.float64), output[finite].astype(np.float64)
    if not np.isfinite(got).all():
        return float("inf")
    return float(np.linalg.norm(wanted - got) / (np.linalg.norm(wanted) or 1.0))
