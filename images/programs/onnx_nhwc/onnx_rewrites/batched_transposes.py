"""Matrices that are transposed with all axes before them as one, as torch writes it for the keys of an attention."""

from math import prod

from onnx import helper

from .onnx_graph import attributes


def apply(graph):
    """Transpose them as they are, which a product of matrices does by itself."""
    nodes = [node for node in graph.nodes if node.op_type == "Transpose" and _is_between_reshapes(graph, node)]
    shapes = graph.shapes() if nodes else {}
    for node in nodes:
        before, (after,) = graph.makers[node.input[0]], graph.readers[node.output[0]]
        x, batched, y = (shapes.get(name) or [None] for name in (before.input[0], node.input[0], after.output[0]))
        if None in (*x, *batched, *y) or len(x) < 3:
            continue
        *batches, rows, columns = x
        if batched == [prod(batches), rows, columns] and y == [*batches, columns, rows]:
            order = [*range(len(batches)), len(batches) + 1, len(batches)]
            made = helper.make_node("Transpose", [before.input[0]], [after.output[0]], name=node.name, perm=order)
            graph.replace([node, after], [made])


def _is_between_reshapes(graph, node):
    before, readers = graph.makers.get(node.input[0]), graph.readers[node.output[0]]
    around = [each.op_type for each in (before, *readers) if each is not None]
    return (
        attributes(node).get("perm") == [0, 2, 1]
        and around == ["Reshape", "Reshape"]
        and node.output[0] not in graph.outputs
    )
