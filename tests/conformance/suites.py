"""What ONNX's own tests go through, as data: which of them, in which onnx, and the stages after that."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recipes import adding

from pinlite import toolchain
from pinlite.toolchain import ImageRecipe

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Step:
    """An operation of a stage program; ``inputs`` and ``outputs`` are files of a case's folder by role."""

    image: str
    program: str
    operation: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The tests that the onnx package of an image comes with, by the kinds that it sorts them into."""

    image: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """``lists`` is a file beside this one: what need not pass, and why. ``kinds`` are the reasons that it may give, any
    if there are none; ``most_inexpressible`` is the largest share of such cases. ``quick``: CI has time for each
    so-manieth case.
    """

    name: str
    sources: tuple[Source, ...]
    steps: tuple[Step, ...]
    lists: str
    quick: int
    kinds: tuple[str, ...] = ()
    most_inexpressible: float = 1.0


# The kind of what no TFLite runtime has an operator for.
OPERATOR = "operator"

# The files of a case, by the roles in which the step that makes them has them.
WRITTEN = {"model": "model.onnx", "samples": "samples.npz", "expected": "expected.npz"}

_ADAPT = Step(
    "onnx-adapt",
    "onnx_adapt.adapt",
    "adapt",
    {"model": "model.onnx", "samples": "samples.npz"},
    {"adapted": "adapted.onnx", "samples": "adapted.samples.npz", "outputs": "adapted.outputs.npz"},
    {"inputs": [], "seed": 0, "dequantize": False, "from_tensors": [], "to_tensors": []},
)
_CHECK = Step(
    "onnx",
    "onnx_check.check",
    "check",
    {"model": "adapted.onnx", "samples": "samples.npz"},
    {"simplified": "simplified.onnx", "samples": "checked.samples.npz"},
    {"inputs": [], "seed": 0},
)


def _case(model: str) -> Step:
    return Step("onnx-tf", "case", "case", {**WRITTEN, "model": model})


SUITES = {
    suite.name: suite
    for suite in (
        Suite("conformance", (Source("onnx", ("node",)),), (_case("model.onnx"),), "inexpressible.toml", quick=8),
        Suite(
            "conformance-new",
            (Source("onnx-adapt", ("node",)), Source("onnx", ("pytorch-converted", "pytorch-operator"))),
            (_ADAPT, _CHECK, _case("simplified.onnx")),
            "inexpressible_new.toml",
            quick=80,
            kinds=("dtype", "sequence", "training", "random", "shape", OPERATOR),
            most_inexpressible=0.35,
        ),
    )
}


def recipes() -> dict[str, ImageRecipe]:
    """The images of the toolchain with the runner's programs beside their own, by what stages call them.

    That of onnx-tf has the tensorflow image's programs, too.
    """
    images = toolchain.load().images
    cases = {"cases.py": HERE / "cases.py"}
    both = replace(images["onnx-tf"], files={**images["tensorflow"].files, **images["onnx-tf"].files})
    return {
        "onnx-adapt": adding(images["onnx-adapt"], "conformance-onnx-adapt", cases),
        "onnx": adding(images["onnx"], "conformance-onnx", cases),
        "onnx-tf": adding(both, "conformance-onnx-tf", {"case.py": HERE / "case.py"}),
    }
