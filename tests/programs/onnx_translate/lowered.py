"""A small ONNX model through the translate stage, the TFLite converter and TensorFlow's interpreter."""

import collections
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper
from tensorflow.core.protobuf import saved_model_pb2

from onnx_translate import translate
from stagekit import Request, arrays, layouts

OPSET = 12


def model(nodes, inputs, outputs, weights=None, opset=OPSET):
    """An ONNX model; ``inputs`` are samples by name, ``outputs`` names, ``weights`` arrays by name."""
    graph = helper.make_graph(
        nodes,
        "test",
        [
            helper.make_tensor_value_info(name, onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype], array.shape)
            for name, array in inputs.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def random(*shape, seed=0):
    """float32, normally distributed: negative as often as positive."""
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def scalar(value):
    return np.float32(value).reshape(())


class LoweredTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.folder))

    def request(self, onnx_model, samples, lowering="nhwc", **settings):
        onnx.save(onnx_model, str(self.folder / "model.onnx"))
        arrays.write(self.folder / "samples.npz", samples)
        message = {
            "id": "1",
            "operation": "translate",
            "parameters": dict(settings, lowering=lowering),
            "inputs": {"model": "model.onnx", "samples": "samples.npz"},
            "outputs": {"saved_model": "saved_model"},
        }
        return Request(message, self.folder, tempfile.mkdtemp(dir=str(self.folder)))

    def computed(self, result, saved_model, **samples):
        """What TensorFlow computes with a SavedModel, of samples by their roles: arrays by the same roles."""
        for role, given in samples.items():
            arrays.write(self.folder / role, given)
        made = Path(tempfile.mkdtemp(dir=str(self.folder)))
        inputs = dict({role: self.folder / role for role in samples}, saved_model=saved_model)
        message = {
            "id": "2",
            "operation": "compute",
            "parameters": {side: result[side] for side in ("inputs", "outputs")},
            "inputs": {role: str(path) for role, path in inputs.items()},
            "outputs": {role.replace("samples", "outputs"): role for role in samples},
        }
        translate.compute(Request(message, self.folder, made))
        return {role: arrays.read(made / role) for role in samples}

    def translate(self, onnx_model, samples, lowering="nhwc", **settings):
        """The result of the stage (as the host reads it), the SavedModel's folder and TensorFlow's outputs."""
        request = self.request(onnx_model, samples, lowering, **settings)
        result = json.loads(json.dumps(translate.translate(request)))
        saved_model = request.outputs["saved_model"]
        return result, saved_model, self.computed(result, saved_model, samples=samples)["samples"]

    def check(self, onnx_model, samples, expected, **settings):
        """Assert TensorFlow's outputs, and TFLite's of two invocations; the operator counts of the TFLite model."""
        result, folder, found = self.translate(onnx_model, samples, **settings)
        self.assertEqual(list(found), list(expected))
        interpreter = tf.lite.Interpreter(model_content=tflite(folder, result, **settings))
        interpreter.allocate_tensors()
        fed = layouts.fed(samples, result["inputs"])
        for name, array in expected.items():
            self.close(found[name], array)
        for _ in range(2):
            for detail, spec in zip(interpreter.get_input_details(), result["inputs"]):
                # A tensor without elements has no memory to be set.
                if fed[spec["name"]].size:
                    interpreter.set_tensor(detail["index"], fed[spec["name"]])
            interpreter.invoke()
            values = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
            made = layouts.read(dict(zip(expected, values)), result["outputs"])
            for name, array in expected.items():
                self.close(made[name], array)
        return collections.Counter(op["op_name"] for op in interpreter._get_ops_details())

    def check_node(self, op_type, inputs, expected, weights=None, opset=OPSET, **attributes):
        """`check` a model of one node, whose inputs are the samples and then the weights."""
        weights = weights or {}
        node = helper.make_node(op_type, list(inputs) + list(weights), ["y"], **attributes)
        return self.check(model([node], inputs, ["y"], weights, opset), inputs, {"y": expected})

    def close(self, found, expected):
        self.assertEqual(found.shape, expected.shape)
        if not np.issubdtype(expected.dtype, np.floating):
            np.testing.assert_array_equal(found, expected)
            return
        tolerance = 3e-5 * np.abs(expected[np.isfinite(expected)]).max(initial=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=max(tolerance, 1e-7))


def meta_graph(folder):
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0]


def converter(folder, result):
    """The TFLite converter of a frozen SavedModel, with inputs and outputs in the order of the result."""
    meta = meta_graph(folder)
    signature = meta.signature_def["serving_default"]
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(meta.graph_def, name="")
        inputs = [graph.get_tensor_by_name(signature.inputs[spec["key"]].name) for spec in result["inputs"]]
        outputs = [graph.get_tensor_by_name(signature.outputs[spec["key"]].name) for spec in result["outputs"]]
    return tf.compat.v1.lite.TFLiteConverter(meta.graph_def, inputs, outputs)


def tflite(folder, result, *, select_tf=False, **_):
    made = converter(folder, result)
    if select_tf:
        made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return made.convert()
