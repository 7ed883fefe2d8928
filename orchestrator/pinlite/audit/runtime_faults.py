"""What TFLite's runtimes are known to compute wrongly of valid files. A row was seen with its operator alone in a file,
in a wrong runtime and in the first one that is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pinlite.schema.report import Quantization


@dataclass(frozen=True)
class Fault:
    """Of an operator, as `report.Quantization` names it, with activations of a type; ``what`` comes out, in runtimes of
    `PACKAGES` ``since`` a version and before the ``right`` one.
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
            f"Runtimes are right from {right} on: run the file in such a one, or leave the variant out"
        )


# Those whose versions are TensorFlow's; ai-edge-litert counts its own, which began later.
PACKAGES = ("tensorflow", "tensorflow-cpu", "tflite-runtime")

FAULTS = (
    Fault("LOGISTIC", "int16", (2, 4), (2, 7), "it is off by up to 0.65, of 1 (SiLU, GLU and LSTM have one, too)"),
    Fault("TANH", "int16", (2, 4), (2, 7), "it is off by up to 0.62, of 1 (GELU and LSTM may have one, too)"),
    Fault("LOG_SOFTMAX", "int8", (2, 4), (2, 7), "it is off by up to 0.56"),
    Fault(
        *("RESIZE_BILINEAR half_pixel_centers", "int8", (2, 4), (2, 7)),
        "the first row and column are made of values beyond the edge",
    ),
)


def of(runtime: str, quantization: Quantization) -> Iterator[Fault]:
    """Those that a runtime, as reports name it, meets in a file."""
    package, _, release = runtime.partition(" ")
    version = tuple(int(part) for part in release.split(".") if part.isdecimal())
    for fault in FAULTS if package in PACKAGES else ():
        if fault.since <= version < fault.right and fault.type in quantization.integer_operators.get(
            fault.operator, {}
        ):
            yield fault
