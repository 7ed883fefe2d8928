"""Which layers add to the error of a variant: what `pinlite debug` finds."""

from typing import Literal

from pydantic import Field

from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen

# What `pinlite.stages.trace` calls the operator of an input.
_INPUT = "Input"


class Layer(Frozen):
    """A node of the ONNX graph in several runtimes, against onnxruntime. `pinlite.debugging.layer_errors` says what the
    figures mean.

    ``value`` is ONNX's name of the tensor; ``includes`` are the nodes before it whose own tensors the variant's file
    doesn't have: what they add is part of what it adds. ``errors`` are by runtime: ``torch`` where it was asked,
    ``tensorflow``, and variants of the TFLite file. ``added`` is what the layer adds to the variant's error. ``module``
    is the name of PyTorch's module that gives the value ("" is the model itself), None where none does.
    """

    name: str
    operator: str
    value: str
    includes: tuple[str, ...]
    errors: dict[str, float]
    added: float
    module: str | None = None

    @property
    def is_input(self) -> bool:
        """Whether it is no node of the graph, but an input, whose own rounding adds to the error."""
        return self.operator == _INPUT


class DebugReport(Frozen):
    """Where a variant's outputs drift: its layers, the one that adds most to the error first.

    ``torch`` is by output what onnxruntime differs from torch itself, as ``max_rel_error`` of the conversion; empty
    where the source was no PyTorch model. ``torch_left_out`` says why its modules are not among the runtimes.
    """

    report_schema: Literal["pinlite.debug/1"] = Field("pinlite.debug/1", alias="schema")
    source: str
    variant: VariantName
    torch: dict[str, float | None]
    torch_left_out: str = ""
    layers: tuple[Layer, ...]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
