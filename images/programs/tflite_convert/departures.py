"""Where a file of integers can't have the integers of the quantized model that it was made of."""

from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer
from .passes import editing, weight_grids
from .quantized_file import MOST_NAMED, File

# TFLite's kernels give the results of these a scale that is fixed, or that of their operand.
OWN_SCALE = tuple(
    getattr(schema.BuiltinOperator, name)
    for name in ("AVERAGE_POOL_2D", "L2_NORMALIZATION", "LOGISTIC", "LOG_SOFTMAX", "SOFTMAX", "TANH")
)
WEIGHTS = "the weights of {} are rounded anew: TFLite has 8 bits around zero for them, in one scale for each channel"
TWICE = "the results of {} are rounded twice: TFLite computes them in another scale than the model's"
FLOATS = (
    "{} compute in floats: the model does not round all that they read and give, or TFLite has no integers for them"
)


def told(content, floats):
    """Lines that name the nodes. ``content`` is the file, ``floats`` the ModelT that computes the same in floats."""
    in_floats = _nodes(written[0] for _, written in File(content).float_operators())
    found = {
        WEIGHTS: [node for node in _nodes(weight_grids.off_grid(floats)) if node not in in_floats],
        TWICE: _nodes(_rounded_twice(flatbuffer.unpacked(content))),
        FLOATS: in_floats,
    }
    return [line.format(_listed(nodes)) for line, nodes in found.items() if nodes]


def _rounded_twice(model):
    return [
        graph.tensors[operator.inputs[0]].name.decode()
        for graph in model.subgraphs
        for makers in [editing.makers(graph)]
        for operator in graph.operators
        if editing.kind(model, operator) == schema.BuiltinOperator.QUANTIZE
        and operator.inputs[0] in makers
        and editing.kind(model, makers[operator.inputs[0]]) in OWN_SCALE
    ]


def _nodes(tensors):
    """The nodes of the model of which tensors have their names, each once."""
    return list(dict.fromkeys(tensor.split(";")[0].split("/")[0] for tensor in tensors))


def _listed(nodes):
    more = " and {} more".format(len(nodes) - MOST_NAMED) if len(nodes) > MOST_NAMED else ""
    return ", ".join(nodes[:MOST_NAMED]) + more
