"""Operators that are to stay in floats in a file of integers.

The quantizer knows no such choice, but it leaves operators alone that have no integers. So those that are to be kept
are called FLOOR while it works, and are themselves again afterwards.
"""

from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer
from .passes import editing, ranges

# It has no integers, and whoever opens the file looks at none of its options.
ALIAS = schema.BuiltinOperator.FLOOR


def hidden(content, is_kept):
    """(bytes, kept): a file of floats whose operators have another kind if ``is_kept`` of the place of the first tensor
    that they give, and what they are, by the places of the new kinds in the file's list of operators.
    """
    model = flatbuffer.unpacked(content)
    operators = [operator for _, operator, _ in editing.operators(model) if is_kept(int(operator.outputs[0]))]
    _take_constants(model, operators)
    kept = _renamed(model, operators)
    return flatbuffer.packed(model), kept


def _take_constants(model, operators):
    """Give operators constants of their own where others read the same numbers, which become integers there."""
    (graph,) = model.subgraphs
    ids = {id(operator) for operator in operators}
    taken = {graph.tensors[tensor].buffer for each, _, tensor in editing.reads(graph) if id(each) not in ids}
    for operator in operators:
        operator.inputs = operator.inputs.copy()
        for position, at in enumerate(operator.inputs):
            tensor = graph.tensors[at]
            if at >= 0 and tensor.buffer in taken and ranges.constant(model, tensor) is not None:
                operator.inputs[position] = editing.add_repeated(model, graph, tensor)


def _renamed(model, operators):
    """Give operators another kind, in the place of their own where they are all of it: the quantizer opens no file that
    lists a kind which no operator has.
    """
    ids = {id(operator) for operator in operators}
    others = {each.opcodeIndex for _, each, _ in editing.operators(model) if id(each) not in ids}
    kept, places = {}, {}
    for operator in operators:
        at = operator.opcodeIndex
        if at not in places:
            code = model.operatorCodes[at]
            places[at] = editing.add_code(model, ALIAS) if at in others else at
            model.operatorCodes[places[at]] = editing.operator_code(ALIAS)
            kept[places[at]] = code
        operator.opcodeIndex = places[at]
    return kept


def restored(content, kept):
    """The bytes of a file whose operators are what they were before `hidden`."""
    model = flatbuffer.unpacked(content)
    for place, code in kept.items():
        model.operatorCodes[place] = code
    return flatbuffer.packed(model)
