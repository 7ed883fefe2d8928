"""What is said of a file: it is right, or pinlite told that it isn't, or nobody did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from families import Case
from numpy.typing import NDArray

Array = NDArray[Any]
Verdict = Literal["right", "alarm", "told", "silent", "internal"]

# alarm: right, and told that it is not. The last two are failures of the sweep.
VERDICTS: tuple[Verdict, ...] = ("right", "alarm", "told", "silent", "internal")
FAILURES = ("silent", "internal")

PARITY = 7
STATUSES = {0, 2, 3, PARITY}  # those of a command that knows what it says: done, usage, model, parity

# Figures of a fault that are worth printing.
_SHOWN = 6


@dataclass(frozen=True)
class Fault:
    """One output in one runtime that is wrong. ``error`` is over the largest magnitude; None: that says nothing."""

    runtime: str
    profile: str
    output: int
    error: float | None
    words: str

    def __str__(self) -> str:
        where = f"{self.runtime}, {self.profile}, output {self.output}" if self.profile else self.runtime
        return f"{where}: {self.words}"


@dataclass(frozen=True)
class Outcome:
    """What came of a variant of a case. ``words`` are pinlite's own."""

    case: str
    family: str
    variant: str
    verdict: Verdict
    status: int | None
    words: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.case}/{self.variant}"


def verdict(status: int | None, words: str, faults: Sequence[Fault], *, made: bool) -> Verdict:
    """Of a file that was ``made`` or not, by a command that ended with a status (None: never) and said ``words``."""
    if status not in STATUSES or (not made and not words):
        return "internal"
    if made and not faults:
        return "alarm" if status and words else "right"
    return "told" if words else "silent"


def said(report: Mapping[str, Any], variant: str, outputs: range) -> tuple[int, str]:
    """What a report says against those outputs of a variant (that it failed, that a hop differs or channels are lost, a
    warning), and with what a command for it alone would have ended.
    """
    for failure in report["failures"]:
        if failure["variant"] == variant:
            return failure["exit_status"], failure["message"]
    names = list(dict.fromkeys(hop["output"] for hop in report["hops"]))[slice(outputs.start, outputs.stop)]
    hops = [
        f"{hop['from']} and {hop['to']} differ in {hop['output']} by {hop['max_rel_error']}"
        for hop in report["hops"]
        if not hop["passed"] and hop["variant"] in (variant, None) and hop["output"] in names
    ]
    lost = [
        f"channels of {each['output']} are lost"
        for each in report.get("lost", [])
        if each["failed"] and each["variant"] == variant and each["output"] in names
    ]
    warnings = [each["message"] for each in report.get("warnings", []) if each["variant"] in (variant, None)]
    return (PARITY if hops or lost else 0), "; ".join(hops + lost + warnings)


def needs_select_tf(report: Mapping[str, Any], variant: str) -> bool:
    """Whether a report says so, and with it that only a runtime with Select-TF operators can run the variant."""
    return any(each["select_tf"] for each in report["variants"] if each["name"] == variant)


def difference(
    found: Array, right: Array, bound: float, magnitude: float, *, by_channel: bool = False, finite_only: bool = False
) -> tuple[float | None, str] | None:
    """How far an output is from the right one, or None where that is within the bound: (error, words).

    The error is over ``magnitude``, or with ``by_channel`` over each channel's own. Integers that are no quantized
    numbers and booleans must be equal; numbers that are not finite must be the same, or anything with ``finite_only``.
    """
    if found.shape != right.shape:
        return None, f"its shape is {list(found.shape)}, right is {list(right.shape)}"
    if right.dtype.kind != "f":
        if found.dtype.kind == "f":
            return None, f"it is of {found.dtype}, right is {right.dtype}"
        wrong = found != right
        return (None, _shown(found, right, wrong)) if wrong.any() else None
    got, wanted = found.astype(np.float64), right.astype(np.float64)
    finite = np.isfinite(wanted)
    odd = np.where(finite, ~np.isfinite(got), (got != wanted) & ~(np.isnan(got) & np.isnan(wanted)))
    odd &= finite | (not finite_only)
    if odd.any():
        return None, _shown(found, right, odd)
    distances = np.abs(np.where(finite, np.nan_to_num(got), 0) - np.where(finite, wanted, 0))
    largest = _by_channel(np.abs(np.where(finite, wanted, 0))) if by_channel else magnitude
    errors = distances / np.where(np.equal(largest, 0), 1, largest)
    error = float(errors.max(initial=0))
    return (error, _shown(found, right, errors > bound)) if error > bound else None


def largest(arrays: Sequence[Array]) -> float:
    """The largest magnitude of finite numbers."""
    finite = [np.abs(array[np.isfinite(array)].astype(np.float64)).max(initial=0) for array in arrays]
    return float(max(finite, default=0))


def misnamed(case: Case, ran: Mapping[str, Any]) -> str:
    """What is wrong with the names and the order of a file's inputs and outputs, or "".

    A signature has the names where there is one, else the tensors have.
    """
    right = {"inputs": [each.name for each in case.inputs], "outputs": list(case.names)}
    if ran["signature"]:
        found = {side: sorted(ran["signature"][side], key=ran["signature"][side].get) for side in right}
    else:
        found = {side: ran[side] for side in right}
    return "" if found == right else f"the file has {found}, right is {right}"


def _by_channel(array: Array) -> Array:
    """The largest of each channel, in a shape that goes with the array's."""
    axes = tuple(axis for axis in range(array.ndim) if axis != 1)
    return array.max(axis=axes, keepdims=True)


def _shown(found: Array, right: Array, wrong: Array) -> str:
    got, wanted = (", ".join(map(_figure, array[wrong][:_SHOWN].tolist())) for array in (found, right))
    return f"{int(wrong.sum())} of {wrong.size} are wrong: {got}; right: {wanted}"


def _figure(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
