"""What puts zeros where a Softmax gives NaN, behind one that gives none: torch writes it for each masked attention.

A row is NaN where all of it is -inf, but the mask adds the least finite number, beside which scores vanish. What
PyTorch computes is NaN where scores are.
"""

import numpy as np


def apply(graph):
    """Let what reads the guarded values read those of the Softmax."""
    for node in list(graph.nodes):
        if node.op_type == "Where" and node.output[0] not in graph.outputs and _is_idle(graph, node):
            graph.pass_on(node, node.input[2])


def _is_idle(graph, node):
    asks, zeros, softmax = (graph.makers.get(node.input[0]), graph.weight(node.input[1]), node.input[2])
    masked = _made_by(graph, softmax, "Softmax")
    if asks is None or asks.op_type != "IsNaN" or list(asks.input) != [softmax] or masked is None:
        return False
    added = _made_by(graph, masked.input[0], "Add")
    return zeros is not None and not np.any(zeros) and added is not None and _is_finite(graph, *added.input)


def _is_finite(graph, scores, mask):
    chosen = _made_by(graph, mask, "Where")
    numbers = [] if chosen is None else [graph.weight(name) for name in chosen.input[1:]]
    is_mask = bool(numbers) and all(array is not None and np.all(np.isfinite(array)) for array in numbers)
    return is_mask and _made_by(graph, scores, "MatMul") is not None


def _made_by(graph, name, op_type):
    """The node that makes a value, if it is one of that type."""
    node = graph.makers.get(name)
    return node if node is not None and node.op_type == op_type else None
