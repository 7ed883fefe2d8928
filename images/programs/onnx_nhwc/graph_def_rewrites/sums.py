"""Sums of more than two tensors, AddN, which the optimizer makes of sums that follow one another.

TFLite's ADD_N has no integers, and no delegate takes it over.
"""

from .graph_def import operands


def apply(graph_def):
    """Add two tensors at a time, in their order."""
    for node in [node for node in graph_def.node if node.op == "AddN"]:
        first, *others, last = operands(node)
        for at, each in enumerate(others):
            partial = graph_def.node.add(name="{}/{}".format(node.name, at), op="AddV2", input=[first, each])
            partial.attr["T"].CopyFrom(node.attr["T"])
            first = partial.name
        node.op = "AddV2"
        node.input[:] = [first, last]
        del node.attr["N"]
