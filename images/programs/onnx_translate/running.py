"""Running a SavedModel that a lowering wrote."""

import contextlib

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.saved_model import loader_impl

from stagekit import StageError, light_graph, wire
from stagekit.errors import pass_on

TAGS = [tf.saved_model.SERVING]


def signature(folder):
    """The SignatureDef by which a SavedModel is served."""
    return _signature(loader_impl.SavedModelLoader(str(folder)).get_meta_graph_def_from_tags(TAGS))


@contextlib.contextmanager
def opened(folder):
    """While this context is entered, what runs the model: a function of samples by signature key, which returns the
    outputs by key.

    Grappler is off: what is run is the graph as it was written, not one that is optimized for this machine, and
    Grappler drops operators that decide what is equal. Calls of functions have a configuration of their own. One
    thread, because outputs are kept by their bytes. Raises a StageError of kind ``model`` for what TensorFlow can't
    run.
    """
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    try:
        with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
            served, weights = _loaded(folder, session, config)
            fetches = {key: info.name for key, info in served.outputs.items()}

            def run(samples):
                feeds = {served.inputs[key].name: sample for key, sample in samples.items()}
                # A scalar comes as a numpy scalar.
                found = session.run(fetches, dict(feeds, **weights))
                return {key: np.asarray(value) for key, value in found.items()}

            yield run
    except tf.errors.OpError as error:
        pass_on(error)
        raise StageError(
            "model",
            "TensorFlow can't run the translated model: {}".format(error.message),
            "the node named there comes from the ONNX node of that name; replace that operator in the model",
        ) from error


def _loaded(folder, session, config):
    """The SignatureDef of a SavedModel that is loaded into a session, and what is to be fed at every run: the large
    weights by the names of tensors. In the graph they would be in memory several times.
    """
    file = folder / "saved_model.pb"
    with wire.mapped(file) as content:
        light, (place,) = light_graph.split(content)
    (meta_graph,) = saved_model_pb2.SavedModel.FromString(light).meta_graphs
    if place is not None and not meta_graph.HasField("object_graph_def"):
        nodes = [node for node in meta_graph.graph_def.node if node.name in place.constants]
        weights = dict(_opened(node, place.constants[node.name], file) for node in nodes)
        tf.import_graph_def(meta_graph.graph_def, name="")
        return _signature(meta_graph), weights
    loader = loader_impl.SavedModelLoader(str(folder))
    meta_graph = loader.get_meta_graph_def_from_tags(TAGS)
    functions = (node for function in meta_graph.graph_def.library.function for node in function.node_def)
    for node in [*meta_graph.graph_def.node, *functions]:
        if "config_proto" in node.attr:
            node.attr["config_proto"].s = config.SerializeToString()
    loader.load(session, TAGS)
    return _signature(meta_graph), {}


def _opened(node, constant, file):
    """Make a placeholder of a constant of the nhwc lowering; the name of its tensor, and its numbers."""
    tensor = tensor_pb2.TensorProto.FromString(constant.tensor)
    node.op = "Placeholder"
    node.attr["shape"].shape.CopyFrom(tensor.tensor_shape)
    numbers = np.frombuffer(light_graph.read(file, constant.numbers), tf.as_dtype(tensor.dtype).as_numpy_dtype)
    return node.name + ":0", numbers.reshape([size.size for size in tensor.tensor_shape.dim])


def _signature(meta_graph):
    return meta_graph.signature_def[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
