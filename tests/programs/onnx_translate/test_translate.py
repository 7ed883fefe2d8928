import os
import subprocess
import sys
import unittest
from unittest import mock

import numpy as np
import onnx
import tensorflow as tf
from lowered import LoweredTest, meta_graph, model, random, tflite
from onnx import helper, shape_inference
from reference import conv

from onnx_translate import running
from stagekit import StageError, wire

X = random(1, 3, 8, 8)
W = random(4, 3, 3, 3)
B = random(4)


def network():
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    return shape_inference.infer_shapes(model(nodes, {"x": X}, ["y"], {"w": W, "b": B}))


EXPECTED = np.maximum(conv(X, W, B, pads=(1, 1, 1, 1)), 0)


class NhwcTest(LoweredTest):
    def test_names_that_tensorflow_does_not_allow(self):
        x, z = random(1, 3), random(1, 3, seed=1)
        nodes = [
            helper.make_node("Add", ["input:1", "_z"], ["1"], name="a b"),
            helper.make_node("Sub", ["input:1", "_z"], ["out/é"], name="1"),
            helper.make_node("Relu", ["1"], ["last"], name="last"),
        ]
        samples = {"input:1": x, "_z": z}
        expected = {"out/é": x - z, "last": np.maximum(x + z, 0)}
        onnx_model = model(nodes, samples, list(expected))
        result, folder, _ = self.translate(onnx_model, samples)
        self.assertEqual([spec["name"] for spec in result["inputs"]], ["input:1", "_z"])
        self.assertEqual([spec["name"] for spec in result["outputs"]], ["out/é", "last"])
        self.assertEqual(
            result["inputs"][0],
            {"name": "input:1", "key": "input:1", "shape": [1, 3], "dtype": "float32", "layout": "nchw"},
        )
        serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
        served = serve(**{spec["key"]: tf.constant(samples[spec["name"]]) for spec in result["inputs"]})
        for spec in result["outputs"]:
            self.close(served[spec["key"]].numpy(), expected[spec["name"]])
        self.check(onnx_model, samples, expected)

    def test_nodes_keep_the_names_of_inputs_and_outputs(self):
        result, folder, _ = self.translate(network(), {"x": X})
        signature = meta_graph(folder).signature_def["serving_default"]
        self.assertEqual((signature.inputs["x"].name, signature.outputs["y"].name), ("x:0", "y:0"))
        interpreter = tf.lite.Interpreter(model_content=tflite(folder, result))
        self.assertEqual([detail["name"] for detail in interpreter.get_input_details()], ["x"])
        self.assertEqual([detail["name"] for detail in interpreter.get_output_details()], ["y"])

    def test_large_weights_are_fed_and_change_no_bit(self):
        _, folder, _ = self.translate(network(), {"x": X})
        outputs, fed = [], []
        for large in (wire.LARGE, 256):
            with mock.patch.object(wire, "LARGE", large), running.opened(folder) as run:
                outputs.append(run({"x": X})["y"])
                outputs.append(run({"x": -X})["y"])
            with mock.patch.object(wire, "LARGE", large), tf.compat.v1.Session(graph=tf.Graph()) as session:
                fed.append(running._loaded(folder, session, None)[1])
        self.close(outputs[0], EXPECTED)
        for one, other in zip(outputs[:2], outputs[2:]):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(fed[0], {})
        ((_, kernel),) = fed[1].items()
        np.testing.assert_array_equal(kernel, W.transpose(2, 3, 1, 0))

    def test_the_saved_model_is_read_by_the_converter_too(self):
        _, folder, _ = self.translate(network(), {"x": X})
        interpreter = tf.lite.Interpreter(model_content=tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
        interpreter.invoke()
        self.close(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), EXPECTED)

    def test_no_variables_and_no_devices(self):
        _, folder, _ = self.translate(network(), {"x": X})
        self.assertEqual([path.name for path in folder.iterdir()], ["saved_model.pb"])
        nodes = meta_graph(folder).graph_def.node
        self.assertFalse([node.name for node in nodes if "Var" in node.op or node.device])

    def test_an_open_dimension_gets_the_size_of_the_sample(self):
        onnx_model = network()
        onnx_model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
        result, _, found = self.translate(onnx_model, {"x": X})
        self.assertEqual(result["inputs"][0]["shape"], [1, 3, 8, 8])
        self.close(found["y"], EXPECTED)

    def test_a_transpose_with_several_uses(self):
        x = random(1, 4, 5, 3)
        nodes = [
            helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
            helper.make_node("Tanh", ["a"], ["b"]),
            helper.make_node("Sub", ["a", "b"], ["c"]),
            helper.make_node("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1]),
        ]
        self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": x - np.tanh(x)})

    def test_operators_in_a_row_between_convolutions_are_no_reason_to_transpose(self):
        x, w = random(1, 3, 6, 6), random(3, 3, 1, 1)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Tanh", ["a"], ["b"]),
            helper.make_node("Abs", ["b"], ["c"]),
            helper.make_node("Exp", ["c"], ["d"]),
            helper.make_node("Conv", ["d", "w"], ["y"]),
        ]
        expected = {"y": conv(np.exp(np.abs(np.tanh(conv(x, w)))), w)}
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, expected)
        self.assertEqual(ops["TRANSPOSE"], 2)

    def test_an_input_may_be_an_output_and_an_output_a_weight(self):
        x = random(1, 3)
        node = helper.make_node("Relu", ["x"], ["y"])
        onnx_model = model([node], {"x": x}, ["x", "y", "w"], {"w": B})
        _, _, found = self.translate(onnx_model, {"x": x})
        for name, expected in (("x", x), ("y", np.maximum(x, 0)), ("w", B)):
            self.close(found[name], expected)

    def test_an_input_that_nothing_reads_is_kept(self):
        samples = {"x": random(1, 3), "unused": random(2)}
        onnx_model = model([helper.make_node("Relu", ["x"], ["y"])], samples, ["y"])
        result, folder, _ = self.translate(onnx_model, samples)
        self.assertEqual([spec["name"] for spec in result["inputs"]], ["x", "unused"])
        self.assertIn("unused", [node.name for node in meta_graph(folder).graph_def.node])


class StockTest(LoweredTest):
    def test_is_onnx_tf_as_it_is(self):
        # The nhwc lowering has handlers for the same operators: they must not show here.
        self.translate(network(), {"x": X})
        result, folder, found = self.translate(network(), {"x": X}, "stock")
        self.close(found["y"], EXPECTED)
        self.assertEqual(
            result["outputs"], [{"name": "y", "key": "output_0", "shape": [1, 4, 8, 8], "dtype": "float32"}]
        )
        self.assertEqual(result["inputs"], [{"name": "x", "key": "x", "shape": [1, 3, 8, 8], "dtype": "float32"}])
        names = [node.name for function in meta_graph(folder).graph_def.library.function for node in function.node_def]
        self.assertTrue([name for name in names if "transpose" in name])

    def test_tflite_is_the_same_twice(self):
        found = set()
        for _ in range(2):
            _, folder, _ = self.translate(network(), {"x": X}, "stock")
            found.add(tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())
        self.assertEqual(len(found), 1)

    def test_what_is_equal_behind_an_activation(self):
        x = np.float32([[-2, -1], [0.3, 0.6]])
        nodes = [helper.make_node("Floor", ["x"], ["a"]), helper.make_node("ArgMax", ["a"], ["y"], axis=1, keepdims=0)]
        onnx_model = model(nodes, {"x": x}, ["y"])
        onnx_model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.INT64, [2]))
        _, _, found = self.translate(onnx_model, {"x": x}, "stock")
        np.testing.assert_array_equal(found["y"], np.floor(x).argmax(axis=1))

    def test_refusal(self):
        x = random(1, 3, 4, 4)
        node = helper.make_node("MaxUnpool", ["x"], ["y"], kernel_shape=[2, 2])
        with self.assertRaises(StageError) as caught:
            self.translate(model([node], {"x": x}, ["y"]), {"x": x}, "stock")
        self.assertEqual(caught.exception.kind, "model")

    def test_what_onnx_tf_translates_in_part_is_a_warning(self):
        samples = {"x": random(1, 2, 8, 8), "boxes": np.array([[0, 0, 5, 5]], np.float32), "which": np.array([0])}
        for ratio, warnings in ((2, set()), (0, {"onnx-tf says: Do not fully support sampling_ratio <= 0."})):
            node = helper.make_node(
                "RoiAlign",
                list(samples),
                ["y"],
                output_height=2,
                output_width=2,
                sampling_ratio=ratio,
                spatial_scale=1.0,
            )
            made = shape_inference.infer_shapes(model([node], samples, ["y"]))
            result, _, _ = self.translate(made, samples, "stock")
            self.assertEqual(warnings, set(result["warnings"]))


class RefusalTest(LoweredTest):
    def refusal(self, onnx_model, samples, lowering="nhwc"):
        with self.assertRaises(StageError) as caught:
            self.translate(onnx_model, samples, lowering)
        return caught.exception

    def test_every_operator_without_a_handler_is_named(self):
        x = random(1, 3)
        nodes = [
            helper.make_node("Foo", ["x"], ["a"], name="foo_1"),
            helper.make_node("Bar", ["a"], ["b"], name="bar_1"),
            helper.make_node("Foo", ["b"], ["y"], name="foo_2"),
        ]
        error = self.refusal(model(nodes, {"x": x}, ["y"]), {"x": x})
        self.assertEqual(error.kind, "model")
        self.assertIn("Bar (1 of them, the first is node 'bar_1', output 'b')", error.message)
        self.assertIn("Foo (2 of them, the first is node 'foo_1', output 'a')", error.message)
        self.assertTrue(error.hint)

    def test_an_operator_of_another_domain(self):
        x = random(1, 3)
        node = helper.make_node("Conv", ["x"], ["y"], domain="com.example")
        self.assertIn("Conv", self.refusal(model([node], {"x": x}, ["y"]), {"x": x}).message)

    def test_a_recurrent_layer_that_clips(self):
        x = random(4, 1, 3)
        node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], name="lstm", hidden_size=2, clip=1.0)
        weights = {"w": random(1, 8, 3), "r": random(1, 8, 2)}
        self.assertIn("LSTM", self.refusal(model([node], {"x": x}, ["y"], weights), {"x": x}).message)

    def test_a_setting_that_a_handler_has_no_translation_for(self):
        x = random(1, 2, 5, 5, 5, 5)
        node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
        error = self.refusal(model([node], {"x": x}, ["y"], {"w": random(2, 2, 1, 1, 1, 1)}), {"x": x})
        self.assertEqual(error.kind, "model")
        self.assertIn("Conv (node 'conv', output 'y')", error.message)
        self.assertIn("6 dimensions", error.message)

    def test_an_operator_with_graphs_of_its_own(self):
        branch = helper.make_graph([helper.make_node("Relu", ["x"], ["z"])], "branch", [], [])
        samples = {"x": random(1, 3), "condition": np.array(True)}
        node = helper.make_node("If", ["condition"], ["y"], then_branch=branch, else_branch=branch)
        self.assertIn("If", self.refusal(model([node], samples, ["y"]), samples).message)

    def test_a_dtype_that_tflite_lacks(self):
        x = random(2, 3).astype(np.float64)
        node = helper.make_node("Add", ["x", "x"], ["y"], name="add")
        self.assertIn("float64", self.refusal(model([node], {"x": x}, ["y"]), {"x": x}).message)

    def test_random_numbers(self):
        x = random(2, 3)
        node = helper.make_node("RandomUniformLike", ["x"], ["y"], name="noise")
        error = self.refusal(model([node], {"x": x}, ["y"]), {"x": x})
        self.assertIn("'noise'", error.message)
        self.assertIn("random numbers", error.message)
        self.assertIn("inputs", error.hint)

    def test_what_must_be_known_and_is_an_input(self):
        samples = {"x": random(2, 3), "axes": np.array([1])}
        node = helper.make_node("ReduceSum", ["x", "axes"], ["y"])
        error = self.refusal(model([node], samples, ["y"], opset=13), samples)
        self.assertIn("its axes is computed by the model", error.message)

    def test_a_handler_of_onnx_tf_that_fails(self):
        x = random(1, 3)
        node = helper.make_node("LeakyRelu", ["x"], ["y"], name="leaky", alpha="much")
        error = self.refusal(model([node], {"x": x}, ["y"]), {"x": x})
        self.assertEqual(error.kind, "model")
        self.assertIn("LeakyRelu (node 'leaky', output 'y')", error.message)

    def test_samples_that_do_not_fit(self):
        for samples in ({"x": random(1, 3, 8, 7)}, {"z": X}, {"x": X.astype(np.float64)}):
            for lowering in ("nhwc", "stock"):
                with self.subTest(lowering, names=list(samples)):
                    self.assertEqual(self.refusal(network(), samples, lowering).kind, "usage")

    def test_an_unknown_lowering(self):
        error = self.refusal(network(), {"x": X}, "nchw")
        self.assertEqual(error.kind, "usage")
        self.assertIn("nhwc, stock", error.hint)


class DeterminismTest(LoweredTest):
    def test_the_same_bytes_whatever_the_process_the_folder_and_the_hash_seed(self):
        program = (
            "import hashlib, pathlib, shutil, sys, tempfile\n"
            "from test_translate import NhwcTest, X, network, tflite\n"
            "test = NhwcTest()\n"
            "test.folder = pathlib.Path(tempfile.mkdtemp())\n"
            "result, folder, _ = test.translate(network(), {'x': X})\n"
            "saved = (folder / 'saved_model.pb').read_bytes()\n"
            "print(hashlib.sha256(saved).hexdigest(), hashlib.sha256(tflite(folder, result)).hexdigest())\n"
            "shutil.rmtree(str(test.folder))\n"
        )
        found = set()
        for seed in ("1", "2"):
            environment = dict(os.environ, PYTHONHASHSEED=seed, PYTHONPATH=os.pathsep.join(sys.path))
            found.add(
                subprocess.run(
                    [sys.executable, "-c", program],
                    env=environment,
                    check=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                ).stdout
            )
        self.assertEqual(len(found), 1)


class ImportTest(unittest.TestCase):
    def test_a_model_that_needs_no_handler_of_onnx_tf_waits_for_none(self):
        asked = "import onnx_translate.translate, sys; print('onnx_tf' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", asked], stdout=subprocess.PIPE, check=True)
        self.assertEqual(done.stdout.decode().strip(), "False")


if __name__ == "__main__":
    unittest.main()
