"""What is in a TFLite file, whoever made it: what `pinlite inspect` finds."""

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from pinlite.schema.audit import Need
from pinlite.schema.diff import ComparedFile
from pinlite.schema.frozen import Frozen


class FileTensor(Frozen):
    """``shape`` is what the file has, ``open`` the places of sizes in it that are left open. ``size`` is in bytes, 0
    where the file doesn't tell it, as of text. Integers stand for ``scale * (integer - zero_point)``; where there is a
    scale for each of several ``channels``, these are the first.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    open: tuple[int, ...]
    size: int = Field(ge=0)
    constant: bool
    variable: bool
    scale: FiniteFloat | None = None
    zero_point: int | None = None
    channels: int = 0


class FileOperator(Frozen):
    """``inputs`` and ``outputs`` are places of its graph's tensors, -1 where it goes without.

    ``macs`` are its multiplications with an addition in one invocation; ``parameters`` the numbers in the constants
    that it reads, and ``weights`` their bytes. ``memory`` are the bytes of the activations that it reads and gives,
    ``alive`` those of all activations in use while it runs.
    """

    kind: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int = Field(ge=0)
    parameters: int = Field(ge=0)
    weights: int = Field(ge=0)
    memory: int = Field(ge=0)
    alive: int = Field(ge=0)


class FileGraph(Frozen):
    """``inputs`` and ``outputs`` are places of its tensors."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]

    @model_validator(mode="after")
    def _has_what_it_refers_to(self) -> Self:
        used = [place for each in self.operators for place in (*each.inputs, *each.outputs) if place != -1]
        if any(not 0 <= place < len(self.tensors) for place in (*self.inputs, *self.outputs, *used)):
            raise ValueError("a graph refers to a tensor that it does not have")
        return self


class NamedTensor(Frozen):
    """The name that a signature has for the tensor at a place of its graph."""

    name: str
    tensor: int = Field(ge=0)


class FileSignature(Frozen):
    key: str
    graph: int = Field(ge=0)
    inputs: tuple[NamedTensor, ...]
    outputs: tuple[NamedTensor, ...]


class FileMetadata(Frozen):
    """``size`` is in bytes."""

    name: str
    size: int = Field(ge=0)


class FileContents(Frozen):
    """``version`` is the schema's. ``parameters`` and ``weights``, in bytes, are those of the constants of all graphs;
    what several operators share counts once.
    """

    version: int
    description: str
    metadata: tuple[FileMetadata, ...]
    signatures: tuple[FileSignature, ...]
    graphs: tuple[FileGraph, ...] = Field(min_length=1)
    parameters: int = Field(ge=0)
    weights: int = Field(ge=0)

    @model_validator(mode="after")
    def _has_what_signatures_refer_to(self) -> Self:
        for each in self.signatures:
            tensors = self.graphs[each.graph].tensors if each.graph < len(self.graphs) else ()
            if any(named.tensor >= len(tensors) for named in (*each.inputs, *each.outputs)):
                raise ValueError("a signature refers to a tensor that the file does not have")
        return self


class DescribedTensor(Frozen):
    """What TFLite metadata says of an input or output. ``mean`` and ``std`` are of what goes in, pixels of 0 to 255 for
    an image, by channel or one for all; ``labels`` the names of classes.
    """

    name: str
    description: str
    mean: tuple[FiniteFloat, ...]
    std: tuple[FiniteFloat, ...]
    labels: tuple[str, ...]


class Described(Frozen):
    """What TFLite metadata says of a file; its inputs and outputs are in the order of the first graph. ``unread`` says
    why there is none, where the file has some that can't be read.
    """

    name: str = ""
    description: str = ""
    inputs: tuple[DescribedTensor, ...] = ()
    outputs: tuple[DescribedTensor, ...] = ()
    unread: str = ""


class OperatorTotal(Frozen):
    """All operators of a kind in a version with the same ``types``: of all that they read and give, each type once.
    ``release`` is the first of TensorFlow's whose runtime has them, empty where that is not known.
    """

    kind: str
    version: int
    types: tuple[str, ...]
    release: str
    count: int = Field(ge=1)
    macs: int = Field(ge=0)
    parameters: int = Field(ge=0)


class Peak(Frozen):
    """Where the activations take the most: ``size`` in bytes, at an operator of a graph, by their places."""

    size: int = Field(ge=0)
    graph: int = Field(ge=0)
    operator: int = Field(ge=0)


class InspectReport(Frozen):
    """What is in a TFLite file. ``described`` is what its TFLite metadata says, None without any.

    ``operators`` are totals by kind, version and types. ``macs`` count what is in a loop once. ``pair`` is the most
    that one operator's activations take, ``alive`` the most that all do which are in use at once: no runtime needs less
    room for them, unless it writes over what an operator still reads. ``least`` is the oldest release of TensorFlow
    whose runtime has all operators that are known, and runs each of several signatures; ``needs`` says which operators
    want which, the newest first; ``unknown`` are the others, as custom ones.
    """

    report_schema: Literal["pinlite.inspect/1"] = Field("pinlite.inspect/1", alias="schema")
    file: ComparedFile
    found: FileContents
    described: Described | None
    operators: tuple[OperatorTotal, ...]
    macs: int = Field(ge=0)
    pair: Peak | None
    alive: Peak | None
    least: str
    needs: tuple[Need, ...]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
