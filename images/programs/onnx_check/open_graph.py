"""A graph in which nodes are replaced by others that compute the same: its constants, sizes and new nodes."""

import numpy as np
from onnx import helper, numpy_helper

from . import bodies, model_file

# In nodes. A model of more takes minutes in the stages after this one.
MOST = 5000
# The first opset in which the axes of Unsqueeze are an input.
AXES_AS_INPUT = 13
# What a Constant may give instead of a tensor.
DTYPES = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}


class OpenGraph:
    """``types`` are those of values by name, ``outer`` is the graph around this one. ``sequences`` are the names of the
    tensors in each sequence whose length is known, by its name.
    """

    def __init__(self, graph, opset, types, outer=None):
        self.opset = opset
        self.sequences = {}
        self._aliases = {}
        self._graph = graph
        self._types = types
        self._outer = outer
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        # onnxruntime makes weights of these, but leaves them in bodies.
        self._constants.update(_constants(graph.node))

    def expand(self, expansions):
        """Replace nodes by what the function of their operator makes of them; whether there was any.

        A function takes the node and this graph, and returns nodes, or None to leave it.
        """
        kept, changed = [], False
        for node in self._graph.node:
            bodies.rename(node, self._aliases)
            made = expansions[node.op_type](node, self) if node.op_type in expansions else None
            if made is None:
                inner = [OpenGraph(body, self.opset, self._types, self).expand(expansions) for body in bodies.of(node)]
                changed = changed or any(inner)
            kept += [node] if made is None else made
            changed = changed or made is not None
        if changed:
            names = [value.name for value in self._graph.output if value.name in self._aliases]
            kept += [helper.make_node("Identity", [self._aliases[name]], [name], name) for name in names]
            bodies.replace_nodes(self._graph, kept)
        return changed

    def name(self, values, outputs):
        """Have what reads these outputs read values of other names; no name is an output that nothing reads."""
        self._aliases.update((output, value) for value, output in zip(values, outputs) if output)

    def value(self, output):
        """The name of the value that is read in an output's place."""
        return self._aliases.get(output, output)

    def constant(self, name):
        """The numbers of a value that is known before the model runs, else None."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        return self._outer and self._outer.constant(name)

    def size(self, name, axis):
        """A size of a value, 0 where it is not known."""
        kind = self._types.get(name)
        return kind.shape.dim[axis].dim_value if kind is not None and kind.shape.dim else 0

    def add(self, name, array):
        """Keep an array as a constant of that name; the name."""
        tensor = self._graph.initializer.add()
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(array), name))
        self._constants[name] = tensor
        return name

    def fits(self, body, count):
        return count * sum(1 for _ in model_file.nodes(body)) + len(self._graph.node) <= MOST

    def shared(self, body, prefix):
        """Take over the constants of a body, one for all its copies; their new names by the old."""
        for tensor in body.initializer:
            self.add(prefix + tensor.name, numpy_helper.to_array(tensor))
        return {tensor.name: prefix + tensor.name for tensor in body.initializer}


def _constants(nodes):
    """The tensors of numbers that Constants give, by name."""
    for node in nodes:
        for form, given in bodies.settings(node).items() if node.op_type == "Constant" else ():
            if form == "value":
                yield node.output[0], given
            elif form in DTYPES:
                yield node.output[0], numpy_helper.from_array(np.asarray(given, DTYPES[form]))


def stacked(rows, axis, output, graph):
    """Nodes that put values beside each other in a new dimension; none where nothing reads the output."""
    if not output:
        return []
    parts, nodes = ["{}/part.{}".format(output, at) for at in range(len(rows))], []
    settings, axes = ({"axes": [axis]}, []) if graph.opset < AXES_AS_INPUT else ({}, [output + "/axes"])
    for name in axes:
        graph.add(name, np.array([axis]))
    for row, part in zip(rows, parts):
        nodes.append(helper.make_node("Unsqueeze", [row, *axes], [part], part, **settings))
    return [*nodes, helper.make_node("Concat", parts, [output], output, axis=axis)]
