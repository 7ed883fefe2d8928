"""The numbers with which a quantized file pads.

The quantizer of TensorFlow 2.4.1 leaves the constant of a PADV2 in floats between tensors of integers: no runtime takes
that. The constant becomes an integer of the padded tensor here.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from stagekit import StageError

from . import editing

INTEGERS = (schema.TensorType.INT8, schema.TensorType.INT16)
# A lower number is meant to lose against every other, as before a maximum: the least integer does.
LEAST = -1e30


def apply(model, _):
    """Make integers of the constants with which integers are padded.

    Raises a StageError of kind ``model`` for a number that the integers of the padded tensor don't reach.
    """
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    """Each operator gets a constant of its own: what it pads has a scale of its own."""
    readers, changed = editing.readers(graph), False
    for operator in graph.operators:
        if editing.kind(model, operator) != schema.BuiltinOperator.PADV2:
            continue
        padded, at = graph.tensors[operator.inputs[0]], operator.inputs[2]
        constant = graph.tensors[at]
        if not _in_two_kinds(padded, constant):
            continue
        (value,) = editing.numbers(model, constant)
        dtype = editing.DTYPES[padded.type]
        integer = np.array([_integer(value, padded, np.iinfo(dtype))], dtype)
        if len(readers[at]) > 1:
            name = constant.name + "/{}".format(len(graph.tensors)).encode()
            operator.inputs = operator.inputs.copy()
            operator.inputs[2] = editing.add_constant(model, graph, name, integer.reshape(constant.shape))
            constant = graph.tensors[operator.inputs[2]]
        else:
            editing.set_numbers(model, constant, integer)
        constant.quantization = padded.quantization
        changed = True
    return changed


def _in_two_kinds(padded, constant):
    return padded.type in INTEGERS and constant.type == schema.TensorType.FLOAT32


def _integer(value, padded, limits):
    scale, zero_point = padded.quantization.scale[0], padded.quantization.zeroPoint[0]
    if value <= LEAST:
        return limits.min
    number = np.round(value / scale) + zero_point
    if not limits.min - 1 <= number <= limits.max + 1:
        reach = ((limits.min - zero_point) * scale, (limits.max - zero_point) * scale)
        message = "{} is padded with {:g}, but in integers it goes from {:.4g} to {:.4g}".format(
            padded.name.decode(), value, *reach
        )
        raise StageError("model", message, "pad with a number that the tensor itself may have, as 0")
    return int(np.clip(number, limits.min, limits.max))
