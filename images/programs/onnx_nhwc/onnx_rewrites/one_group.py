"""GroupNormalization of one group, which exporters write as InstanceNormalization of all channels in a row.

It is the mean and the deviation of an image, whose channels may then be last.
"""

import numpy as np
from onnx import helper

from .onnx_graph import attributes


def apply(graph):
    """Normalize images as they are."""
    nodes = [node for node in graph.nodes if node.op_type == "InstanceNormalization"]
    shapes = graph.shapes() if nodes else {}
    for node in nodes:
        before, readers = graph.makers.get(node.input[0]), graph.readers[node.output[0]]
        around = before is not None and len(readers) == 1 and [before.op_type, readers[0].op_type] == ["Reshape"] * 2
        if around and node.output[0] not in graph.outputs:
            x, y = before.input[0], readers[0].output[0]
            whole, row = shapes.get(x) or [], shapes.get(node.input[0]) or []
            is_image = len(whole) == 4 and None not in (*whole, *row) and shapes.get(y) == whole
            if is_image and row == [whole[0], 1, int(np.prod(whole[1:]))]:
                _apply(graph, node, x, readers[0])


def _apply(graph, node, x, after):
    scale, offset = (graph.weight(name) for name in node.input[1:])
    if scale is None or offset is None:
        return
    made = []

    def step(op_type, *read, written=None, **settings):
        name = graph.new_name(node.output[0]) if written is None else written
        own = "{}_{}".format(node.name or node.output[0], len(made))
        made.append(helper.make_node(op_type, read, [name], name=own if written is None else after.name, **settings))
        return name

    def number(array):
        return graph.add_weight(node.output[0], np.array(array, np.float32).reshape(()))

    over = {"axes": [1, 2, 3], "keepdims": 1}
    centred = step("Sub", x, step("ReduceMean", x, **over))
    variance = step("ReduceMean", step("Mul", centred, centred), **over)
    deviation = step("Sqrt", step("Add", variance, number(attributes(node).get("epsilon", 1e-5))))
    normalized = step("Div", centred, deviation)
    if scale != 1:
        normalized = step("Mul", normalized, number(scale))
    if offset != 0:
        normalized = step("Add", normalized, number(offset))
    step("Identity", normalized, written=after.output[0])
    graph.replace([node, after], made)
