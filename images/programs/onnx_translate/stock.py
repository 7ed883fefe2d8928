"""The ``stock`` lowering: onnx-tf's prepare and export_graph as they are.

An old conversion can be made again with it.
"""

import traceback

import tensorflow as tf
from onnx_tf.backend import prepare

from stagekit import StageError
from stagekit.errors import pass_on

from . import onnx_model, running


def lower(model, samples, folder):
    """Write the SavedModel to ``folder``. Returns the inputs and the outputs as [{name, key, shape, dtype}]."""
    specs = onnx_model.inputs(model, samples)
    try:
        prepared = prepare(model)
        prepared.export_graph(str(folder))
        keys = _keys(prepared, onnx_model.output_names(model))
        signature = running.signature(folder)
    except Exception as error:
        pass_on(error)
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
    return inputs, outputs


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
