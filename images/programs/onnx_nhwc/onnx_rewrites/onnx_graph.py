"""An ONNX graph that rewrites can change: who makes and who reads a value, weights as arrays, new names."""

import operator
from collections import defaultdict

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

# In elements. What decides a shape is smaller; shape inference copies all that it is given.
LARGE = 64


class Graph:
    """The graph of an ONNX model, open for changes: ``nodes`` in their order, weights as arrays, who reads what.

    ``inputs`` are the shapes of its inputs by name, ``outputs`` the names that must stay: what leaves the model, and
    what the bodies of operators read. What is changed takes effect with `save`.
    """

    def __init__(self, model, inputs):
        self._unchanged = list(model.graph.node)
        self.nodes = [*self._unchanged]
        versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
        # A model may be made of operators of another domain alone.
        self.opset = max(versions, default=0)
        bodies = (name for node in self.nodes for body in bodies_of(node) for name in read(body))
        self.outputs = [*(value.name for value in model.graph.output), *bodies]
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.readers[name].append(node)
        self._model = model
        self._inputs = inputs
        self._weights = {weight.name: weight for weight in model.graph.initializer}
        self._taken = {*self.makers, *self._weights, *inputs}

    def weight(self, name):
        """The value as an array if it is a weight, else None."""
        return numpy_helper.to_array(self._weights[name]) if name in self._weights else None

    def add_weight(self, like, array):
        """Keep an array under a new name, made from the name of something alike; that name."""
        weight = self._model.graph.initializer.add()
        weight.CopyFrom(numpy_helper.from_array(array, self.new_name(like)))
        self._weights[weight.name] = weight
        return weight.name

    def changed_weight(self, name, array):
        """Keep an array in the place of a weight, or beside it if more than one node reads that; its name."""
        if len(self.readers[name]) > 1 or name in self.outputs:
            return self.add_weight(name, array)
        self._weights[name].CopyFrom(numpy_helper.from_array(array, name))
        return name

    def insert_behind(self, node, added):
        """Add a node behind another one, of which it reads a value that nothing else reads."""
        place = next(at for at, each in enumerate(self.nodes) if each is node)
        self.nodes.insert(place + 1, added)
        for name in added.input:
            self.readers[name].append(added)
        self.makers.update((name, node) for name in node.output)
        self.makers.update((name, added) for name in added.output)

    def pass_on(self, node, x):
        """Take a node out: what reads its output reads another value."""
        self.nodes = [each for each in self.nodes if each is not node]
        for name in node.input:
            self.readers[name] = [each for each in self.readers[name] if each is not node]
        self._read(node.output[0], x)

    def replace(self, dropped, nodes):
        """Put nodes in the place of others, whose outputs they make as far as these are read."""
        place = next(at for at, each in enumerate(self.nodes) if each is dropped[0])
        kept = [
            [each for each in part if not _among(each, dropped)] for part in (self.nodes[:place], self.nodes[place:])
        ]
        self.nodes = [*kept[0], *nodes, *kept[1]]
        for node in dropped:
            for name in node.input:
                self.readers[name] = [each for each in self.readers[name] if not _among(each, dropped)]
                if name in self._weights and not self.readers[name]:
                    self._drop_weight(name)
        for node in nodes:
            self.makers.update((name, node) for name in node.output)
            for name in node.input:
                self.readers[name].append(node)

    def rename(self, nodes, suffix):
        """Give nodes, and what they make, other names: these are other values now, which nobody is to compare with the
        model's own. The new names of the values by the old ones.
        """
        found = {}
        for node in nodes:
            node.name = node.name and node.name + suffix
            for at, name in enumerate(node.output):
                found[name] = node.output[at] = self.new_name(name + suffix)
                self.makers[found[name]] = node
                self._read(name, found[name])
        return found

    def _read(self, name, other):
        """Let what reads a value read another one."""
        for node in self.readers.pop(name, ()):
            node.input[:] = [other if each == name else each for each in node.input]
            self.readers[other].append(node)

    def _drop_weight(self, name):
        del self._weights[name]
        weights = self._model.graph.initializer
        del weights[next(at for at, weight in enumerate(weights) if weight.name == name)]

    def new_name(self, like):
        """A name that nothing in the graph has."""
        name, number = like, 1
        while name in self._taken:
            number += 1
            name = "{}_{}".format(like, number)
        self._taken.add(name)
        return name

    def shapes(self):
        """What shape inference knows: a list of sizes for each value, None for a size that it doesn't know."""
        bare = onnx.ModelProto(ir_version=self._model.ir_version, opset_import=self._model.opset_import)
        bare.graph.node.extend(self.nodes)
        bare.graph.output.extend(self._model.graph.output)
        for value in self._model.graph.input:
            if value.name in self._inputs:
                dtype = value.type.tensor_type.elem_type
                bare.graph.input.append(helper.make_tensor_value_info(value.name, dtype, self._inputs[value.name]))
        for weight in self._weights.values():
            if np.prod(weight.dims) <= LARGE:
                bare.graph.initializer.append(weight)
            else:
                bare.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
        inferred = shape_inference.infer_shapes(bare).graph
        return {value.name: _sizes(value) for value in [*inferred.input, *inferred.value_info, *inferred.output]}

    def save(self):
        """Write the nodes back to the model, without those that nothing needs any more. Where they are the ones that
        the model has, what was changed in them is there already.
        """
        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        if len(kept) == len(self._unchanged) and all(map(operator.is_, reversed(kept), self._unchanged)):
            return
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
        del self._model.graph.node[:]
        self._model.graph.node.extend(copies)


def _among(node, nodes):
    """Whether a node is one of these: protobuf would compare what is in them."""
    return any(node is each for each in nodes)


def attributes(node):
    """A node's attributes by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def bodies_of(node):
    """The graphs that are attributes of a node: branches of If, bodies of Loop and Scan."""
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def read(body):
    """The names of what a body, or one in it, reads and does not compute itself, in order."""
    found, own = {}, {value.name for value in body.input}
    for node in body.node:
        found.update(dict.fromkeys([*node.input, *(name for inner in bodies_of(node) for name in read(inner))]))
        own.update(node.output)
    found.update(dict.fromkeys(value.name for value in body.output))
    return [name for name in found if name not in own]


def _sizes(value):
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
