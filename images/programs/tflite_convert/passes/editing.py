"""What passes do to a file's objects: read and write constants, add tensors and operators, find who reads a tensor.

A tensor is known by its place in its graph, an operator's kind by a number of schema.BuiltinOperator.
"""

import copy
from collections import defaultdict
from types import MappingProxyType

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
}
TYPES = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
# Two numbers in a byte, the first of them in the lower half. The schema of TensorFlow 2.4 has no name for it.
INT4 = 17

# Where operators with weights have their input, their weights and their bias.
WEIGHTED = {
    schema.BuiltinOperator.CONV_2D: (0, 1, 2),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (0, 1, 2),
    schema.BuiltinOperator.FULLY_CONNECTED: (0, 1, 2),
    schema.BuiltinOperator.TRANSPOSE_CONV: (2, 1, 3),
}
# And the axis of the channels that they give in their weights.
GIVEN = dict.fromkeys(WEIGHTED, 0)
GIVEN[schema.BuiltinOperator.DEPTHWISE_CONV_2D] = 3


def operators(model):
    """(graph, operator, kind) of every operator in a ModelT, in the order of computing."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield graph, operator, kind(model, operator)


def kind(model, operator):
    return model.operatorCodes[operator.opcodeIndex].builtinCode


def reads(graph):
    """(operator, position among its inputs, tensor) wherever an operator reads a tensor, in the order of computing."""
    for operator in graph.operators:
        for position, tensor in enumerate(operator.inputs):
            if tensor >= 0:
                yield operator, position, tensor


def readers(graph):
    """[(operator, position among its inputs)] by the tensor that is read there."""
    found = defaultdict(list)
    for operator, position, tensor in reads(graph):
        found[tensor].append((operator, position))
    return found


def makers(graph):
    """The operator that computes each tensor."""
    return {tensor: operator for operator in graph.operators for tensor in operator.outputs}


def numbers(model, tensor):
    """A constant's elements as they lie in the file, or None for a TensorT that is computed."""
    data = model.buffers[tensor.buffer].data
    return None if data is None else data.view(DTYPES[tensor.type])


def set_numbers(model, tensor, array):
    """Give a TensorT these numbers, and a buffer that no other tensor has. Its shape stays."""
    tensor.buffer, tensor.type = add_buffer(model, array), TYPES[array.dtype]


def set_integers(model, tensor, integers, scales, axis, bits=8):
    """Give a TensorT numbers of int8, int32 or int64, and the scales of its channels along an axis; of int8 only so
    many bits are kept.
    """
    set_numbers(model, tensor, _packed(integers) if bits == 4 else integers)
    if bits == 4:
        tensor.type = INT4
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.quantizedDimension = scales, axis
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)


def _packed(integers):
    """Two numbers of 4 bits in each byte."""
    halves = np.append(integers, np.zeros(integers.size % 2, np.int8)) & 15
    return halves[::2] | halves[1::2] << 4


def drop_unread(model):
    """Take those operators out of a ModelT whose results nothing reads, with the tensors and the kinds that are then in
    no operator.
    """
    for graph in model.subgraphs:
        read, kept = {*graph.outputs}, []
        for operator in reversed(graph.operators):
            if read.intersection(operator.outputs):
                read.update(operator.inputs)
                kept.append(operator)
        graph.operators = kept[::-1]
        read.update(graph.inputs, *(each.outputs for each in kept))
        drop_tensors(graph, set(range(len(graph.tensors))) - read)
    left = [operator for graph in model.subgraphs for operator in graph.operators]
    used = sorted({each.opcodeIndex for each in left})
    model.operatorCodes = [model.operatorCodes[at] for at in used]
    for each in left:
        each.opcodeIndex = used.index(each.opcodeIndex)


def drop_tensors(graph, dropped, others=MappingProxyType({})):
    """Take tensors out of a graph; their readers read ``others``, {tensor: other}, from then on."""
    kept = [index for index in range(len(graph.tensors)) if index not in dropped]
    places = {index: place for place, index in enumerate(kept)}
    # An input that is left out has the index -1.
    places[-1] = -1
    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs = [places[index] for index in graph.inputs]
    graph.outputs = [places[index] for index in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [places[others.get(index, index)] for index in operator.inputs]
        operator.outputs = [places[index] for index in operator.outputs]


def add_buffer(model, array):
    """The place of a new buffer with an array's bytes."""
    buffer = schema.BufferT()
    buffer.data = array.reshape(-1).view(np.uint8)
    return _added(model.buffers, buffer)


def add_constant(model, graph, name, array):
    """The place of a new constant."""
    found = add_tensor(graph, name, np.array(array.shape, np.int32))
    set_numbers(model, graph.tensors[found], array)
    return found


def add_repeated(model, graph, tensor):
    """The place of a constant like a TensorT, with a buffer of its own."""
    own = copy.copy(tensor)
    own.name += "/{}".format(len(graph.tensors)).encode()
    own.buffer = add_buffer(model, model.buffers[tensor.buffer].data)
    return _added(graph.tensors, own)


def add_tensor(graph, name, shape):
    """The place of a new tensor of float32 that is computed."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name, shape
    return _added(graph.tensors, tensor)


def add_reshaped(graph, tensor, name, shape):
    """The place of a new tensor that has the numbers of another one in a shape of its own."""
    found = add_tensor(graph, name, np.array(shape, np.int32))
    graph.tensors[found].type, graph.tensors[found].quantization = tensor.type, tensor.quantization
    return found


def reshape(model, graph, read, written):
    """The RESHAPE that computes a tensor from another one, whatever the size of the batch."""
    options = schema.ReshapeOptionsT()
    options.newShape = np.concatenate([[-1], graph.tensors[written].shape[1:]]).astype(np.int32)
    shape = add_constant(model, graph, graph.tensors[written].name + b"/shape", options.newShape)
    return operator(code(model, schema.BuiltinOperator.RESHAPE), [read, shape], written, options)


def code(model, number, version=None):
    """The place of an operator's kind in the file's list, which has it from then on: of any version, or of one."""
    for at, entry in enumerate(model.operatorCodes):
        if entry.builtinCode == number and version in (None, entry.version):
            return at
    return add_code(model, number, version or 1)


def add_code(model, number, version=1):
    """The place of a kind that is listed anew, whether or not the file's list has it."""
    return _added(model.operatorCodes, operator_code(number, version))


def operator_code(number, version=1):
    """An entry of a file's list of operators."""
    found = schema.OperatorCodeT()
    found.builtinCode = number
    # The first field had room for 127 kinds: what came later stands in the second alone.
    found.deprecatedBuiltinCode = min(number, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    found.version = version
    return found


def operator(listed, read, written, options=None):
    """A new operator of the kind at a place in the file's list, with schema options such as a ReshapeOptionsT."""
    found = schema.OperatorT()
    found.opcodeIndex = listed
    found.inputs, found.outputs = np.array(read, np.int32), np.array([written], np.int32)
    if options is not None:
        name = type(options).__name__[:-1]
        found.builtinOptionsType = getattr(schema.BuiltinOptions, name, None) or options.TYPE
        found.builtinOptions = options
    return found


def replace_operators(graph, replaced):
    """Put the list ``replaced(operator)`` in the place of each operator of a graph."""
    graph.operators = [each for operator in graph.operators for each in replaced(operator)]


def _added(things, thing):
    things.append(thing)
    return len(things) - 1
