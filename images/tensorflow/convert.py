"""Stage program of the tensorflow image: SavedModel to TFLite; adopt, run and describe a SavedModel."""

import os

# TensorFlow reads it when it is imported: below errors it has nothing to say about a model.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import names
import numpy as np
import ops
import saved_model
import tensorflow as tf
from saved_model import SavedModel
from stagekit import StageError, arrays, interpreter, layouts
from stagekit import samples as samples_of_request
from variants import VARIANTS

VERSIONS = ("tensorflow-cpu", "numpy")
tf.get_logger().setLevel("ERROR")


def convert(request):
    """Convert a SavedModel to one variant of TFLite file.

    Parameters: ``variant``; ``ops``, one of `ops.CHOICES`; ``inputs`` and ``outputs``, [{name, key, shape, dtype,
    layout}] as translate or adopt returned them. Roles in: saved_model. Roles out: model (.tflite). Returns {inputs,
    outputs, select_tf}: [{name, tensor, shape, dtype, layout}] in the order of the parameters, ``tensor`` being the
    name in the file, and the names of the Select-TF operators. Raises a StageError of kind ``model`` that names the
    operators which the converter refuses.
    """
    variant, inputs, outputs = (request.parameters[name] for name in ("variant", "inputs", "outputs"))
    if variant not in VARIANTS:
        raise StageError("usage", "there is no variant {!r}, there are {}".format(variant, ", ".join(VARIANTS)))
    model = SavedModel(request.inputs["saved_model"])
    # In a graph it takes numbers of these for quantized ones, which next to no operator is for.
    frozen = model.is_frozen() and not any(entry["dtype"] in ("uint8", "int8") for entry in inputs)

    def converter():
        made = _from_graph(model, inputs, outputs) if frozen else _from_saved_model(model)
        VARIANTS[variant](made)
        return made

    content = ops.converted(converter, request.parameters["ops"], model.meta_graph.graph_def)
    request.outputs["model"].write_bytes(content)
    opened = tf.lite.Interpreter(model_content=content)
    if frozen:
        fed, made = names.by_position(opened, inputs, outputs)
    else:
        fed, made = names.by_signature(opened, inputs, outputs, model)
    return {"inputs": _mapped(inputs, fed), "outputs": _mapped(outputs, made), "select_tf": ops.select_tf(content)}


def adopt(request):
    """Take in a SavedModel that the user brought: run it on samples, and name its inputs and outputs.

    Parameters: ``inputs``, [{name, shape, dtype}] in the user's order, or [] for the signature's own in the order of
    their names; ``seed``. Roles in: saved_model, samples (optional). Roles out: samples, outputs. Returns {inputs,
    outputs}, [{name, key, shape, dtype}].
    """
    model = SavedModel(request.inputs["saved_model"])
    order = [entry["name"] for entry in request.parameters["inputs"]]
    specs = sorted(
        model.input_specs(), key=lambda spec: order.index(spec["name"]) if spec["name"] in order else len(order)
    )
    samples = samples_of_request.of(request, specs)
    outputs = model.run(samples)
    arrays.write(request.outputs["samples"], samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"inputs": _keyed(samples), "outputs": _keyed(outputs)}


def run(request):
    """Run a SavedModel on samples. Roles in: model, samples. Roles out: outputs. Returns {outputs}."""
    model = SavedModel(request.inputs["model"])
    samples = arrays.matching(arrays.read(request.inputs["samples"]), model.input_specs())
    outputs = model.run(samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"outputs": arrays.describe(outputs)}


def infer(request):
    """Run a .tflite file in TensorFlow's own interpreter, as `stagekit.interpreter.infer` says, with ``ops`` added.

    That of 2.4.1 has Select-TF operators and no XNNPACK: its times are those of TFLite's plain kernels.
    """
    operators = ops.counted(interpreter.content(request.inputs["model"]))
    return dict(interpreter.infer(tf.lite.Interpreter, request), ops=operators)


def inspect(request):
    """Put a SavedModel in words. Roles in: model. Roles out: text."""
    request.outputs["text"].write_text(saved_model.words(request.inputs["model"]), encoding="utf-8")
    return {}


def _from_graph(model, inputs, outputs):
    """A converter of a frozen model's GraphDef: a quarter of the time that from_saved_model takes.

    That loads the model as Python objects first.
    """
    graph_def = model.meta_graph.graph_def
    tensors = [model.inputs[entry["key"]].name for entry in inputs]
    tensors += [model.outputs[entry["key"]].name for entry in outputs]
    with tf.Graph().as_default():
        tensors = tf.import_graph_def(graph_def, name="", return_elements=tensors)
    for tensor, entry in zip(tensors, inputs):
        tensor.set_shape(entry["shape"])
    return tf.compat.v1.lite.TFLiteConverter(graph_def, tensors[: len(inputs)], tensors[len(inputs) :])


def _from_saved_model(model):
    return tf.lite.TFLiteConverter.from_saved_model(str(model.folder), signature_keys=[saved_model.SIGNATURE])


def _mapped(entries, details):
    """The user's list with the file's tensors; the dtype is the file's, which a quantized variant may have changed."""
    return [
        {
            "name": entry["name"],
            "tensor": details[entry["name"]]["name"],
            "shape": entry["shape"],
            "dtype": np.dtype(details[entry["name"]]["dtype"]).name,
            "layout": entry.get("layout", layouts.NCHW),
        }
        for entry in entries
    ]


def _keyed(values):
    return [dict(entry, key=entry["name"]) for entry in arrays.describe(values)]


OPERATIONS = {"convert": convert, "adopt": adopt, "run": run, "infer": infer, "inspect": inspect}
