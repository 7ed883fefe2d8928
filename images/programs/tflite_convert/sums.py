"""Sums and differences in a file with activations of 16 bits, as the runtimes of TFLite compute them."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer
from .masking import reach

OPERATORS = schema.BuiltinOperator
LARGEST = np.iinfo(np.int16).max
# What runtimes take for a power of two, by its logarithm; a factor that leads out of there.
NEAR, OFF = 1e-3, np.float32(1.002)


def off_powers(model):
    """Give a result another scale where runtimes fail with all three as they are, in a ModelT of floats that has been
    calibrated; whether there were any.

    Where all three scales are next to powers of two, runtimes shift in place of multiplying. But they shift no operand
    that is broadcast (TensorFlow 2.4.1 subtracts it as it is), and none to a smaller scale.
    """
    tensors, changed = model.subgraphs[0].tensors, False
    for operator in model.subgraphs[0].operators:
        number = model.operatorCodes[operator.opcodeIndex].builtinCode
        if number in (OPERATORS.ADD, OPERATORS.SUB) and _is_missing(model, operator):
            ranged = tensors[operator.outputs[0]].quantization
            ranged.min, ranged.max = ranged.min * OFF, ranged.max * OFF
            changed = True
    return changed


def _is_missing(model, operator):
    tensors = [model.subgraphs[0].tensors[index] for index in (*operator.inputs, *operator.outputs)]
    ends = np.abs([reach(model, tensor) for tensor in tensors])
    if not np.isfinite(ends).all() or not ends.max(axis=1).all():
        return False
    *shifts, result = np.log2(ends.max(axis=1) / LARGEST)
    if max(abs(power - round(power)) for power in (*shifts, result)) > NEAR:
        return False
    one, other = (() if tensor.shape is None else tuple(tensor.shape) for tensor in tensors[:2])
    return one != other or round(max(shifts)) != round(result)


def of_one_kind(content, floats):
    """The file of the quantizer, which gives a constant in a difference 8 bits as if it were a weight, with 16 for it.

    ``floats`` is the file that it was made of, whose numbers the constant is given anew.
    """
    model, plain = flatbuffer.unpacked(content), flatbuffer.unpacked(floats)
    tensors, changed = model.subgraphs[0].tensors, False
    for operator in model.subgraphs[0].operators:
        for index in operator.inputs:
            tensor = tensors[index]
            if (
                model.operatorCodes[operator.opcodeIndex].builtinCode == OPERATORS.SUB
                and tensors[operator.outputs[0]].type == schema.TensorType.INT16
                and tensor.type == schema.TensorType.INT8
            ):
                # The quantizer adds tensors behind those that there are.
                _widen(model, tensor, flatbuffer.numbers(plain, plain.subgraphs[0].tensors[index]))
                changed = True
    return flatbuffer.packed(model) if changed else content


def _widen(model, tensor, numbers):
    scale = np.float32(max(np.abs(numbers).max() / LARGEST, np.finfo(np.float32).eps))
    buffer = schema.BufferT()
    buffer.data = np.round(numbers / scale).astype(np.int16).view(np.uint8)
    model.buffers.append(buffer)
    tensor.buffer, tensor.type = len(model.buffers) - 1, schema.TensorType.INT16
    tensor.quantization.scale, tensor.quantization.zeroPoint = np.array([scale]), np.zeros(1, np.int64)
