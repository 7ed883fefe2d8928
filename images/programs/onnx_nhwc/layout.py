"""Channels-last layout by TensorFlow's own graph optimizer, grappler."""

from collections import Counter

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.grappler import tf_optimizer

from . import fusing, products

# The layout optimizer goes by known shapes and leaves transposes of constants: fold before and after it, and let
# "arithmetic" remove each pair of transposes that undo one another. It does so in two calls, because what "arithmetic"
# makes of operators in a row has to be undone before the layout optimizer sees it.
OPTIMIZERS = (("constfold", "arithmetic"), ("layout", "constfold", "arithmetic", "dependency"))

# TFLite's converter pulls transposes through these. A MaxPool is left NCHW by that, which it has no operator for, and
# through a Pad there is more to transpose.
SHELTERED = ("MaxPool", "MirrorPad", "Pad", "PadV2")

# "arithmetic" drops a monotone operator before these, as Relu, though what is equal behind it is not before it.
PLACES = ("ArgMax", "ArgMin")

# In bytes. What decides the layout (shapes, axes, factors per channel) is smaller.
LARGE = 1 << 16


def channels_last(meta_graph, inputs, outputs):
    """The MetaGraphDef with its graph turned from NCHW to NHWC.

    ``inputs`` and ``outputs`` are names of nodes: these keep their name and shape, all others may go.
    """
    weights = _take_weights(meta_graph.graph_def)
    guards = _guard(meta_graph.graph_def)
    # The layout optimizer passes by nodes that are on no device.
    for node in meta_graph.graph_def.node:
        node.device = "/device:CPU:0"
    for optimizers in OPTIMIZERS:
        graph_def = tf_optimizer.OptimizeGraph(_config(optimizers), meta_graph, verbose=False)
        _spell_out_compositions(graph_def)
        meta_graph.graph_def.CopyFrom(graph_def)
    _drop(graph_def, guards)
    _restore_integer_products(graph_def)
    _restore_hard_swish(graph_def)
    _transpose_before_padding(graph_def)
    _shelter(graph_def)
    fusing.keep_activations(graph_def)
    products.keep_whole(graph_def)
    meta_graph.graph_def.ClearField("node")
    for node in _ordered(graph_def.node, inputs + outputs):
        meta_graph.graph_def.node.add().CopyFrom(weights.pop(node.name, node))
        meta_graph.graph_def.node[-1].device = ""
    return meta_graph


def _take_weights(graph_def):
    """Put placeholders where large constants are, and return the constants by name.

    The optimizer would copy them over and over and look at each of their elements.
    """
    weights = {}
    for node in graph_def.node:
        if node.op == "Const" and len(node.attr["value"].tensor.tensor_content) >= LARGE:
            weights[node.name] = node_def_pb2.NodeDef()
            weights[node.name].CopyFrom(node)
            shape = node.attr["value"].tensor.tensor_shape
            node.op = "Placeholder"
            node.attr["shape"].shape.CopyFrom(shape)
            del node.attr["value"]
    return weights


def _guard(graph_def):
    """Put a node that means nothing before each of PLACES; the names of these."""
    guards = []
    for node in [node for node in graph_def.node if node.op in PLACES]:
        guard = graph_def.node.add(name=node.name + "/guard", op="EnsureShape", input=node.input[:1])
        guard.attr["shape"].shape.unknown_rank = True
        guard.attr["T"].CopyFrom(node.attr["T"])
        node.input[0] = guard.name
        guards.append(guard.name)
    return guards


def _drop(graph_def, names):
    """Take the nodes of these names out: what reads them reads their first inputs."""
    inputs = {node.name: node.input[0] for node in graph_def.node if node.name in names}
    for at in reversed([at for at, node in enumerate(graph_def.node) if node.name in inputs]):
        del graph_def.node[at]
    for node in graph_def.node:
        node.input[:] = [inputs.get(name, name) for name in node.input]


def _spell_out_compositions(graph_def):
    """Undo what "arithmetic" makes of operators in a row that take one operand: no other program knows the node."""
    for node in [node for node in graph_def.node if node.op == "_UnaryOpsComposition"]:
        *before, last = [name.decode() for name in node.attr["op_names"].list.s]
        for index, op in enumerate(before):
            step = graph_def.node.add(name="{}/{}".format(node.name, index), op=op, input=node.input[:1])
            step.attr["T"].CopyFrom(node.attr["T"])
            node.input[0] = step.name
        node.op = last
        del node.attr["op_names"]


def _restore_integer_products(graph_def):
    """Multiply integers by themselves again: TFLite's SQUARE, which "arithmetic" has made of that, is for floats."""
    for node in graph_def.node:
        if node.op == "Square" and tf.as_dtype(node.attr["T"].type).is_integer:
            node.op = "Mul"
            node.input[:] = [node.input[0]] * 2


def _restore_hard_swish(graph_def):
    """Multiply x * relu6(x + 3) by 1/6 again, as the converter knows it: "constfold" has multiplied x."""
    nodes = {node.name: node for node in graph_def.node}
    readers = _readers(graph_def)
    for node in graph_def.node:
        if node.op != "Mul":
            continue
        for scaled, clipped in (node.input, node.input[::-1]):
            inner = nodes[_producer(scaled)]
            if nodes[_producer(clipped)].op != "Relu6" or inner.op != "Mul" or readers[inner.name] > 1:
                continue
            constants = [name for name in inner.input if nodes[_producer(name)].op == "Const"]
            if len(constants) == 1:
                (x,) = (name for name in inner.input if name not in constants)
                inner.input[:] = [x, clipped]
                node.input[:] = [inner.name, constants[0]]
                break


def _transpose_before_padding(graph_def):
    """Pad what is transposed, not the other way round: a runtime makes padding part of the convolution behind it."""
    nodes = {node.name: node for node in graph_def.node}
    for node in [node for node in graph_def.node if node.op == "Transpose"]:
        pad, order = (nodes[_producer(name)] for name in node.input)
        if pad.op not in ("Pad", "PadV2") or order.op != "Const" or _readers(graph_def)[pad.name] > 1:
            continue
        widths = tf.make_ndarray(nodes[_producer(pad.input[1])].attr["value"].tensor)
        permuted = graph_def.node.add(name=node.name + "/widths", op="Const")
        permuted.attr["dtype"].type = tf.as_dtype(widths.dtype).as_datatype_enum
        permuted.attr["value"].tensor.CopyFrom(
            tf.make_tensor_proto(widths[tf.make_ndarray(order.attr["value"].tensor)])
        )
        # The two nodes change places under their names, so that nothing that reads the last one has to change.
        moved = graph_def.node.add(name=pad.name + "/transpose", op="Transpose", input=[pad.input[0], node.input[1]])
        for name in ("T", "Tperm"):
            moved.attr[name].CopyFrom(node.attr[name])
        inputs = [moved.name, permuted.name, *pad.input[2:]]
        node.op = pad.op
        node.input[:] = inputs
        node.attr.clear()
        for name in ("T", "Tpaddings"):
            node.attr[name].CopyFrom(pad.attr[name])


def _readers(graph_def):
    """How many nodes read each node."""
    return Counter(_producer(reference) for node in graph_def.node for reference in node.input)


def _shelter(graph_def):
    """Put a node that means nothing before each of SHELTERED, and after each transpose that has more than one use.

    The converter pulls no transpose through it, and drops it later. A transpose that it moves behind one of its uses is
    gone for the others.
    """
    for node in [node for node in graph_def.node if node.op in SHELTERED]:
        shelter = graph_def.node.add(name=node.name + "/shelter", op="StopGradient", input=node.input[:1])
        shelter.attr["T"].CopyFrom(node.attr["T"])
        node.input[0] = shelter.name
    uses = Counter(name for node in graph_def.node for name in node.input)
    shared = {node.name: node for node in graph_def.node if node.op == "Transpose" and uses[node.name] > 1}
    for node in graph_def.node:
        for at, name in enumerate(node.input):
            if name in shared:
                node.input[at] = name + "/shelter"
    for name, node in shared.items():
        shelter = graph_def.node.add(name=name + "/shelter", op="StopGradient", input=[name])
        shelter.attr["T"].CopyFrom(node.attr["T"])


def _ordered(nodes, roots):
    """The nodes that the roots need, each after its inputs. The optimizer's own order differs between processes."""
    by_name = {node.name: node for node in nodes}
    ordered, seen = [], set()
    pending = [(name, False) for name in reversed(roots)]
    while pending:
        name, has_its_inputs = pending.pop()
        if has_its_inputs:
            ordered.append(by_name[name])
        elif name not in seen:
            seen.add(name)
            pending.append((name, True))
            pending.extend((_producer(reference), False) for reference in reversed(by_name[name].input))
    return ordered


def _producer(reference):
    """The node that an input (name, name:1 or ^name) comes from."""
    return reference.lstrip("^").split(":")[0]


def _config(optimizers):
    config = tf.compat.v1.ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.optimizers.extend(optimizers)
    rewriting.cpu_layout_conversion = rewriter_config_pb2.RewriterConfig.NCHW_TO_NHWC
    rewriting.fail_on_optimizer_errors = True
    # No graph is too small, and a slow machine makes the same graph.
    rewriting.min_graph_nodes = -1
    rewriting.meta_optimizer_timeout_ms = -1
    return config
