"""A graph with an open batch, from two graphs of one model: for two batch sizes.

What is the same in both holds for every size. What differs depends on the batch, and is computed from it, or refused.
"""

import itertools

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from stagekit import StageError

NO_MATTER = ("_output_shapes", "shape", "value")
ONE_SIZE = (
    "convert the model for one batch size, without --dynamic-batch and --dynamic, or write this part of it for any"
)


def opened(one, other, sizes):
    """The MetaGraphDef for any batch size, from those for two ``sizes``, both frozen and in the same order.

    The batch is the first dimension of the inputs in whose shapes they differ. Raises a StageError of kind ``model``
    that names the node at which the graphs differ in more than a number that is a multiple of the batch.
    """
    return _Merge(one, other, sizes).meta_graph()


def common(shape, other):
    """A shape with None for the sizes in which the two differ."""
    return [size if size == another else None for size, another in zip(shape, other)]


class _Merge:
    def __init__(self, one, other, sizes):
        self._one, self._sizes = one, sizes
        self._pairs = list(zip(one.graph_def.node, other.graph_def.node))
        self._signatures = [_only_signature(meta) for meta in (one, other)]
        self._same_branches = one.graph_def.library == other.graph_def.library
        self._check_structure(len(one.graph_def.node) == len(other.graph_def.node))
        self._shapes = [_shapes(meta.graph_def) for meta in (one, other)]
        self._added = []
        # Constants that differ, by name, and what takes their place.
        self._differing = {}
        self._computed = {}
        self._size = None

    def meta_graph(self):
        nodes = [self._node(one, other) for one, other in self._pairs]
        meta = meta_graph_pb2.MetaGraphDef()
        meta.CopyFrom(self._one)
        meta.graph_def.ClearField("node")
        meta.graph_def.node.extend(node for node in [*nodes, *self._added] if node is not None)
        signature, (_, other) = _only_signature(meta), self._signatures
        for infos, others in ((signature.inputs, other.inputs), (signature.outputs, other.outputs)):
            for key, info in infos.items():
                _open(info.tensor_shape, others[key].tensor_shape)
        return meta

    def _check_structure(self, same_length):
        names = {}
        for one, other in self._pairs:
            names[other.name] = one.name
            same = one.op == other.op and list(one.input) == [_renamed(name, names) for name in other.input]
            if not same or _settings(one) != _settings(other):
                raise self._refusal(one, "{} is not the same")
            if any(setting.HasField("func") for setting in one.attr.values()) and not self._same_branches:
                raise self._refusal(one, "a branch of {} is not the same")
        if not same_length:
            raise self._refusal(self._pairs[-1][0], "what follows {} is not the same")

    def _node(self, one, other):
        """The node for any batch; None for a constant that is one only at a fixed batch."""
        node = node_def_pb2.NodeDef()
        node.CopyFrom(one)
        node.attr.pop("_output_shapes", None)
        if one.op == "Placeholder":
            _open(node.attr["shape"].shape, other.attr["shape"].shape)
        elif one.op == "Const" and one.attr["value"] != other.attr["value"]:
            self._differing[one.name] = [tf.make_ndarray(entry.attr["value"].tensor) for entry in (one, other)]
            return None
        for index, name in enumerate(one.input):
            if name in self._differing:
                shape = self._open_shape(one) if one.op == "Reshape" and index == 1 else None
                node.input[index] = shape or self._of_batch(name, one)
        if one.op == "Mean":
            node.input[0] = self._sheltered(node)
        return node

    def _sheltered(self, node):
        """The name of a StopGradient before this node.

        Where a size is unknown, TFLite's converter pulls transposes through a mean without turning its result.
        """
        dtype = tf.as_dtype(node.attr["T"].type)
        return self._add("StopGradient", node.name + "/shelter", list(node.input[:1]), T=dtype)

    def _open_shape(self, reshape):
        """The name of a constant with -1 for the one size of the result that depends on the batch, if it is one."""
        one, other = [shapes[reshape.name] for shapes in self._shapes]
        open_at = [axis for axis, (size, another) in enumerate(zip(one, other)) if size != another]
        if len(open_at) != 1:
            return None
        shape = np.array(one, np.int32)
        shape[open_at[0]] = -1
        return self._constant(reshape.name + "/open_shape", shape)

    def _of_batch(self, name, consumer):
        """The name of a node that computes what a constant is for each batch."""
        if name not in self._computed:
            one, other = self._differing[name]
            if one.ndim <= 1 and one.shape == other.shape and one.dtype == np.int32:
                computed = self._numbers(name, one, other)
            else:
                computed = self._repeated(name, one, other)
            if computed is None:
                raise self._refusal(consumer, "an operand of {} is neither the same nor a multiple of the batch")
            self._computed[name] = computed
        return self._computed[name]

    def _numbers(self, name, one, other):
        """Of numbers, those that differ as multiples of the batch."""
        parts = []
        for index, (number, another) in enumerate(zip(one.ravel(), other.ravel())):
            scope, factor = "{}/{}".format(name, index), number // self._sizes[0]
            if number == another:
                parts.append(self._constant(scope, np.array(number)))
            elif [number, another] == [factor * size for size in self._sizes]:
                parts.append(self._multiple(scope, factor))
            else:
                return None
        return parts[0] if one.ndim == 0 else self._pack(name, parts)

    def _repeated(self, name, one, other):
        """What is one and the same for each element of the batch."""
        axes = [axis for axis, (size, another) in enumerate(zip(one.shape, other.shape)) if size != another]
        if one.ndim != other.ndim or len(axes) != 1:
            return None
        (axis,) = axes
        period = one.shape[axis] // self._sizes[0]
        element = np.take(one, range(period), axis)
        times = [[size if at == axis else 1 for at in range(one.ndim)] for size in self._sizes]
        if not all(np.array_equal(np.tile(element, counts), array) for counts, array in zip(times, (one, other))):
            return None
        once = self._constant(name + "/once", np.array(1, np.int32))
        counts = [self._batch() if at == axis else once for at in range(one.ndim)]
        inputs = [self._constant(name + "/element", element), self._pack(name + "/counts", counts)]
        return self._add("Tile", name, inputs, T=tf.as_dtype(one.dtype), Tmultiples=tf.int32)

    def _multiple(self, name, factor):
        """The batch, times a factor."""
        if factor == 1:
            return self._batch()
        factor = self._constant(name + "/factor", np.array(factor, np.int32))
        return self._add("Mul", name, [self._batch(), factor], T=tf.int32)

    def _batch(self):
        """The name of a node that is the size of the batch, read from an input."""
        if self._size is None:
            names = {one.name for one, _ in self._pairs}
            scope = next(name for name in map("batch_size_{}".format, itertools.count()) if name not in names)
            inputs = [pair for pair in self._pairs if pair[0].op == "Placeholder"]
            fed = next(one for one, other in inputs if one.attr["shape"] != other.attr["shape"])
            dtype = tf.as_dtype(fed.attr["dtype"].type)
            shape = self._add("Shape", scope + "/shape", [fed.name], T=dtype, out_type=tf.int32)
            first, second = [self._constant("{}/{}".format(scope, at), np.array([at], np.int32)) for at in (0, 1)]
            self._size = self._add(
                "StridedSlice", scope, [shape, first, second, second], Index=tf.int32, T=tf.int32, shrink_axis_mask=1
            )
        return self._size

    def _pack(self, name, parts):
        return self._add("Pack", name, parts, T=tf.int32, N=len(parts), axis=0)

    def _constant(self, name, array):
        dtype = tf.as_dtype(array.dtype)
        return self._add("Const", name, [], dtype=dtype, value=tf.make_tensor_proto(array))

    def _add(self, op, name, inputs, **attributes):
        node = node_def_pb2.NodeDef(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            if isinstance(value, tf.DType):
                node.attr[key].type = value.as_datatype_enum
            elif isinstance(value, int):
                node.attr[key].i = value
            else:
                node.attr[key].tensor.CopyFrom(value)
        self._added.append(node)
        return name

    def _refusal(self, node, reason):
        what = reason.format("{} ({})".format(node.op, node.name))
        message = "its batch can't be left open: {} for batches of {} and of {}".format(what, *self._sizes)
        return StageError("model", message, ONE_SIZE)


def _only_signature(meta):
    (signature,) = meta.signature_def.values()
    return signature


def _renamed(reference, names):
    """An input (name, name:1 or ^name) under another name of its node."""
    name = reference.lstrip("^").split(":")[0]
    return reference.replace(name, names.get(name, name), 1)


def _settings(node):
    """What must be the same for both; of a constant, only that it is one of the same dtype."""
    return {key: value for key, value in node.attr.items() if key not in NO_MATTER}


def _open(shape, other):
    """Make the sizes that differ unknown."""
    for size, another in zip(shape.dim, other.dim):
        if size.size != another.size:
            size.size = -1


def _shapes(graph_def):
    """The static shape of each node's first output, by name."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return {op.name: op.outputs[0].shape.as_list() for op in graph.get_operations() if op.type == "Reshape"}
