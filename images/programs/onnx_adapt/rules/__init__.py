"""How operators of newer opsets are said at opset 13: rules by operator and opset, a file for each family."""

import importlib
import pkgutil

import onnx_ir as ir

from stagekit import StageError

from . import leftovers
from .operators import OPSET, Operators, infer
from .rule import RULES, UnsupportedError, schema

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module("{}.{}".format(__name__, _module.name))


def apply(model, opset, wanted=None):
    """Say each node of a model of an opset at opset 13, in place; a node's types and shapes must be known.

    ``wanted`` says of a node whether it is one of those to lower; without it, all are.

    What a rule makes is of opset 13. What it takes from a function body of ONNX's is of the body's opset, and is
    lowered in turn: bodies are of simpler operators than their own. A StageError of kind "model" names all operators,
    and their nodes, that opset 13 has no words for.
    """
    refused = {}
    for graph in model.graphs():
        for node in tuple(graph):
            if wanted is not None and not wanted(node):
                continue
            try:
                _lower(node, opset)
            except UnsupportedError as error:
                refused.setdefault((node.op_type, str(error)), (error.hint, []))[1].append(node.name or "?")
    if refused:
        (_, (hint, _)), *_ = refused.items()
        raise StageError("model", "; ".join(_words(*key, nodes) for key, (_, nodes) in refused.items()), hint)


def _words(op_type, reason, nodes):
    where = "node {}".format(nodes[0]) if len(nodes) == 1 else "{} nodes, the first is {}".format(len(nodes), nodes[0])
    return "{} ({}) can't be said at opset {}: {}".format(op_type, where, OPSET, reason)


def _lower(node, opset):
    opset = node.version or opset
    # ONNX infers no shapes behind some operators, such as GroupNormalization, which are known once it is lowered.
    if any(value.shape is None for value in node.outputs):
        infer(node, opset)
    found = _rule(node, opset)
    if found is not None:
        op = Operators(node, opset)
        values = found(node, op)
        if values is not None:
            _replace(node, op, values)
            for each in op.nodes:
                _lower(each, each.version)
            return
    leftovers.lower(node, opset)


def _rule(node, opset):
    known = schema(node, opset)
    since = known.since_version if known else 1
    return RULES.get((node.domain, node.op_type, since))


def _replace(node, op, values):
    made = {value for each in op.nodes for value in each.outputs}
    old, new = [], []
    for before, value in zip(node.outputs, [values] if isinstance(values, ir.Value) else values):
        # An output that is left out has no name, and nobody reads it.
        if not before.name:
            continue
        # A value that was there before keeps its name, and a value has one name.
        after = op.Identity(value) if value not in made or value in new else value
        if after.shape is not None and after.shape.is_static():
            before.shape = after.shape
        before.type = after.type or before.type
        old.append(before)
        new.append(after)
    ir.convenience.replace_nodes_and_values(node.graph, node, [node], op.nodes, old, new)
