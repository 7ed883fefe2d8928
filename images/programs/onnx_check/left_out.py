"""What a Loop or Scan leaves out, spelled out.

onnxruntime 1.6 dies of Loops without a condition, if one is in the body of the other, and of a Loop of which an output
is left out; such a Scan it refuses.
"""

import itertools

import numpy as np
import onnx
from onnx import numpy_helper

from . import model_file

ALWAYS, UNREAD = "pinlite/always", "pinlite/unread.{}"


def spelled_out(model):
    """The model with a condition that is always true for each Loop that has none, and a name for every output."""
    if not any(_lacks(node) for node in model_file.nodes(model.graph)):
        return model
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.graph.initializer.append(numpy_helper.from_array(np.array(True), ALWAYS))
    numbers = itertools.count()
    for node in filter(_lacks, model_file.nodes(changed.graph)):
        if _lacks_condition(node):
            node.input[:] = [node.input[0], ALWAYS, *node.input[2:]]
        node.output[:] = [name or UNREAD.format(next(numbers)) for name in node.output]
    return changed


def _lacks(node):
    return node.op_type in ("Loop", "Scan") and (_lacks_condition(node) or not all(node.output))


def _lacks_condition(node):
    return node.op_type == "Loop" and not "".join(node.input[1:2])
