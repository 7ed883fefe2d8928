"""Operators, and transposes with more than one use, that the converter must not move a transpose through."""

from collections import Counter

# TFLite's converter pulls transposes through these. A MaxPool is left NCHW by that, which it has no operator for, and
# through a Pad there is more to transpose.
SHELTERED = ("MaxPool", "MirrorPad", "Pad", "PadV2")


def apply(graph_def):
    """Put a StopGradient before each of SHELTERED, and after each transpose that has more than one use.

    The converter pulls no transpose through it, and drops it later. A transpose that it moves behind one of its uses is
    gone for the others.
    """
    for node in [node for node in graph_def.node if node.op in SHELTERED]:
        shelter = graph_def.node.add(name=node.name + "/shelter", op="StopGradient", input=node.input[:1])
        shelter.attr["T"].CopyFrom(node.attr["T"])
        node.input[0] = shelter.name
    uses = Counter(name for node in graph_def.node for name in node.input)
    shared = {node.name: node for node in graph_def.node if node.op == "Transpose" and uses[node.name] > 1}
    for node in graph_def.node:
        for at, name in enumerate(node.input):
            if name in shared:
                node.input[at] = name + "/shelter"
    for name, node in shared.items():
        shelter = graph_def.node.add(name=name + "/shelter", op="StopGradient", input=[name])
        shelter.attr["T"].CopyFrom(node.attr["T"])
