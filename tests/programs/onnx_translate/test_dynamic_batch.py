"""Models with an open batch, made from one model for two batch sizes."""

import json
import tempfile
import unittest

import numpy as np
import onnx
import tensorflow as tf
from lowered import LoweredTest, meta_graph, model, random, tflite
from onnx import helper

from onnx_translate import translate
from stagekit import Request, StageError, arrays, layouts

SIZES = (5, 7)


class BatchTest(LoweredTest):
    def open(self, build, shape, **settings):
        """The result of the stage, the SavedModel's folder and the outputs, of ``build(x)`` for batches of a shape."""
        inputs = {}
        for size in SIZES:
            x = random(size, *shape)
            inputs.update({f"simplified.{size}": f"{size}.onnx", f"samples.{size}": f"{size}.npz"})
            onnx.save(build(x), str(self.folder / f"{size}.onnx"))
            arrays.write(self.folder / f"{size}.npz", {"x": x})
        message = {
            "id": "1",
            "operation": "translate",
            "parameters": dict(settings, lowering="nhwc", batches=list(SIZES)),
            "inputs": inputs,
            "outputs": {"saved_model": "saved_model"},
        }
        request = Request(message, self.folder, tempfile.mkdtemp(dir=str(self.folder)))
        result = json.loads(json.dumps(translate.translate(request)))
        saved_model = request.outputs["saved_model"]
        samples = {"samples": {"x": random(1, *shape)}, "samples.5": {"x": random(5, *shape)}}
        return result, saved_model, [*self.computed(result, saved_model, **samples).values()]

    def check_open(self, build, shape, function, **settings):
        """Assert TensorFlow's outputs, and TFLite's for sizes that the model was not made from, against the function's;
        the names of TFLite's operators.
        """
        result, folder, found = self.open(build, shape, **settings)
        for size, outputs in zip((1, 5), found):
            self.close(outputs["y"], function(random(size, *shape)))
        interpreter = tf.lite.Interpreter(model_content=tflite(folder, result))
        (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
        self.assertEqual(given["shape_signature"][0], -1)
        for size in (1, 3, 5, 8):
            x = random(size, *shape, seed=size)
            fed = layouts.fed({"x": x}, result["inputs"])["x"]
            interpreter.resize_tensor_input(given["index"], fed.shape, strict=True)
            interpreter.allocate_tensors()
            interpreter.set_tensor(given["index"], fed)
            interpreter.invoke()
            values = layouts.read({"y": interpreter.get_tensor(made["index"])}, result["outputs"])
            self.close(values["y"], function(x))
        return {op["op_name"] for op in interpreter._get_ops_details()}

    def refusal(self, build, shape):
        with self.assertRaises(StageError) as caught:
            self.open(build, shape)
        self.assertEqual(caught.exception.kind, "model")
        self.assertIn("--dynamic-batch", caught.exception.hint)
        return caught.exception.message

    def test_a_reshape_that_names_the_batch(self):
        def build(x):
            nodes = [
                helper.make_node("Reshape", ["x", "shape"], ["a"], name="flatten"),
                helper.make_node("Relu", ["a"], ["y"]),
            ]
            return model(nodes, {"x": x}, ["y"], {"shape": np.array([len(x), 6])})

        operators = self.check_open(build, (2, 3), lambda x: np.maximum(x.reshape(-1, 6), 0))
        self.assertEqual(operators, {"RESHAPE", "RELU"})
        result, folder, _ = self.open(build, (2, 3))
        self.assertEqual(result["inputs"][0]["shape"], [None, 2, 3])
        self.assertEqual(result["outputs"][0]["shape"], [None, 6])
        signature = meta_graph(folder).signature_def["serving_default"]
        self.assertEqual(signature.inputs["x"].tensor_shape.dim[0].size, -1)

    def test_a_reshape_that_joins_the_batch_with_others(self):
        def build(x):
            node = helper.make_node("Reshape", ["x", "shape"], ["y"])
            return model([node], {"x": x}, ["y"], {"shape": np.array([2, len(x), -1])})

        self.check_open(build, (2, 3), lambda x: x.reshape(2, len(x), 3))

    def test_an_image_with_its_channels_last(self):
        w = random(4, 3, 3, 3)

        def build(x):
            node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[0, 0, 0, 0])
            return model([node], {"x": x}, ["y"], {"w": w})

        def convolved(x):
            parts = [x[:, :, i : i + 4, j : j + 4] for i in range(3) for j in range(3)]
            return np.einsum("nchwk,ock->nohw", np.stack(parts, axis=-1), w.reshape(4, 3, 9))

        operators = self.check_open(build, (3, 6, 6), convolved, nhwc_inputs=["x"], nhwc_outputs=["y"])
        self.assertEqual(operators, {"CONV_2D"})

    def test_a_transposed_convolution_whose_size_is_the_batchs(self):
        w = random(3, 2, 2, 2)

        def build(x):
            node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
            return model([node], {"x": x}, ["y"], {"w": w})

        def spread(x):
            return np.einsum("nchw,coij->nohiwj", x, w).reshape(len(x), 2, 8, 8)

        self.assertIn("TRANSPOSE_CONV", self.check_open(build, (3, 4, 4), spread))

    def test_a_constant_for_each_element_of_the_batch(self):
        token = random(1, 1, 4)

        def build(x):
            nodes = [
                helper.make_node("Expand", ["token", "shape"], ["t"]),
                helper.make_node("Concat", ["t", "x"], ["y"], axis=1),
            ]
            return model(nodes, {"x": x}, ["y"], {"token": token, "shape": np.array([len(x), 1, 4])})

        def function(x):
            return np.concatenate([np.tile(token, (len(x), 1, 1)), x], axis=1)

        self.assertIn("TILE", self.check_open(build, (3, 4), function))

    def test_states_that_begin_with_zeros(self):
        weights = {"w": random(1, 8, 3), "r": random(1, 8, 2)}

        def build(x):
            nodes = [
                helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
                helper.make_node("LSTM", ["t", "w", "r"], ["", "y"], hidden_size=2),
            ]
            return model(nodes, {"x": x}, ["y"], weights)

        def function(x):
            def sigmoid(a):
                return 1 / (1 + np.exp(-a))

            h = c = np.zeros((len(x), 2), np.float32)
            for step in x.transpose(1, 0, 2):
                i, o, f, g = np.split(step @ weights["w"][0].T + h @ weights["r"][0].T, 4, axis=1)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            return h[np.newaxis]

        self.check_open(build, (4, 3), function)

    def test_a_mean_of_what_was_transposed(self):
        def build(x):
            nodes = [
                helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
                helper.make_node("ReduceMean", ["t"], ["m"], axes=[2]),
                helper.make_node("Sub", ["t", "m"], ["y"]),
            ]
            return model(nodes, {"x": x}, ["y"])

        self.check_open(build, (3, 4), lambda x: (x - x.mean(1, keepdims=True)).transpose(0, 2, 1))

    def test_a_constant_that_is_another_for_each_element_is_refused(self):
        def build(x):
            counting = np.arange(len(x), dtype=np.float32).reshape(-1, 1)
            return model([helper.make_node("Add", ["x", "n"], ["y"], name="count")], {"x": x}, ["y"], {"n": counting})

        message = self.refusal(build, (3,))
        self.assertIn("(count/", message)
        self.assertIn("for batches of 5 and of 7", message)

    def test_a_graph_that_is_another_for_each_size_is_refused(self):
        def build(x):
            nodes = [helper.make_node("Relu", ["x"], ["0"])]
            nodes += [helper.make_node("Sin", [str(at)], [str(at + 1)], name=f"step{at}") for at in range(len(x))]
            nodes.append(helper.make_node("Neg", [str(len(x))], ["y"]))
            return model(nodes, {"x": x}, ["y"])

        self.assertIn("is not the same", self.refusal(build, (3,)))

    def test_the_same_bytes_again(self):
        def build(x):
            node = helper.make_node("Reshape", ["x", "shape"], ["y"])
            return model([node], {"x": x}, ["y"], {"shape": np.array([len(x), 6])})

        made = {(self.open(build, (2, 3))[1] / "saved_model.pb").read_bytes() for _ in range(2)}
        self.assertEqual(len(made), 1)


if __name__ == "__main__":
    unittest.main()
