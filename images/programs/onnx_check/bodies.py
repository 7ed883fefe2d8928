"""The graphs that are attributes of operators: the branches of If, the bodies of Loop and Scan."""

import onnx
from onnx import AttributeProto, helper


def of(node):
    """Every body of a node."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def settings(node):
    """A node's attributes by name, bodies too."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def copied(body, names, prefix):
    """A body's nodes as nodes of the graph around it, and what its outputs are called there.

    ``names`` are those that its inputs and constants have there; what its nodes compute is called as it was, behind
    ``prefix``. A name of neither is a value of the graph around it.
    """
    names = dict(names, **{name: prefix + name for node in body.node for name in node.output if name})
    nodes = []
    for node in body.node:
        nodes.append(onnx.NodeProto())
        nodes[-1].CopyFrom(node)
        if node.name:
            nodes[-1].name = prefix + node.name
        nodes[-1].output[:] = [names.get(name, name) for name in node.output]
        rename(nodes[-1], names)
    return nodes, [names.get(value.name, value.name) for value in body.output]


def rename(node, names):
    """Have a node, and the nodes in its bodies, read values under their new names, which are given by the old."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for body in of(node):
        for inner in body.node:
            rename(inner, names)
        for value in body.output:
            value.name = names.get(value.name, value.name)


def replace_nodes(graph, nodes):
    """Give a graph other nodes, without those that nothing needs."""
    needed, kept = {value.name for value in graph.output}, []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(read(node))
            kept.append(node)
    changed = onnx.GraphProto(node=reversed(kept))
    del graph.node[:]
    graph.node.extend(changed.node)


def read(node):
    """The names of all values that a node reads, and those that nodes in its bodies do."""
    yield from node.input
    for body in of(node):
        yield from (value.name for value in body.output)
        for inner in body.node:
            yield from read(inner)
