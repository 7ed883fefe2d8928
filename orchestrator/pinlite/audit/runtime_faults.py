"""Operators that TFLite's runtimes are known to compute wrongly in valid files. Each row was seen with its operator
alone in a file, in a wrong runtime and in the first right one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pinlite.schema.report import Quantization


@dataclass(frozen=True)
class Fault:
    """The fault of an ``operator``, as `report.Quantization` names it, with activations of a ``type``. ``what`` says
    what runtimes of `PACKAGES` compute, ``since`` a version and before the ``right`` one.
    """

    operator: str
    type: str
    since: tuple[int, ...]
    right: tuple[int, ...]
    what: str

    def words(self, runtime: str) -> str:
        right = ".".join(map(str, self.right))
        return (
            f"{runtime} computes {self.operator} of {self.type} wrongly: {self.what}. "
            f"Runtimes are right from {right} on: run the file in one of these, or leave the variant out"
        )


# The packages that have TensorFlow's versions; ai-edge-litert has its own, and began later.
PACKAGES = ("tensorflow", "tensorflow-cpu", "tflite-runtime")

FAULTS = (
    Fault("LOGISTIC", "int16", (2, 4), (2, 7), "it is off by up to 0.65, of 1 (SiLU, GLU and LSTM contain one)"),
    Fault("TANH", "int16", (2, 4), (2, 7), "it is off by up to 0.62, of 1 (GELU and LSTM may contain one)"),
    Fault("LOG_SOFTMAX", "int8", (2, 4), (2, 7), "it is off by up to 0.56"),
    Fault(
        *("RESIZE_BILINEAR half_pixel_centers", "int8", (2, 4), (2, 7)),
        "the first row and column are computed from values beyond the edge",
    ),
)


def of(runtime: str, quantization: Quantization) -> Iterator[Fault]:
    """The faults that a runtime, as reports name it, has with the operators of a file."""
    yield from known(runtime, quantization.integer_operators)


def known(runtime: str, operators: Mapping[str, Mapping[str, int]]) -> Iterator[Fault]:
    """The same, with how often there is an operator of a type."""
    package, _, release = runtime.partition(" ")
    version = tuple(int(part) for part in release.split(".") if part.isdecimal())
    if package in PACKAGES:
        yield from (fault for fault in among(operators) if fault.since <= version < fault.right)


def among(operators: Mapping[str, Mapping[str, int]]) -> Iterator[Fault]:
    """The faults of any runtime with such operators."""
    return (fault for fault in FAULTS if fault.type in operators.get(fault.operator, {}))
