"""GELU, which operator sets before 20 have no operator for, and models spell out in several ways, as one node.

What is spelled out is known by the numbers that it gives. The node is that of operator set 20.
"""

import math

import numpy as np
from onnx import helper

_erf = np.vectorize(math.erf)
FUNCTIONS = {
    "Add": np.add,
    "Div": np.divide,
    "Erf": _erf,
    "Mul": np.multiply,
    "Pow": np.power,
    "Sub": np.subtract,
    "Tanh": np.tanh,
}
CURVES = ("Erf", "Tanh")
# The longest way of spelling it out, in nodes.
MOST = 12

# Where it is tried, and how far it may be off there, of numbers of this size and larger ones.
PLACES = np.concatenate([np.linspace(-8, 8, 321), [-1e3, 1e3]])
SIZES = np.maximum(np.abs(PLACES), 1)
TOLERANCE = 1e-6
EXPECTED = {
    "none": PLACES * (1 + _erf(PLACES / math.sqrt(2))) / 2,
    "tanh": PLACES * (1 + np.tanh(math.sqrt(2 / math.pi) * (PLACES + 0.044715 * PLACES**3))) / 2,
}


def apply(graph):
    """Make one node of each product that is the GELU of a value. What is spelled out stays where others read it."""
    places = {name: at for at, node in enumerate(graph.nodes) for name in node.output}
    for node in graph.nodes:
        if node.op_type == "Mul":
            x, approximate = _found(graph, places, node)
            if approximate:
                node.op_type = "Gelu"
                node.input[:] = [x]
                node.attribute.append(helper.make_attribute("approximate", approximate))


def _found(graph, places, last):
    """The value of which a node gives the GELU, and which one it is; "" for that if it gives something else."""
    between, unread = [last], _computed(graph, last)
    while unread and len(between) < MOST:
        if len(unread) == 1 and any(node.op_type in CURVES for node in between):
            (x,) = unread
            given = _given(graph, between[::-1], x)
            for approximate, expected in EXPECTED.items():
                if np.all(np.abs(given - expected) <= TOLERANCE * SIZES):
                    return x, approximate
        latest = max(unread, key=lambda name: places.get(name, -1))
        node = graph.makers.get(latest)
        if node is None or node.op_type not in FUNCTIONS:
            break
        between.append(node)
        unread = unread - {latest} | _computed(graph, node)
    return "", ""


def _computed(graph, node):
    """What a node reads, but for numbers that are constant."""
    return {name for name in node.input if _number(graph, name) is None}


def _number(graph, name):
    array = graph.weight(name)
    return array.item() if array is not None and array.size == 1 else None


def _given(graph, nodes, x):
    """What nodes, in their order, make of a value that is `PLACES`: the result of the last of them."""
    values = {x: PLACES}
    with np.errstate(all="ignore"):
        for node in nodes:
            operands = [values[name] if name in values else _number(graph, name) for name in node.input]
            values[node.output[0]] = FUNCTIONS[node.op_type](*operands)
    return values[nodes[-1].output[0]]
