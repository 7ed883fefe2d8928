"""What users call the operators of a .tflite file of floats.

That is by an ONNX node (``Conv_12``) or its operator (``Conv``), by a module of PyTorch's (``features.3.conv``) or one
that it is in (``features.3``), by TFLite's operator (``CONV_2D``), or by a pattern of these, in which * and ? stand for
letters.
"""

import fnmatch
import itertools

from tensorflow.lite.python import schema_py_generated as schema

from stagekit import StageError, scopes

from .passes import editing

# Of the layers that a hint names.
MOST_NAMED = 20
KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def chosen(model, patterns, modules=()):
    """The operators of a ModelT that fit a pattern. ``modules`` are pairs of the name of an ONNX node or output and the
    names of the modules that it is of.

    Raises a StageError of kind ``usage`` for a pattern that fits nothing.
    """
    of = {scopes.allowed(name): names for name, names in modules}
    left, layers, found = set(patterns), [], []
    # One graph: a file with branches is not calibrated.
    readers = editing.readers(model.subgraphs[0])
    for graph, operator, kind in editing.operators(model):
        nodes = _nodes(model, graph, operator, readers)
        called = [name for node in nodes for name in _modules(node, of)]
        layers += ["{} ({})".format(node, ", ".join(_modules(node, of))).replace(" ()", "") for node in nodes]
        names = {*nodes, *(node.rpartition("_")[0] for node in nodes), KINDS[kind]}
        names.update(*(itertools.accumulate(name.split("."), "{}.{}".format) for name in called))
        fitting = [pattern for pattern in patterns if any(fnmatch.fnmatchcase(name, pattern) for name in names - {""})]
        if fitting:
            left.difference_update(fitting)
            found.append(operator)
    if left:
        message = "no layer is called {}".format(", ".join(sorted(left)))
        named = list(dict.fromkeys(layers))
        more = ", and {} more".format(len(named) - MOST_NAMED) if len(named) > MOST_NAMED else ""
        unknown = "" if modules else "; which modules of PyTorch's they are of is not known here"
        raise StageError("usage", message, "there are {}{}{}".format(", ".join(named[:MOST_NAMED]), more, unknown))
    return found


def _nodes(model, graph, operator, readers):
    """The names of the ONNX nodes that an operator computes.

    Tensors and constants have nodes' names as their scopes, a tensor that is an output has its own: constants that the
    operator alone reads tell its node then.
    """
    read = [graph.tensors[at] for at in operator.inputs if at >= 0 and len(readers[at]) == 1]
    texts = [graph.tensors[operator.outputs[0]].name.decode()]
    texts += [each.name.decode() for each in read if model.buffers[each.buffer].data is not None and b"/" in each.name]
    return list(dict.fromkeys(part.partition("/")[0] for text in texts for part in text.split(";")))


def _modules(node, of):
    """The names of the modules that a node is of; what became of a node has more to its name."""
    while node and node not in of:
        node = node.rpartition("_")[0]
    return of.get(node, ())
