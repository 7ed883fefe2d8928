"""How operators of newer opsets are said at opset 13: rules by operator and opset, a file for each family."""

import importlib
import pkgutil

import onnx
import onnx_ir as ir

from .rule import RULES, Operators

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module("{}.{}".format(__name__, _module.name))


def apply(model, opset, wanted=None):
    """Replace each node for which there is a rule by what the rule makes of it, until none is left.

    ``wanted`` says of a node whether it is one of those to replace; without it, all are.
    """
    for graph in model.graphs():
        for node in tuple(graph):
            if wanted is None or wanted(node):
                _lower(graph, node, opset)


def _lower(graph, node, opset):
    found = _rule(node, opset)
    if found is None:
        return
    made = Operators()
    values = found(node, made)
    if values is None:
        return
    values = [values] if isinstance(values, ir.Value) else values
    # An output that is left out has no name, and would take the name from what is computed anyway.
    old, new = zip(*((output, value) for output, value in zip(node.outputs, values) if output.name))
    ir.convenience.replace_nodes_and_values(graph, node, [node], made.nodes, old, new)
    for each in made.nodes:
        if each.op_type != node.op_type:
            _lower(graph, each, opset)


def _rule(node, opset):
    """The newest rule that holds for a node; each is of the opset in which the operator became what opset 13 lacks."""
    since = 1 if node.domain else onnx.defs.get_schema(node.op_type, opset).since_version
    fitting = [at for domain, name, at in RULES if (domain, name) == (node.domain, node.op_type) and at <= since]
    return RULES[node.domain, node.op_type, max(fitting)] if fitting else None
