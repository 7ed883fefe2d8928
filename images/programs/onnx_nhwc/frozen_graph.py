"""A frozen graph as a SavedModel: no variables, no functions but the branches of If, the same bytes every time."""

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from stagekit import memory, wire
from stagekit.light_graph import META_GRAPHS

SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def meta_graph(graph, inputs, outputs):
    """A MetaGraphDef that serves ``inputs`` and ``outputs`` (tensors of ``graph`` by name) under those names."""
    meta = meta_graph_pb2.MetaGraphDef()
    meta.meta_info_def.tags.append(tf.saved_model.SERVING)
    meta.meta_info_def.tensorflow_version = tf.__version__
    _copy(graph, meta.graph_def)
    signature = meta.signature_def[SIGNATURE]
    signature.method_name = tf.saved_model.PREDICT_METHOD_NAME
    for infos, tensors in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, tensor in tensors.items():
            infos[name].name = tensor.name
            infos[name].dtype = tensor.dtype.as_datatype_enum
            infos[name].tensor_shape.CopyFrom(tensor.shape.as_proto())
    return meta


def _copy(graph, graph_def):
    """Put a graph into an empty GraphDef: node by node, as all weights at once would be in memory twice more."""
    if graph._functions:  # noqa: SLF001 - it has no other way to say so
        graph_def.CopyFrom(graph.as_graph_def())
        return
    graph_def.versions.CopyFrom(graph.graph_def_versions)
    for operation in graph.get_operations():
        graph_def.node.add().CopyFrom(operation.node_def)


def name_branches(graph_def):
    """Number the functions in the order in which nodes name them.

    TensorFlow's own numbers depend on what the process has done before.
    """
    functions = {function.signature.name: function for function in graph_def.library.function}
    names, pending = {}, list(graph_def.node)
    for node in pending:
        for key in sorted(node.attr):
            function = node.attr[key].func
            if function.name in functions and function.name not in names:
                names[function.name] = "branch_{}".format(len(names))
                pending.extend(functions[function.name].node_def)
            if function.name:
                function.name = names[function.name]
    for old, new in names.items():
        functions[old].signature.name = new


def write(meta, folder):
    """Write a MetaGraphDef as the one of a SavedModel in ``folder``, which must not exist yet."""
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    memory.give_back()
    # Maps of a protobuf message have no order of their own: bytes would differ from process to process.
    content = meta.SerializeToString(deterministic=True)
    folder.mkdir()
    with (folder / "saved_model.pb").open("wb") as written:
        # In the message, the MetaGraphDef would be in memory once more.
        written.writelines([model.SerializeToString(), wire.head(META_GRAPHS, len(content)), content])
