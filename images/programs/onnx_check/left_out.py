"""What a model with bodies leaves out, spelled out.

onnxruntime 1.6 dies of Loops without a condition, if one is in the body of the other, and of a Loop of which an output
is left out; such a Scan it refuses, and a body that passes on a value of the graph around it.
"""

import itertools

import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import bodies, model_file

ALWAYS, UNREAD, PASSED = "pinlite/always", "pinlite/unread.{}", "pinlite/passed.{}"


def spelled_out(model):
    """The model with a condition that is always true for each Loop that has none, a name for every output of Loop and
    Scan, and a node for every output of a body.
    """
    if not any(_lacks(node) for node in model_file.nodes(model.graph)):
        return model
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.graph.initializer.append(numpy_helper.from_array(np.array(True), ALWAYS))
    numbers = itertools.count()
    for node in filter(_lacks, list(model_file.nodes(changed.graph))):
        if _lacks_condition(node):
            node.input[:] = [node.input[0], ALWAYS, *node.input[2:]]
        node.output[:] = [name or UNREAD.format(next(numbers)) for name in node.output]
        for body in bodies.of(node):
            for value in _passed(body):
                name = PASSED.format(next(numbers))
                body.node.append(helper.make_node("Identity", [value.name], [name], name))
                value.name = name
    return changed


def _lacks(node):
    """Only nodes with bodies lack anything; other operators may leave outputs out."""
    return any(True for _ in bodies.of(node)) and (
        _lacks_condition(node) or not all(node.output) or any(_passed(body) for body in bodies.of(node))
    )


def _lacks_condition(node):
    return node.op_type == "Loop" and not "".join(node.input[1:2])


def _passed(body):
    """Those of a body's outputs that are values of the graph around it."""
    own = {name for node in body.node for name in node.output}
    own.update(value.name for value in [*body.input, *body.initializer])
    return [value for value in body.output if value.name not in own]
