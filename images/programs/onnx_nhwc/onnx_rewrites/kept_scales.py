"""Operators whose integers have one scale on both sides, where a quantized model has two.

That holds in TFLite for poolings, concatenations and all that moves numbers. Its converter would give the operand the
scale of the result, for everybody who reads it. An operator that does nothing, and has a scale on either side, parts
the two: a LeakyRelu of slope 1, of which `tflite_convert.passes.scale_changes` makes a QUANTIZE. Slope 1 itself is none
that the converter leaves in the graph.
"""

from typing import NamedTuple

import numpy as np
from onnx import helper

# The float next to 1.
SLOPE = 1 - 2.0**-24
KEEPING = frozenset(
    (
        *("AveragePool", "Clip", "DepthToSpace", "Expand", "Flatten", "Gather", "MaxPool", "Pad", "Reshape", "Resize"),
        *("Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
    )
)


class Steps(NamedTuple):
    """The numbers of one scale and zero point."""

    scale: float
    point: int
    dtype: str


def apply(graph):
    """Part what is read from the result where their scales differ."""
    read, nodes = {}, []
    for node in graph.nodes:
        before, after = [], []
        its = read.get(node.input[0]) if node.input else None
        wanted = _of_result(graph, node)
        if node.op_type == "DequantizeLinear":
            read[node.output[0]] = _steps(graph, node)
        elif node.op_type == "Concat" and wanted:
            for position, name in enumerate(node.input):
                if read.get(name) not in (None, wanted):
                    node.input[position] = graph.new_name(name)
                    before.append(_same(graph, name, node.input[position]))
        elif node.op_type in KEEPING and its:
            for position, name in enumerate(node.output):
                read[name] = its
                if wanted not in (None, its):
                    node.output[position] = graph.new_name(name)
                    after.append(_same(graph, node.output[position], name))
        nodes += [*before, node, *after]
    graph.nodes = nodes


def _of_result(graph, node):
    """The steps to which a node's results are rounded: of the first for which they are known, None if there is none."""
    readers = [reader for name in node.output for reader in graph.readers[name]]
    found = [_steps(graph, reader) for reader in readers if reader.op_type == "QuantizeLinear"]
    return next(filter(None, found), None)


def _steps(graph, node):
    """The steps of a QuantizeLinear or DequantizeLinear; None where they are computed, or several."""
    arrays = [graph.weight(name) for name in node.input[1:]]
    if any(array is None or array.size > 1 for array in arrays):
        return None
    scale, point = [*arrays, np.zeros(1, np.uint8)][:2]
    return Steps(scale.item(), point.item(), point.dtype.name)


def _same(graph, value, other):
    return helper.make_node("LeakyRelu", [value], [other], name=graph.new_name(value + "_same"), alpha=SLOPE)
