"""How often a Loop runs, where no data decides it: its condition is run alone, with what that depends on."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import bodies, onnxruntime_session

TURN, TURNS = "pinlite/turn", "pinlite/turns"


def of(node, constant, opset, most):
    """The number of turns, or ``most`` if there are more; None where it depends on what is known only at run time.

    ``constant`` gives the numbers of a value of the graph around the Loop, or None.
    """
    body = bodies.settings(node)["body"]
    # A trip count and a condition may be left out.
    given = [*node.input, ""][:2]
    known = {name: constant(name) for name in given if name}
    kept, states, outer = _condition(body)
    initial = dict(zip((value.name for value in body.input[2:]), node.input[2:]))
    known.update((name, constant(name)) for name in [*outer, *(initial[name] for name in states)])
    if any(array is None for array in known.values()):
        return None
    if given[0]:
        known[given[0]] = np.minimum(known[given[0]], most)
    else:
        given[0] = "pinlite/most"
        known[given[0]] = np.int64(most)
    loop = helper.make_node(
        "Loop", [*given, *(initial[name] for name in states)], [*states, TURNS], body=_sliced(body, kept, states)
    )
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in known.items()]
    graph = helper.make_graph([loop], "turns", [], [helper.make_tensor_value_info(TURNS, TensorProto.INT64, None)])
    graph.initializer.extend(weights)
    model = helper.make_model(graph, ir_version=7, opset_imports=[helper.make_opsetid("", opset)])
    return len(onnxruntime_session.run(onnxruntime_session.session(model), {})[TURNS])


def _condition(body):
    """What the condition after a turn depends on: names that nodes compute, carried values, and values around it."""
    makers = {name: node for node in body.node for name in node.output}
    carried = dict(zip((value.name for value in body.input[2:]), (value.name for value in body.output[1:])))
    own = {*(value.name for value in body.input[:2]), *(tensor.name for tensor in body.initializer), ""}
    needed = [body.output[0].name]
    for name in needed:
        following = [carried[name]] if name in carried else []
        read = bodies.read(makers[name]) if name in makers else following
        needed.extend(each for each in dict.fromkeys(read) if each not in needed)
    outer = [name for name in needed if name not in makers and name not in carried and name not in own]
    return makers.keys() & set(needed), [name for name in carried if name in needed], outer


def _sliced(body, kept, states):
    """The part of a body that computes these names, with the numbers of its turns as one more output."""
    part = onnx.GraphProto(name="turn")
    part.node.extend(node for node in body.node if kept.intersection(node.output))
    part.node.append(helper.make_node("Identity", [body.input[0].name], [TURN]))
    part.initializer.extend(body.initializer)
    part.input.extend([*body.input[:2], *(value for value in body.input[2:] if value.name in states)])
    outputs = [body.output[0], *(out for out, value in zip(body.output[1:], body.input[2:]) if value.name in states)]
    part.output.extend(outputs)
    part.output.add(name=TURN)
    return part
