"""The contents of a .tflite file, read from the file itself, without an interpreter."""

import struct
from collections import Counter

import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from stagekit import StageError, interpreter

TYPES = {number: name for name, number in vars(tflite.TensorType).items() if not name.startswith("_")}
# What the flatbuffers package raises for offsets that lead out of the file, or to something else than was expected.
DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError)


def read(path):
    """The Model table of a file. Every offset that a runtime would follow is followed: a runtime does not check them,
    and a damaged file would end its process. Raises a StageError of kind ``usage`` for a damaged file, or one that is
    not a TFLite file.
    """
    content = interpreter.content(path)
    try:
        model = tflite.Model.GetRootAsModel(content, 0)
        _follow(model)
    except DAMAGE as error:
        message = "this TFLite file is damaged: {}".format(error)
        raise StageError("usage", message, interpreter.CONVERT_AGAIN) from error
    return model


def operators(model, graphs=(0, None)):
    """How often each operator occurs, the most frequent first; custom ones by their own names. ``graphs`` are the first
    of the graphs that count and the one after their last.
    """
    counts = Counter(
        _operator_name(model.OperatorCodes(graph.Operators(at).OpcodeIndex()))
        for graph in _graphs(model)[slice(*graphs)]
        for at in range(graph.OperatorsLength())
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def signed(model):
    """The names in the first signature of the first graph: inputs and outputs, [(name, index of the tensor)] each.

    Both are empty where it has none.
    """
    found = next((signature for signature in _signatures(model) if signature.SubgraphIndex() == 0), None)
    return (_named(found, "Inputs"), _named(found, "Outputs")) if found else ([], [])


def _follow(model):
    for at in range(model.BuffersLength()):
        model.Buffers(at).DataAsNumpy()
    for graph in _graphs(model):
        count = graph.TensorsLength()
        for at in range(count):
            tensor = graph.Tensors(at)
            _follow_tensor(tensor)
            _within(tensor.Buffer(), model.BuffersLength(), "buffer")
        used = _indices(graph, "Inputs") + _indices(graph, "Outputs")
        for at in range(graph.OperatorsLength()):
            operator = graph.Operators(at)
            _within(operator.OpcodeIndex(), model.OperatorCodesLength(), "operator code")
            _operator_name(model.OperatorCodes(operator.OpcodeIndex()))
            used += [i for i in _indices(operator, "Inputs") + _indices(operator, "Outputs") if i != -1]
        for index in used:
            _within(index, count, "tensor")
    if not model.SubgraphsLength():
        raise ValueError("it holds no graph")
    for signature in _signatures(model):
        _within(signature.SubgraphIndex(), model.SubgraphsLength(), "graph")
        count = model.Subgraphs(signature.SubgraphIndex()).TensorsLength()
        for _, index in _named(signature, "Inputs") + _named(signature, "Outputs"):
            _within(index, count, "tensor")
        signature.SignatureKey().decode()


def _within(index, length, what):
    if not 0 <= index < length:
        raise IndexError("{} {} of {}".format(what, index, length))


def _graphs(model):
    return [model.Subgraphs(at) for at in range(model.SubgraphsLength())]


def _signatures(model):
    return [model.SignatureDefs(at) for at in range(model.SignatureDefsLength())]


def _named(signature, field):
    maps = [getattr(signature, field)(at) for at in range(getattr(signature, field + "Length")())]
    return [(entry.Name().decode(), entry.TensorIndex()) for entry in maps]


def _indices(table, field):
    return [getattr(table, field)(at) for at in range(getattr(table, field + "Length")())]


def _operator_name(code):
    # The first field had room for 127 operators; later ones stand in the second alone.
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        return code.CustomCode().decode()
    return BUILTIN_OPCODE2NAME[number]


def _follow_tensor(tensor):
    tensor.Name().decode()
    for vector in ("Shape", "ShapeSignature"):
        getattr(tensor, vector + "AsNumpy")()
    TYPES[tensor.Type()]
    quantization = tensor.Quantization()
    if quantization is not None:
        for vector in ("Scale", "ZeroPoint"):
            getattr(quantization, vector + "AsNumpy")()
