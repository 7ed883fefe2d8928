"""Branches of an If that are known to be taken: they take its place."""

import onnx_ir as ir

from .rules.rule import array


def take(graph):
    """Put the nodes of a branch in the place of each If of a graph whose condition is known; whether there was any."""
    known = [node for node in graph if _branch(node) is not None]
    for node in known:
        branch, prefix = _branch(node), (node.name or node.outputs[0].name) + "/"
        weights = [_constant(value) for value in branch.initializers.values()]
        results, nodes = list(branch.outputs), [*weights, *branch]
        branch.outputs.clear()
        branch.remove(list(branch))
        for each in nodes:
            each.name = each.name and prefix + each.name
            for value in each.outputs:
                value.name = value.name and prefix + value.name
        # A result may be a value of the graph around it, or two of them one.
        copies = [ir.node("Identity", [value], name=prefix + value.name) for value in results]
        values = [copy.outputs[0] for copy in copies]
        ir.convenience.replace_nodes_and_values(graph, node, [node], nodes + copies, node.outputs, values)
    return bool(known)


def _constant(value):
    """A node that makes what an initializer is, for all that read it."""
    node = ir.node("Constant", [], {"value": ir.tensor(value.const_value.numpy())}, name=value.name)
    (made,) = node.outputs
    made.name, made.shape, made.type = value.name, value.shape, value.type
    ir.convenience.replace_all_uses_with(value, made, replace_graph_outputs=True)
    return node


def _branch(node):
    condition = array(node.inputs[0]) if node.op_type == "If" and not node.domain else None
    if condition is None:
        return None
    return node.attributes["then_branch" if condition.item() else "else_branch"].as_graph()
