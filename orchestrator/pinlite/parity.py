"""Comparing what two runtimes computed from the same samples."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinlite.errors import StageCrashError
from pinlite.model import Hop

# What numpy raises for a file that is no .npz, or a damaged one.
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)

Arrays = Mapping[str, NDArray[np.generic]]


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    """Arrays by name, in the file's order; a StageCrashError when a stage wrote something else."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise StageCrashError(f"{path.parent.name} wrote outputs that are no arrays: {error}") from error
    if not arrays or not all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in arrays.values()):
        raise StageCrashError(f"{path.parent.name} wrote outputs that are no arrays of numbers")
    return arrays


def compare(origin: str, reference: Arrays, to: str, outputs: Arrays, tolerance: float) -> list[Hop]:
    """One hop per output of the reference; an output that is missing does not pass."""
    return [_compare(origin, to, name, array, outputs.get(name), tolerance) for name, array in reference.items()]


def _compare(
    origin: str,
    to: str,
    name: str,
    reference: NDArray[np.generic],
    output: NDArray[np.generic] | None,
    tolerance: float,
) -> Hop:
    figures = None if output is None or output.shape != reference.shape else _figures(reference, output)
    absolute, relative, cosine = figures or (None, None, None)
    return Hop(
        origin=origin,
        to=to,
        output=name,
        max_abs_error=absolute,
        max_rel_error=relative,
        cosine=cosine,
        passed=relative is not None and relative <= tolerance,
    )


def _figures(
    reference: NDArray[np.generic], output: NDArray[np.generic]
) -> tuple[float, float | None, float | None] | None:
    """Largest absolute difference, the same over the reference's largest magnitude, and the cosine, in float64.

    Values that are no finite numbers must be the same on both sides; the figures are of the others.
    """
    wanted = reference.astype(np.float64).ravel()
    got = output.astype(np.float64).ravel()
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], got[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return None
    wanted, got = wanted[finite], got[finite]
    if not wanted.size:
        return 0.0, 0.0, 1.0
    absolute = float(np.abs(wanted - got).max())
    magnitude = float(np.abs(wanted).max())
    relative = absolute / magnitude if magnitude else (0.0 if absolute == 0 else None)
    norms = float(np.linalg.norm(wanted) * np.linalg.norm(got))
    cosine = float(wanted @ got) / norms if norms else (1.0 if absolute == 0 else 0.0)
    return absolute, relative, cosine
