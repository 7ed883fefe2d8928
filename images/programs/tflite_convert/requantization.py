"""What a quantized file rounds twice.

A concatenation wants its operands in one scale, and the quantizer of TensorFlow 2.4.1 brings them to it by operators of
their own. Where an operand is computed for nothing else, it is computed in that scale here at once: that is faster, and
rounds once.
"""

from collections import Counter

from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer

# Their kernels bring what they have summed up to any scale.
SCALING = (
    schema.BuiltinOperator.ADD,
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.MUL,
)


def fused(content):
    """The file of the quantizer, its operators in the scale that the only reader of them turns their output to."""
    model = flatbuffer.unpacked(content)
    numbers = [code.builtinCode for code in model.operatorCodes]
    found = [_fuse(graph, numbers) for graph in model.subgraphs]
    return flatbuffer.packed(model) if any(found) else content


def _fuse(graph, numbers):
    """Do so in a graph; whether there was anything to do."""
    reads = Counter(index for operator in graph.operators for index in operator.inputs) + Counter(graph.outputs)
    makers = {operator.outputs[0]: operator for operator in graph.operators if len(operator.outputs) == 1}
    replaced = {}
    for operator in graph.operators:
        before, after = operator.inputs[0], operator.outputs[0]
        if (
            numbers[operator.opcodeIndex] == schema.BuiltinOperator.QUANTIZE
            and _are_bytes(graph.tensors[before], graph.tensors[after])
            and reads[before] == 1
            and before in makers
            and numbers[makers[before].opcodeIndex] in SCALING
            and after not in graph.outputs
        ):
            graph.tensors[before].quantization = graph.tensors[after].quantization
            replaced[after] = before
    graph.operators = [operator for operator in graph.operators if operator.outputs[0] not in replaced]
    kept = [index for index in range(len(graph.tensors)) if index not in replaced]
    places = {index: place for place, index in enumerate(kept)}
    # An input that is left out has the index -1.
    places[-1] = -1
    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs = [places[index] for index in graph.inputs]
    graph.outputs = [places[index] for index in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [places[replaced.get(index, index)] for index in operator.inputs]
        operator.outputs = [places[index] for index in operator.outputs]
    return bool(replaced)


def _are_bytes(*tensors):
    return all(tensor.type == schema.TensorType.INT8 for tensor in tensors)
