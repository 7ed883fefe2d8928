"""Running a SavedModel that a lowering wrote."""

import contextlib

import numpy as np
import tensorflow as tf
from tensorflow.python.saved_model import loader_impl

from stagekit import StageError

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
    loader = loader_impl.SavedModelLoader(str(folder))
    meta_graph = loader.get_meta_graph_def_from_tags(TAGS)
    functions = (node for function in meta_graph.graph_def.library.function for node in function.node_def)
    for node in [*meta_graph.graph_def.node, *functions]:
        if "config_proto" in node.attr:
            node.attr["config_proto"].s = config.SerializeToString()
    served = _signature(meta_graph)
    fetches = {key: info.name for key, info in served.outputs.items()}

    def run(samples):
        feeds = {served.inputs[key].name: sample for key, sample in samples.items()}
        # A scalar comes as a numpy scalar.
        return {key: np.asarray(value) for key, value in session.run(fetches, feeds).items()}

    try:
        with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
            loader.load(session, TAGS)
            yield run
    except tf.errors.OpError as error:
        raise StageError(
            "model",
            "TensorFlow can't run the translated model: {}".format(error.message),
            "the node named there comes from the ONNX node of that name; replace that operator in the model",
        ) from error


def _signature(meta_graph):
    return meta_graph.signature_def[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
