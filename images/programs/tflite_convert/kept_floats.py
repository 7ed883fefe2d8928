"""Operators that are to stay in floats in a file of integers.

The quantizer knows no such choice, but it leaves operators alone that have no integers. So those that are to be kept
are called FLOOR while it works, and are themselves again afterwards.
"""

import fnmatch

from tensorflow.lite.python import schema_py_generated as schema

from stagekit import StageError

from . import flatbuffer
from .passes import editing

# It has no integers, and whoever opens the file looks at none of its options.
ALIAS = schema.BuiltinOperator.FLOOR
# Of the layers that a hint names.
MOST_NAMED = 20
KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def hidden(content, patterns):
    """(bytes, kept): a file of floats whose operators that fit a pattern have another kind, and what they are, by the
    places of the new kinds in the file's list of operators.

    Patterns, in which * and ? stand for letters, are of the names of an ONNX node (``Conv_12``), of its operator
    (``Conv``) or of TFLite's (``CONV_2D``). Raises a StageError of kind ``usage`` for one that fits nothing.
    """
    model = flatbuffer.unpacked(content)
    kept = _renamed(model, chosen(model, patterns))
    return flatbuffer.packed(model), kept


def chosen(model, patterns):
    """The operators of a ModelT that fit a pattern; raises as `hidden` does."""
    left, layers, found = set(patterns), [], []
    # One graph: a file with branches is not calibrated.
    readers = editing.readers(model.subgraphs[0])
    for graph, operator, kind in editing.operators(model):
        nodes = _nodes(model, graph, operator, readers)
        layers += nodes
        names = [*nodes, *(node.rpartition("_")[0] for node in nodes if "_" in node), KINDS[kind]]
        fitting = [pattern for pattern in patterns if any(fnmatch.fnmatchcase(name, pattern) for name in names)]
        if fitting:
            left.difference_update(fitting)
            found.append(operator)
    if left:
        message = "no layer is called {}".format(", ".join(sorted(left)))
        named = list(dict.fromkeys(layers))
        more = ", and {} more".format(len(named) - MOST_NAMED) if len(named) > MOST_NAMED else ""
        raise StageError("usage", message, "there are {}{}".format(", ".join(named[:MOST_NAMED]), more))
    return found


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


def _nodes(model, graph, operator, readers):
    """The names of the ONNX nodes that an operator computes.

    Tensors and constants have nodes' names as their scopes, a tensor that is an output has its own: constants that the
    operator alone reads tell its node then.
    """
    read = [graph.tensors[at] for at in operator.inputs if at >= 0 and len(readers[at]) == 1]
    texts = [graph.tensors[operator.outputs[0]].name.decode()]
    texts += [each.name.decode() for each in read if model.buffers[each.buffer].data is not None and b"/" in each.name]
    return list(dict.fromkeys(part.partition("/")[0] for text in texts for part in text.split(";")))
