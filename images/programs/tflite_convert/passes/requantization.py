"""Results that a quantized file rounds twice.

A concatenation wants its operands in one scale, and the quantizer of TensorFlow 2.4.1 brings them to it by operators of
their own. Where an operand is computed for nothing else, it is computed in that scale here at once: that is faster, and
rounds once.
"""

from tensorflow.lite.python import schema_py_generated as schema

from . import editing

# Their kernels bring what they have summed up to any scale.
SCALING = (
    schema.BuiltinOperator.ADD,
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.MUL,
)


def apply(model, _):
    """Let operators compute in the scale to which the only reader turns their output, and drop that reader."""
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    readers, makers = editing.readers(graph), editing.makers(graph)
    replaced = {}
    for operator in graph.operators:
        before, after = operator.inputs[0], operator.outputs[0]
        if (
            editing.kind(model, operator) == schema.BuiltinOperator.QUANTIZE
            and _are_bytes(graph.tensors[before], graph.tensors[after])
            and len(readers[before]) == 1
            and before in makers
            and editing.kind(model, makers[before]) in SCALING
            and not {before, after}.intersection(graph.outputs)
        ):
            graph.tensors[before].quantization = graph.tensors[after].quantization
            replaced[after] = before
    if replaced:
        editing.replace_operators(graph, lambda operator: [] if operator.outputs[0] in replaced else [operator])
        _drop_tensors(graph, replaced)
    return bool(replaced)


def _drop_tensors(graph, replaced):
    """Take tensors out of a graph whose readers read others instead, {tensor: other}."""
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


def _are_bytes(*tensors):
    return all(tensor.type == schema.TensorType.INT8 for tensor in tensors)
