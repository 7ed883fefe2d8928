"""Transposes of what has been padded: a runtime makes padding part of the convolution behind it."""

from .graph_def import add_constant, numbers, operands, producer, readers


def apply(graph_def):
    """Pad the result of a transpose, not its operand."""
    nodes = {node.name: node for node in graph_def.node}
    reads = readers(graph_def)
    for node in [node for node in graph_def.node if node.op == "Transpose"]:
        pad, order = (nodes[producer(name)] for name in operands(node))
        if pad.op not in ("Pad", "PadV2") or order.op != "Const" or reads[pad.name] > 1:
            continue
        widths = numbers(nodes[producer(pad.input[1])])
        permuted = add_constant(graph_def, node.name + "/widths", widths[numbers(order)])
        # The two nodes change places under their names, so that nothing that reads the last one has to change.
        moved = graph_def.node.add(name=pad.name + "/transpose", op="Transpose", input=[pad.input[0], node.input[1]])
        for name in ("T", "Tperm"):
            moved.attr[name].CopyFrom(node.attr[name])
        reads[producer(pad.input[0])] += 1
        inputs = [moved.name, permuted.name, *pad.input[2:]]
        node.op = pad.op
        node.input[:] = inputs
        node.attr.clear()
        for name in ("T", "Tpaddings"):
            node.attr[name].CopyFrom(pad.attr[name])
