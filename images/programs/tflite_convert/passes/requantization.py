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
        editing.drop_tensors(graph, replaced, replaced)
    return bool(replaced)


def _are_bytes(*tensors):
    return all(tensor.type == schema.TensorType.INT8 for tensor in tensors)
