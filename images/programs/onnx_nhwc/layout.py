"""Channels-last layout by TensorFlow's own graph optimizer, grappler."""

import tensorflow as tf
from tensorflow.core.framework import function_pb2, node_def_pb2
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.grappler import tf_optimizer

from . import graph_def_rewrites, groups
from .graph_def_rewrites.graph_def import producer

# The layout optimizer goes by known shapes and leaves transposes of constants: fold before and after it, and let
# "arithmetic" remove each pair of transposes that undo one another. It does so in two calls, because what "arithmetic"
# makes of operators in a row has to be undone before the layout optimizer sees it.
OPTIMIZERS = (("constfold", "arithmetic"), ("layout", "constfold", "arithmetic", "dependency"))

# "arithmetic" drops a monotone operator such as Relu before these, although values may be equal behind it that differ
# before it.
GUARDED = ("ArgMax", "ArgMin")

# In bytes. What decides the layout (shapes, axes, factors per channel) is smaller.
LARGE = 1 << 16


def channels_last(meta_graph, inputs, outputs):
    """The MetaGraphDef with its graph turned from NCHW to NHWC.

    ``inputs`` and ``outputs`` are names of nodes: these keep their name and shape, all others may go. The branches of
    an If, which are functions, are laid out before, each as a graph of its own.
    """
    branches = function_pb2.FunctionDefLibrary()
    branches.CopyFrom(meta_graph.graph_def.library)
    meta_graph.graph_def.ClearField("library")
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
    groups.write_apart(graph_def, weights)
    graph_def_rewrites.rewrite(graph_def)
    meta_graph.graph_def.ClearField("node")
    for node in _ordered(graph_def.node, inputs + outputs):
        meta_graph.graph_def.node.add().CopyFrom(weights.pop(node.name, node))
        meta_graph.graph_def.node[-1].device = ""
    meta_graph.graph_def.library.CopyFrom(branches)
    return meta_graph


def _take_weights(graph_def):
    """Put placeholders where large constants are, and return the constants by name.

    The optimizer would copy them over and over and look at each of their elements. Kernels of convolutions in groups
    are taken too, whatever their size.
    """
    weights = {}
    kernels = groups.kernels(graph_def)
    for node in graph_def.node:
        if node.op != "Const":
            continue
        if node.name in kernels or len(node.attr["value"].tensor.tensor_content) >= LARGE:
            weights[node.name] = node_def_pb2.NodeDef()
            weights[node.name].CopyFrom(node)
            shape = node.attr["value"].tensor.tensor_shape
            node.op = "Placeholder"
            node.attr["shape"].shape.CopyFrom(shape)
            del node.attr["value"]
    return weights


def _guard(graph_def):
    """Put an EnsureShape, which does nothing, before each of GUARDED; the names of these nodes."""
    guards = []
    for node in [node for node in graph_def.node if node.op in GUARDED]:
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
            pending.extend((producer(reference), False) for reference in reversed(by_name[name].input))
    return ordered


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
