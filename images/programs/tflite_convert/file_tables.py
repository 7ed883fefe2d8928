"""A .tflite file as the tables that lie in it: they are read, without the objects that `flatbuffer` makes of them."""

from tensorflow.lite.python import schema_py_generated as schema

from . import newer_operators
from .passes import editing

KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
KINDS.update({number: name for name, number in newer_operators.NUMBERS.items()})
TYPES = {number: name.lower() for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
TYPES[editing.INT4] = "int4"


def model(content):
    """The Model of a file's bytes."""
    return schema.Model.GetRootAsModel(content, 0)


def graphs(model):
    return [model.Subgraphs(at) for at in range(model.SubgraphsLength())]


def operators(graph):
    return [graph.Operators(at) for at in range(graph.OperatorsLength())]


def tensors(graph):
    return [graph.Tensors(at) for at in range(graph.TensorsLength())]


def kind(model, operator):
    """The kind of an operator by its name in the schema, as CONV_2D; of a custom one its own name, as FlexAddV2."""
    code = model.OperatorCodes(operator.OpcodeIndex())
    # The first field had room for 127 operators; later ones stand in the second alone.
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    return code.CustomCode().decode() if number == schema.BuiltinOperator.CUSTOM else KINDS[number]
