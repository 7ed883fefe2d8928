"""Concatenations that grow: each is made of the one before and what is new.

A dense block joins all that its layers have made once more for each layer. Runtimes are faster at joining two values
than many, and delegates know no operator for many.
"""

from .onnx_graph import attributes


def apply(graph):
    """Read a concatenation that exists already where a longer one begins with the same values."""
    known = {}
    for node in graph.nodes:
        if node.op_type == "Concat":
            axis, joined = attributes(node)["axis"], list(node.input)
            for count in range(len(joined) - 1, 1, -1):
                shorter = known.get((axis, *joined[:count]))
                if shorter is not None:
                    node.input[:] = [shorter, *joined[count:]]
                    break
            known[(axis, *joined)] = node.output[0]
