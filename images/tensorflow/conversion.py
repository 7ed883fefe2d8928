"""A SavedModel on its way to TFLite: what several variants have in common is made once."""

import copy
import functools
import json

import means
import names
import ops
import padding
import saved_model
import tensorflow as tf
import transposed
from calibration import Calibrated
from saved_model import SavedModel
from stagekit import arrays, layouts
from tensorflow.core.framework import node_def_pb2

RANGE = "FakeQuantWithMinMaxVars"


@functools.lru_cache(maxsize=1)
def opened(folder, choice, signature):
    """The `Conversion` of a SavedModel folder; the last one stays loaded for the variants to come.

    ``choice`` is one of `ops.CHOICES`; ``signature`` is JSON of the inputs and outputs, [{name, key, shape, dtype,
    layout}] each.
    """
    return Conversion(SavedModel(folder), choice, *json.loads(signature))


class Conversion:
    """``inputs`` and ``outputs`` are in the user's order; ``float32`` is the plain model, as bytes."""

    def __init__(self, model, choice, inputs, outputs):
        self.inputs = inputs
        self.outputs = outputs
        self._model = model
        self._choice = choice
        # In a graph it takes numbers of these for quantized ones, which next to no operator is for.
        self._frozen = model.is_frozen() and not any(entry["dtype"] in ("uint8", "int8") for entry in inputs)

    @functools.cached_property
    def float32(self):
        return self.convert()

    @functools.cached_property
    def has_ranges(self):
        """Whether the model has been trained for int8: its graph says what to round to."""
        return self._frozen and any(node.op == RANGE for node in self._model.meta_graph.graph_def.node)

    @functools.cached_property
    def plain(self):
        """The conversion of the same model without ranges."""
        return (
            Conversion(_without_ranges(self._model), self._choice, self.inputs, self.outputs)
            if self.has_ranges
            else self
        )

    def trained(self, io="float32"):
        """A file with weights and activations of int8 by the ranges in the graph, as bytes.

        ``io`` is the dtype of the inputs and outputs that are floats in the model.
        """
        converter = self._from_graph()
        # None is the int8 of training-time quantization. The statistics of inputs, which the converter then asks for,
        # would become a rounding of their own; the graph has the range of each input.
        converter.inference_type = None
        converter._validate_quantized_input_stats = lambda *_: None  # noqa: SLF001 - there is no other way to go without
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
        content = padding.in_integers(self._converted(lambda: converter, tf.lite.Optimize.DEFAULT))
        return means.without_dimensions(transposed.by_channel(content, lambda: self.float32))

    def convert(self, *optimizations):
        """The .tflite file as bytes; a StageError of kind ``model`` names the operators which the converter refuses."""
        return self._converted(lambda: self._converter, *optimizations)

    def _converted(self, make, *optimizations):
        """``make`` gives the converter; what it raises is told like what the converter itself raises."""

        def prepared():
            converter = make()
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            converter.optimizations = list(optimizations)
            return converter

        return ops.converted(prepared, self._choice, self._model.meta_graph.graph_def)

    @functools.lru_cache(maxsize=1)  # noqa: B019 - a worker has one conversion at a time
    def calibrated(self, samples):
        """The plain model with the ranges that its tensors have on the samples: the path of an .npz file of arrays
        [samples, *shape of the input in PyTorch's layout].
        """
        fed, _ = self.named(tf.lite.Interpreter(model_content=self.float32))
        return Calibrated(self.float32, fed, layouts.fed_each(arrays.read(samples), self.inputs))

    def named(self, interpreter):
        """An interpreter's details of inputs and outputs by the user's names; all variants have one order."""
        if self._frozen:
            return names.by_position(interpreter, self.inputs, self.outputs)
        fed, made = self._places
        read, written = interpreter.get_input_details(), interpreter.get_output_details()
        return {name: read[at] for name, at in fed.items()}, {name: written[at] for name, at in made.items()}

    @functools.cached_property
    def _converter(self):
        return self._from_graph() if self._frozen else self._from_saved_model()

    @functools.cached_property
    def _places(self):
        plain = tf.lite.Interpreter(model_content=self.float32)
        fed, made = names.by_signature(plain, self.inputs, self.outputs, self._model)
        return _indices(fed, plain.get_input_details()), _indices(made, plain.get_output_details())

    def _from_graph(self):
        """A converter of a frozen model's GraphDef: a quarter of the time that from_saved_model takes.

        That loads the model as Python objects first.
        """
        model = self._model
        graph_def = model.meta_graph.graph_def
        tensors = [model.inputs[entry["key"]].name for entry in self.inputs]
        tensors += [model.outputs[entry["key"]].name for entry in self.outputs]
        with tf.Graph().as_default():
            tensors = tf.import_graph_def(graph_def, name="", return_elements=tensors)
        for tensor, entry in zip(tensors, self.inputs):
            tensor.set_shape(entry["shape"])
        count = len(self.inputs)
        return tf.compat.v1.lite.TFLiteConverter(graph_def, tensors[:count], tensors[count:])

    def _from_saved_model(self):
        folder = str(self._model.folder)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[saved_model.SIGNATURE])


def _without_ranges(model):
    plain = copy.copy(model)
    plain.meta_graph = type(model.meta_graph)()
    plain.meta_graph.CopyFrom(model.meta_graph)
    for node in plain.meta_graph.graph_def.node:
        if node.op == RANGE:
            value, *_ = node.input
            node.CopyFrom(node_def_pb2.NodeDef(name=node.name, op="Identity", input=[value]))
            node.attr["T"].type = tf.float32.as_datatype_enum
    return plain


def _indices(found, details):
    order = [detail["index"] for detail in details]
    return {name: order.index(detail["index"]) for name, detail in found.items()}
