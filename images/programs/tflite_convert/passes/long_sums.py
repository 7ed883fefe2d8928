"""Sums of more than two tensors, ADD_N, which has no integers: TensorFlow makes one of sums that follow one another."""

from tensorflow.lite.python import schema_py_generated as schema

from . import editing

ADD, ADD_N = schema.BuiltinOperator.ADD, schema.BuiltinOperator.ADD_N


def apply(model, _):
    """Add two tensors at a time, in their order."""
    listed = [at for at, code in enumerate(model.operatorCodes) if code.builtinCode == ADD_N]
    for at in listed:
        # It is replaced in the list: the calibrator takes no file that lists an operator and has none.
        model.operatorCodes[at] = editing.operator_code(ADD)
        for graph in model.subgraphs:
            editing.replace_operators(
                graph, lambda each, graph=graph, at=at: _in_pairs(graph, each) if each.opcodeIndex == at else [each]
            )
    return bool(listed)


def _in_pairs(graph, operator):
    first, *others, last = operator.inputs
    (result,) = operator.outputs
    made = []
    for each in others:
        like = graph.tensors[result]
        partial = editing.add_tensor(graph, like.name + "/{}".format(len(made)).encode(), like.shape)
        graph.tensors[partial].type = like.type
        made.append(editing.operator(operator.opcodeIndex, [first, each], partial, schema.AddOptionsT()))
        first = partial
    return [*made, editing.operator(operator.opcodeIndex, [first, last], result, schema.AddOptionsT())]
