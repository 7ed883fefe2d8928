"""aten::alias, the same value under another name, as ONNX's Identity."""

import torch

from .decomposition import symbolic


def of(tensor):
    """The tensor as a value of its own in the traced graph."""
    return torch.ops.aten.alias(tensor)


@symbolic("alias")
def alias(graph, value):
    return graph.op("Identity", value)
