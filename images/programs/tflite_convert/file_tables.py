"""A .tflite file as the tables that lie in it: they are read, without the objects that `flatbuffer` makes of them."""

import functools
from typing import List, NamedTuple, Optional

from tensorflow.lite.python import schema_py_generated as schema

from . import newer_operators
from .passes import editing

KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
KINDS.update({number: name for name, number in newer_operators.NUMBERS.items()})
TYPES = {number: name.lower() for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
TYPES[editing.INT4] = "int4"


class Tensor(NamedTuple):
    """A tensor; ``buffer`` is the place of its numbers, ``quantization`` the table of its ``scales``, so many."""

    name: bytes
    type: str
    shape: List[int]
    variable: bool
    buffer: int
    quantization: Optional[schema.QuantizationParameters]
    scales: int


class Operator(NamedTuple):
    """An operator: its kind by its name in the schema, as CONV_2D, or a custom one's own name, as FlexAddV2; the places
    of the tensors that it reads, -1 for one that it goes without, and of those that it gives; and its table.
    """

    kind: str
    inputs: List[int]
    outputs: List[int]
    table: schema.Operator


class Graph:
    """A graph of a model. Tables are slow to read: each is read once."""

    def __init__(self, model, at):
        self._model = model
        self.table = model.Subgraphs(at)

    @functools.cached_property
    def tensors(self):
        return [_tensor(self.table.Tensors(at)) for at in range(self.table.TensorsLength())]

    @functools.cached_property
    def operators(self):
        kind = functools.lru_cache(maxsize=None)(lambda at: _kind(self._model.OperatorCodes(at)))
        tables = [self.table.Operators(at) for at in range(self.table.OperatorsLength())]
        return [
            Operator(kind(table.OpcodeIndex()), _list(table.InputsAsNumpy()), _list(table.OutputsAsNumpy()), table)
            for table in tables
        ]

    @property
    def inputs(self):
        """The places of its inputs."""
        return _list(self.table.InputsAsNumpy())

    @property
    def outputs(self):
        """The places of its outputs."""
        return _list(self.table.OutputsAsNumpy())


class File:
    """A file, read from its bytes: the table of its ``model``, and its ``graphs``."""

    def __init__(self, content):
        self.model = schema.Model.GetRootAsModel(content, 0)
        self.graphs = [Graph(self.model, at) for at in range(self.model.SubgraphsLength())]

    @property
    def tensors(self):
        """Those of all of its graphs."""
        return [tensor for graph in self.graphs for tensor in graph.tensors]

    def has_numbers(self, tensor):
        """Whether a tensor is a constant."""
        return self.model.Buffers(tensor.buffer).DataLength() > 0


def _tensor(table):
    quantization = table.Quantization()
    return Tensor(
        name=table.Name(),
        type=TYPES[table.Type()],
        shape=_list(table.ShapeAsNumpy()),
        variable=table.IsVariable(),
        buffer=table.Buffer(),
        quantization=quantization,
        scales=quantization.ScaleLength() if quantization else 0,
    )


def _list(vector):
    """A vector of a table, which is 0 where the table has none."""
    return [] if isinstance(vector, int) else vector.tolist()


def _kind(code):
    # The first field had room for 127 operators; later ones stand in the second alone.
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    return code.CustomCode().decode() if number == schema.BuiltinOperator.CUSTOM else KINDS[number]
