"""Torch's pass that runs the symbolics, over a part of the graph after another.

For each node it makes a dict, for Python, of all values that it has lowered so far and of all weights: a graph of twice
as many nodes takes it four times as long. In a part there are few. What is made is the same.
"""

import torch

from torch_export import graph_nodes

# In nodes.
LARGEST = 32
HOLDER = "prim::Part"

whole = torch._C._jit_pass_onnx  # noqa: SLF001 - no public way in
of_block = torch._C._jit_pass_onnx_block  # noqa: SLF001 - as above


def by_parts(graph, export_type):
    """The ONNX graph of a graph of ATen operators, of which nothing is left."""
    nodes = list(graph.nodes())
    parts = [nodes[start : start + LARGEST] for start in range(0, len(nodes), LARGEST)]
    if len(parts) <= 1:
        return whole(graph, export_type)
    made = torch._C.Graph()  # noqa: SLF001 - no public way in
    lowered = {}
    for value in graph.inputs():
        lowered[value.unique()] = made.addInput()
        lowered[value.unique()].copyMetadata(value)
    # Values by their numbers: where the last node is that reads them.
    reads = [_read(part) for part in parts]
    last = {number: at for at, read in enumerate(reads) for number in read}
    last.update((value.unique(), len(parts)) for value in graph.outputs())
    for at, (part, read) in enumerate(zip(parts, reads)):
        given = {value: lowered[number] for number, value in read.items() if number in lowered}
        block = graph.insertNode(graph.create(HOLDER, 0)).addBlock()
        for node in part:
            node.moveBefore(block.returnNode())
        kept = [value for node in part for value in node.outputs() if last.get(value.unique(), at) > at]
        for value in kept:
            block.registerOutput(value)
        holder = made.insertNode(made.create(HOLDER, 0))
        found = holder.addBlock()
        of_block(block, found, export_type, given)
        lowered.update(zip((value.unique() for value in kept), found.outputs()))
        for node in list(found.nodes()):
            node.moveBefore(made.return_node())
        holder.destroy()
    for value in graph.outputs():
        made.registerOutput(lowered[value.unique()])
        lowered[value.unique()].setType(value.type())
    torch._C._jit_pass_dce_allow_deleting_nodes_with_side_effects(made)  # noqa: SLF001 - as above
    return made


def _read(nodes):
    """The values that nodes and the bodies in them read, by their numbers."""
    found = {}
    for node in nodes:
        for each in (node, *(inner for body in node.blocks() for inner in graph_nodes.every(body))):
            found.update((value.unique(), value) for value in each.inputs())
            found.update((value.unique(), value) for body in each.blocks() for value in body.outputs())
    return found
