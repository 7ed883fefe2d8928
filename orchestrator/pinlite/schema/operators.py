"""The operators of the files of a conversion: operators.json."""

from pydantic import Field, FiniteFloat

from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen


class OperatorTensor(Frozen):
    """What an operator takes or gives. Integers stand for ``scale * (integer - zero_point)``; where there is a scale
    for each of several ``channels``, these are the first. ``seen`` are the least and the most real number of it that
    the quantizer has noted.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    constant: bool = False
    scale: FiniteFloat | None = None
    zero_point: int | None = None
    channels: int = 0
    seen: tuple[FiniteFloat, FiniteFloat] | None = None


class Operator(Frozen):
    """``macs`` are its multiplications with an addition in one invocation, as in the report."""

    kind: str
    inputs: tuple[OperatorTensor, ...]
    outputs: tuple[OperatorTensor, ...]
    macs: int


class FileOperators(Frozen):
    """Those of one file, of all of its graphs, in their order."""

    operators: tuple[Operator, ...]


class ConversionOperators(Frozen):
    """Those of each variant. ``modules`` are PyTorch's by the names of ONNX nodes, which tensors are called after."""

    modules: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    variants: dict[VariantName, FileOperators]

    def to_json(self) -> str:
        return self.model_dump_json(exclude_defaults=True) + "\n"
