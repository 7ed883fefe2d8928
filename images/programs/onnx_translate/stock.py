"""The ``stock`` lowering: onnx-tf's prepare and export_graph as they are.

An old conversion can be made again with it.
"""

import traceback

import numpy as np
import tensorflow as tf
from onnx_tf.backend import prepare
from tensorflow.python.saved_model import loader_impl

from stagekit import StageError

from . import onnx_model

TAGS = [tf.saved_model.SERVING]


def lower(model, samples, folder):
    """Write the SavedModel to ``folder`` and run it.

    Returns the inputs and the outputs as [{name, key, shape, dtype}] and the output arrays by ONNX name.
    """
    specs = onnx_model.inputs(model, samples)
    try:
        prepared = prepare(model)
        prepared.export_graph(str(folder))
        keys = _keys(prepared, onnx_model.output_names(model))
        signature, found = _run(folder, samples)
    except Exception as error:
        traceback.print_exc()
        raise StageError(
            "model",
            "onnx-tf can't translate this model as it is: {}".format(_reason(error)),
            "--lowering nhwc has handlers of its own: convert with it, where the toolchain has it",
        ) from error
    inputs = [dict(spec, key=spec["name"]) for spec in specs]
    outputs = [
        {
            "name": name,
            "key": key,
            "shape": tf.TensorShape(signature.outputs[key].tensor_shape).as_list(),
            "dtype": tf.as_dtype(signature.outputs[key].dtype).name,
        }
        for name, key in keys.items()
    ]
    return inputs, outputs, {name: found[key] for name, key in keys.items()}


def _keys(prepared, names):
    """The signature's key of each output of the model.

    A module that returns a list leaves its outputs without names: TensorFlow numbers them, in the model's order.
    """
    traced = prepared.tf_module.__call__.get_concrete_function(**prepared.signatures)
    if isinstance(traced.structured_outputs, dict):
        return {name: name for name in names}
    return {name: "output_{}".format(index) for index, name in enumerate(names)}


def _reason(error):
    """What an exception says, on one line, without the stack that TensorFlow puts before it."""
    name, text = type(error).__name__, str(error)
    if text.startswith("in user code:"):
        text = text.rpartition("\n    {}: ".format(name))[2]
    return "{}: {}".format(name, " ".join(text.split()))


def _run(folder, samples):
    """The SavedModel's signature, and its outputs by key.

    Grappler is off: it drops operators that decide what is equal. Calls of functions have a configuration of their own.
    """
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    loader = loader_impl.SavedModelLoader(str(folder))
    meta_graph = loader.get_meta_graph_def_from_tags(TAGS)
    functions = (node for function in meta_graph.graph_def.library.function for node in function.node_def)
    for node in [*meta_graph.graph_def.node, *functions]:
        if "config_proto" in node.attr:
            node.attr["config_proto"].s = config.SerializeToString()
    signature = meta_graph.signature_def[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
    with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
        loader.load(session, TAGS)
        fetches = {key: info.name for key, info in signature.outputs.items()}
        feeds = {signature.inputs[name].name: sample for name, sample in samples.items()}
        # A scalar comes as a numpy scalar.
        return signature, {key: np.asarray(value) for key, value in session.run(fetches, feeds).items()}
