"""Loops without a condition: onnxruntime 1.6 dies of one that has another Loop in its body, or is in one's body."""

import numpy as np
import onnx
from onnx import numpy_helper

from . import model_file

ALWAYS = "pinlite/always"


def spelled_out(model):
    """The model with a condition that is always true for each Loop that has none."""
    if not list(_without(model.graph)):
        return model
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.graph.initializer.append(numpy_helper.from_array(np.array(True), ALWAYS))
    for loop in _without(changed.graph):
        loop.input[:] = [loop.input[0], ALWAYS, *loop.input[2:]]
    return changed


def _without(graph):
    return (node for node in model_file.nodes(graph) if node.op_type == "Loop" and not "".join(node.input[1:2]))
