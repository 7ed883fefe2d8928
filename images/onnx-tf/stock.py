"""The ``stock`` lowering: onnx-tf's prepare and export_graph as they are.

An old conversion can be made again with it.
"""

import traceback

import onnx_model
import tensorflow as tf
from onnx_tf.backend import prepare
from stagekit import StageError


def lower(model, samples, folder):
    """Write the SavedModel to ``folder`` and run it.

    Returns the inputs and the outputs as [{name, key, shape, dtype}] and the output arrays by ONNX name.
    """
    specs = onnx_model.inputs(model, samples)
    try:
        prepare(model).export_graph(str(folder))
        signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
        found = signature(**{name: tf.constant(sample) for name, sample in samples.items()})
    except Exception as error:
        traceback.print_exc()
        raise StageError(
            "model",
            "onnx-tf can't translate this model as it is: {}: {}".format(type(error).__name__, error),
            "use the nhwc lowering, which has its own handlers",
        ) from error
    inputs = [dict(spec, key=spec["name"]) for spec in specs]
    # export_graph drops the names of the outputs and numbers them in the model's order.
    keys = {name: "output_{}".format(index) for index, name in enumerate(onnx_model.output_names(model))}
    outputs = [
        {
            "name": name,
            "key": key,
            "shape": signature.structured_outputs[key].shape.as_list(),
            "dtype": signature.structured_outputs[key].dtype.name,
        }
        for name, key in keys.items()
    ]
    return inputs, outputs, {name: found[key].numpy() for name, key in keys.items()}
