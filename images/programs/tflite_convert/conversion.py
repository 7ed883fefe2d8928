"""A SavedModel on its way to TFLite: what several variants have in common is made once."""

import functools
import json
import re
from unittest import mock

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.lite.python import convert as tflite

from stagekit import arrays, layouts

from . import flatbuffer, ops, passes, public_api, saved_model, signature, splats, tensor_names
from .passes import Place
from .post_training_quantization import Calibrated, Quantizer, refused
from .saved_model import SavedModel

RANGE = "FakeQuantWithMinMaxVars"
# The converter takes tensors of these for quantized numbers. Here they are integers themselves.
SMALL_INTEGERS = ("uint8", "int8", "int16")


@functools.lru_cache(maxsize=1)
def opened(folder, choice, as_written, tensors, has=()):
    """The `Conversion` of a SavedModel folder; the last one stays loaded for the variants to come.

    ``choice`` is one of `ops.CHOICES`; ``tensors`` is JSON of the inputs and outputs, [{name, key, shape, dtype,
    layout}] each; ``has`` is as `passes.Known` has it.
    """
    return Conversion(SavedModel(folder), choice, as_written, *json.loads(tensors), has)


class Conversion:
    """``inputs`` and ``outputs`` are in the user's order; ``float32`` is the plain model, as bytes.

    Files have their inputs and outputs in that order, unless they are to be ``as_written`` by `from_saved_model`.
    ``has`` is what the target has, as `passes.Known` says.
    """

    def __init__(self, model, choice, as_written, inputs, outputs, has=()):
        self.inputs = inputs
        self.outputs = outputs
        self.has = has
        self._model = model
        self._choice = choice
        self._as_written = as_written
        self._frozen = model.is_frozen() and not as_written

    @functools.cached_property
    def float32(self):
        return self.convert()

    @functools.cached_property
    def has_ranges(self):
        """Whether the model has been trained for int8: its graph says what to round to."""
        return self._frozen and any(node.op == RANGE for node in self._model.graph.node)

    @functools.cached_property
    def plain(self):
        """The conversion of the same model without ranges."""
        return (
            Conversion(
                _without_ranges(self._model), self._choice, self._as_written, self.inputs, self.outputs, self.has
            )
            if self.has_ranges
            else self
        )

    def trained(self, io="float32"):
        """A file with weights and activations of int8 by the ranges in the graph, as bytes.

        ``io`` is the dtype of the inputs and outputs that are floats in the model.
        """
        converter = self._from_graph(self._model)
        # None is the int8 of training-time quantization. The statistics of inputs, which the converter then asks for at
        # two places, would become a rounding of their own; the graph has the range of each input. The converter has no
        # public way to go without them.
        converter.inference_type = None
        converter._validate_quantized_input_stats = lambda *_: None  # noqa: SLF001
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
        with mock.patch.object(tflite, "_requires_input_stats", return_value=False):
            content = self._converted(lambda: converter, tf.lite.Optimize.DEFAULT)
        return passes.applied(content, Place.TRAINED, floats=lambda: flatbuffer.unpacked(self.float32), has=self.has)

    def convert(self, *optimizations):
        """The .tflite file as bytes; a StageError of kind ``model`` names the operators which the converter refuses."""
        if self._frozen and not optimizations:
            content = splats.converted(self._model, lambda model: self._converted(lambda: self._from_graph(model)))
        else:
            content = self._converted(lambda: self._converter, *optimizations)
        alone = len(self.inputs) == len(self.outputs) == 1
        if self._frozen or self._as_written or alone:
            return content
        return passes.applied(content, Place.CONVERTED, order=self._order(content))

    def dynamic(self, variant, bits=8):
        """A file with weights of int8 that runtimes quantize activations for, those of dense layers of so many bits
        where the target has them, as bytes.
        """
        content = self.convert(tf.lite.Optimize.DEFAULT)
        if self._as_written:
            return content
        known = {"floats": lambda: flatbuffer.unpacked(self.float32), "has": self.has, "bits": bits}
        return passes.applied(content, Place.DYNAMIC, variant, **known)

    def _order(self, content):
        """The places of a file's inputs and outputs, in the order of the lists: ([inputs], [outputs])."""
        opened = tf.lite.Interpreter(model_content=content)
        sides = tensor_names.by_signature(opened, self.inputs, self.outputs, self._model)
        return tuple([detail["index"] for detail in side.values()] for side in sides)

    def _converted(self, make, *optimizations):
        """``make`` gives the converter; its exceptions are reported as the converter's own."""

        def prepared():
            converter = make()
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            converter.optimizations = list(optimizations)
            return converter

        return ops.converted(prepared, self._choice, self._model.graph)

    @property
    def is_whole(self):
        """Whether the converter's public API alone makes every variant, as `of_api` has it."""
        return self._as_written and public_api.is_enough(self._converter)

    def of_api(self, variant, samples=None, io="float32"):
        """The file of a variant by the converter's public API alone, as bytes.

        ``samples`` are the path of an .npz file as `quantizer` has them, ``io`` is as `public_api.prepare` has it.
        """
        keys = {entry["name"]: entry["key"] for entry in self.inputs}
        fed = layouts.fed_each(arrays.read(samples), self.inputs) if samples else []
        fed = [{keys[name]: array for name, array in sample.items()} for sample in fed]

        def prepared():
            converter = self._from_saved_model()
            public_api.prepare(converter, variant, fed, io)
            return converter

        try:
            return ops.converted(prepared, self._choice, self._model.graph)
        except RuntimeError as error:
            raise refused(error) from error

    @functools.lru_cache(maxsize=1)  # noqa: B019 - a worker has one conversion at a time
    def quantizer(self, samples, method, steps):
        """What makes integers of the plain model by a `Method`, with weights of some `WeightSteps`, from the ranges
        that its tensors have on the samples: the path of an .npz file of arrays [samples, *shape of the input in
        PyTorch's layout].
        """
        return Quantizer(self._calibrated(samples, method.equalize, steps), method)

    # Methods are compared with layers as they are, and equalized.
    @functools.lru_cache(maxsize=2)  # noqa: B019 - as above
    def _calibrated(self, samples, equalize, steps):
        fed, _ = self.named(self.float32)
        fed_each = layouts.fed_each(arrays.read(samples), self.inputs)
        wanted = {"equalize": equalize, "steps": steps, "as_written": self._as_written, "has": self.has}
        return Calibrated(self.float32, fed, fed_each, **wanted)

    def named(self, content):
        """The interpreter's details of a file's inputs and outputs by the user's names."""
        opened = tf.lite.Interpreter(model_content=content)
        if not self._as_written:
            return tensor_names.by_position(opened, self.inputs, self.outputs)
        # The signature of a file that TensorFlow 2.4 quantized still has the tensors' numbers from before.
        if self.is_whole:
            return tensor_names.as_signed(opened, self.inputs, self.outputs, signature.signed(content))
        return tensor_names.by_signature(opened, self.inputs, self.outputs, self._model)

    @functools.cached_property
    def _converter(self):
        return self._from_graph(self._model) if self._frozen else self._from_saved_model()

    def _from_graph(self, model):
        """A converter of the GraphDef of a frozen model, this one or the same with splats: a quarter of the time that
        from_saved_model takes, since that loads the model as Python objects first.

        Of its inputs and outputs the converter wants names, dtypes and shapes alone. So these are of another graph: one
        with the weights would be a copy of them.
        """
        graph_def = _Serialized(model)
        sides = [
            [(served[entry["key"]], entry) for entry in entries]
            for served, entries in ((model.inputs, self.inputs), (model.outputs, self.outputs))
        ]
        if any(entry["dtype"] in SMALL_INTEGERS for entry in self.inputs):
            # By their names alone: without tensors, the converter takes their dtypes from the graph.
            named, outputs = ([_node(info) for info, _ in side] for side in sides)
            shapes = [[-1 if size is None else size for size in entry["shape"]] for entry in self.inputs]
            return tf.compat.v1.lite.TFLiteConverter(
                graph_def, None, None, input_arrays_with_shape=list(zip(named, shapes)), output_arrays=outputs
            )
        with tf.Graph().as_default():
            tensors = [
                [tf.compat.v1.placeholder(info.dtype, entry["shape"], _node(info)) for info, entry in side]
                for side in sides
            ]
        return tf.compat.v1.lite.TFLiteConverter(graph_def, *tensors)

    def _from_saved_model(self):
        folder = str(self._model.folder)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[saved_model.SIGNATURE])


def _node(info):
    """The node that gives a tensor of a signature; of a frozen graph these have no other outputs."""
    return re.sub(":0$", "", info.name)


class _Serialized:
    """A GraphDef as the converter takes it, which looks at the nodes and wants the rest as bytes: a message would be a
    copy of the weights, and it would make another one.
    """

    def __init__(self, model):
        self.node, self.library = model.graph.node, model.graph.library
        self.SerializeToString = model.serialized


def _without_ranges(model):
    graph_def = model.graph_def()
    for node in graph_def.node:
        if node.op == RANGE:
            value, *_ = node.input
            node.CopyFrom(node_def_pb2.NodeDef(name=node.name, op="Identity", input=[value]))
            node.attr["T"].type = tf.float32.as_datatype_enum
    return model.of_graph(graph_def)
