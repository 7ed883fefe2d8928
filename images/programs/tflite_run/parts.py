"""The contents of a .tflite file as plain values, read from bytes that are not trusted."""

import functools
import hashlib
import re
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from stagekit import StageError, interpreter

from .tflite_file import DAMAGE, TYPES

# In bytes: what a table counts for, and the most that all of a file but its weights may count for. No model has more.
_TABLE = 64
_MOST = 2**26

_NO_DATA = np.zeros(0, np.uint8)
# Options whose numbers have names.
_ENUMERATED = {
    "fused_activation_function": tflite.ActivationFunctionType,
    "idx_out_type": tflite.TensorType,
    "in_data_type": tflite.TensorType,
    "kernel_type": tflite.LSTMKernelType,
    "mode": tflite.MirrorPadMode,
    "out_data_type": tflite.TensorType,
    "out_type": tflite.TensorType,
    "output_type": tflite.TensorType,
    "padding": tflite.Padding,
    "quantized_bias_type": tflite.TensorType,
    "weights_format": tflite.FullyConnectedOptionsWeightsFormat,
}


class Buffer(NamedTuple):
    """Bytes, [n] of uint8; ``sha256`` is empty where there are none."""

    data: np.ndarray
    sha256: str


class Quantization(NamedTuple):
    """Integers stand for ``scale * (integer - zero point)``: one scale, or one for each place along ``axis``; none
    where the tensor is not quantized. ``seen`` are the smallest and largest numbers that a converter noted.
    """

    scales: Tuple[float, ...] = ()
    zero_points: Tuple[int, ...] = ()
    axis: int = 0
    seen: Tuple[Tuple[float, ...], ...] = ((), ())
    custom: str = ""


class Tensor(NamedTuple):
    """``shape`` is what the file allocates, ``signature`` the same with -1 for sizes left open. ``buffer`` is the place
    of its ``constant``; a tensor that is computed has an empty one. ``sparsity`` is how a sparse constant is laid out.
    """

    name: str
    shape: Tuple[int, ...]
    signature: Tuple[int, ...]
    dtype: str
    quantization: Quantization
    buffer: int
    constant: Buffer
    variable: bool
    sparsity: Tuple[Any, ...]


class Operator(NamedTuple):
    """``kind`` is a builtin's name, or CUSTOM and a custom one's own; ``options`` are in words, by the schema's names.
    Tensors are places in the graph, and -1 where an operator goes without.
    """

    kind: str
    version: int
    options: Dict[str, str]
    inputs: Tuple[int, ...]
    outputs: Tuple[int, ...]
    intermediates: Tuple[int, ...]


class Graph(NamedTuple):
    name: str
    tensors: List[Tensor]
    operators: List[Operator]
    inputs: Tuple[int, ...]
    outputs: Tuple[int, ...]


class Signature(NamedTuple):
    """``inputs`` and ``outputs`` are [(name, tensor's place in the graph)]."""

    key: str
    graph: int
    inputs: List[Tuple[str, int]]
    outputs: List[Tuple[str, int]]


class Model(NamedTuple):
    """``codes`` are the operators that the file declares, [(kind, version)]."""

    version: int
    description: str
    graphs: List[Graph]
    signatures: List[Signature]
    metadata: List[Tuple[str, Buffer]]
    codes: List[Tuple[str, int]]
    buffers: List[Buffer]


def read(path):
    """The Model of a file. Raises a StageError of kind ``usage`` for a damaged file, or one that is no TFLite file."""
    content = interpreter.content(path)
    try:
        return _Reader(content).model(tflite.Model.GetRootAsModel(content, 0))
    except DAMAGE as error:
        message = "this TFLite file is damaged: {}".format(error)
        raise StageError("usage", message, interpreter.CONVERT_AGAIN) from error


class _Reader:
    """Follows every offset of a file once, and counts: where vectors overlap, a small file has parts without end."""

    def __init__(self, content):
        self._content = content
        self._left = min(_MOST, 4 * len(content) + 2**20)
        self._data_left = 2 * len(content)

    def model(self, root):
        buffers = [self._buffer(each) for each in self._tables(root, "Buffers")]
        codes = [self._code(each) for each in self._tables(root, "OperatorCodes")]
        graphs = [self._graph(each, codes, buffers) for each in self._tables(root, "Subgraphs")]
        if not graphs:
            raise ValueError("it holds no graph")
        return Model(
            root.Version(),
            self._text(root.Description()),
            graphs,
            [self._signature(each, graphs) for each in self._tables(root, "SignatureDefs")],
            [
                (self._text(each.Name()), _at(buffers, each.Buffer(), "buffer"))
                for each in self._tables(root, "Metadata")
            ],
            codes,
            buffers,
        )

    def _graph(self, table, codes, buffers):
        tensors = [self._tensor(each, buffers) for each in self._tables(table, "Tensors")]
        operators = [self._operator(each, codes) for each in self._tables(table, "Operators")]
        inputs, outputs = self._numbers(table, "Inputs"), self._numbers(table, "Outputs")
        for place in inputs + outputs:
            _at(tensors, place, "tensor")
        for operator in operators:
            for place in operator.inputs + operator.outputs + operator.intermediates:
                _at(tensors, max(place, 0), "tensor")
        return Graph(self._text(table.Name()), tensors, operators, inputs, outputs)

    def _tensor(self, table, buffers):
        shape = self._numbers(table, "Shape")
        return Tensor(
            self._text(table.Name()),
            shape,
            self._numbers(table, "ShapeSignature") or shape,
            TYPES.get(table.Type(), "type {}".format(table.Type())).lower(),
            self._quantization(table.Quantization()),
            table.Buffer(),
            _at(buffers, table.Buffer(), "buffer"),
            bool(table.IsVariable()),
            self._sparsity(table.Sparsity()),
        )

    def _quantization(self, table):
        if table is None:
            return Quantization()
        custom = ""
        if table.DetailsType() == tflite.QuantizationDetails.CustomQuantization:
            details = tflite.CustomQuantization()
            details.Init(table.Details().Bytes, table.Details().Pos)
            custom = self._opaque(details, "Custom")
        return Quantization(
            self._numbers(table, "Scale"),
            self._numbers(table, "ZeroPoint"),
            table.QuantizedDimension(),
            (self._numbers(table, "Min"), self._numbers(table, "Max")),
            custom,
        )

    def _sparsity(self, table):
        if table is None:
            return ()
        order = (self._numbers(table, "TraversalOrder"), self._numbers(table, "BlockMap"))
        return order + tuple(
            (
                each.Format(),
                each.DenseSize(),
                self._places(each.ArraySegmentsType(), each.ArraySegments()),
                self._places(each.ArrayIndicesType(), each.ArrayIndices()),
            )
            for each in self._tables(table, "DimMetadata")
        )

    def _places(self, kind, table):
        kinds = {number: name for name, number in vars(tflite.SparseIndexVector).items() if not name.startswith("_")}
        if not kind or table is None:
            return ()
        vector = getattr(tflite, kinds[kind])()
        vector.Init(table.Bytes, table.Pos)
        return self._numbers(vector, "Values")

    def _code(self, table):
        # The first field had room for 127 operators; later ones stand in the second alone.
        number = max(table.DeprecatedBuiltinCode(), table.BuiltinCode())
        if number == tflite.BuiltinOperator.CUSTOM:
            return "CUSTOM " + self._text(table.CustomCode()), table.Version()
        return BUILTIN_OPCODE2NAME.get(number, "operator {}".format(number)), table.Version()

    def _operator(self, table, codes):
        kind, version = _at(codes, table.OpcodeIndex(), "operator code")
        options = self._options(tflite.BuiltinOptions, table.BuiltinOptionsType(), table.BuiltinOptions())
        options.update(self._options(tflite.BuiltinOptions2, table.BuiltinOptions2Type(), table.BuiltinOptions2()))
        if table.CustomOptionsLength():
            options["custom_options"] = self._opaque(table, "CustomOptions")
        if table.LargeCustomOptionsOffset() > 1:
            apart = self._apart(table.LargeCustomOptionsOffset(), table.LargeCustomOptionsSize())
            options["custom_options"] = _digested(self._buffered(apart))
        if table.MutatingVariableInputsLength():
            options["mutating_variable_inputs"] = _in_words("", self._numbers(table, "MutatingVariableInputs"))
        tensors = [self._numbers(table, field) for field in ("Inputs", "Outputs", "Intermediates")]
        return Operator(kind, version, options, *tensors)

    def _options(self, union, number, table):
        """Every field of an operator's options in words, by its name in the schema."""
        if not number or table is None:
            return {}
        names = {value: name for name, value in vars(union).items() if not name.startswith("_")}
        if number not in names:
            return {"options": "of kind {}, which a newer schema has".format(number)}
        options = getattr(tflite, names[number])()
        options.Init(table.Bytes, table.Pos)
        found = {}
        for field, name in _fields(type(options)):
            if hasattr(options, field + "AsNumpy"):
                value = self._numbers(options, field)
            else:
                value = getattr(options, field)()
                value = self._text(value) if isinstance(value, bytes) or value is None else value
            found[name] = _in_words(name, value)
        return found

    def _signature(self, table, graphs):
        graph = _at(graphs, table.SubgraphIndex(), "graph")
        sides = []
        for field in ("Inputs", "Outputs"):
            sides.append([(self._text(each.Name()), each.TensorIndex()) for each in self._tables(table, field)])
            for _, place in sides[-1]:
                _at(graph.tensors, place, "tensor")
        return Signature(self._text(table.SignatureKey()), table.SubgraphIndex(), *sides)

    def _buffer(self, table):
        # Files beyond 2 GiB keep their weights behind the flatbuffer.
        if table.Offset() > 1:
            return self._buffered(self._apart(table.Offset(), table.Size()))
        return self._buffered(table.DataAsNumpy() if table.DataLength() else _NO_DATA)

    def _buffered(self, data):
        self._data_left -= data.nbytes
        if self._data_left < 0:
            raise ValueError("its buffers overlap")
        return Buffer(data, hashlib.sha256(data).hexdigest() if data.size else "")

    def _apart(self, offset, size):
        return np.frombuffer(self._content, np.uint8, size, offset) if size else _NO_DATA

    def _opaque(self, table, field):
        return _digested(self._buffered(getattr(table, field + "AsNumpy")()))

    def _tables(self, owner, field):
        count = getattr(owner, field + "Length")()
        self._spend(_TABLE * count)
        return [getattr(owner, field)(at) for at in range(count)]

    def _numbers(self, owner, field):
        count = getattr(owner, field + "Length")()
        if not count:
            return ()
        found = getattr(owner, field + "AsNumpy")()
        self._spend(found.nbytes)
        return tuple(found.tolist())

    def _text(self, text):
        text = text or b""
        self._spend(len(text))
        return text.decode("utf-8", "backslashreplace")

    def _spend(self, size):
        self._left -= size
        if self._left < 0:
            raise ValueError("it holds more parts than its bytes have room for")


def _at(values, place, what):
    if not 0 <= place < len(values):
        raise IndexError("{} {} of {}".format(what, place, len(values)))
    return values[place]


def _digested(buffer):
    return "{} bytes, sha256 {}".format(buffer.data.size, buffer.sha256[:16])


@functools.lru_cache(maxsize=None)
def _fields(table):
    """The fields of a class of tables: as its methods are called, and as the schema has them."""
    methods = [name for name in vars(table) if name[0] != "_" and name != "Init" and not name.startswith("GetRootAs")]
    fields = [name for name in methods if not re.search("(AsNumpy|Length|IsNone|HasIdentifier)$", name)]
    return [(field, re.sub("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", field).lower()) for field in fields]


def _in_words(name, value):
    if isinstance(value, tuple):
        return "[{}]".format(", ".join(map(str, value)))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "{:.9g}".format(value)
    enumerated = vars(_ENUMERATED[name]) if name in _ENUMERATED else {}
    return next((word for word, number in enumerated.items() if number == value and word[0] != "_"), str(value))
