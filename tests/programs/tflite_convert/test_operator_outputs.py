"""What a SavedModel and the .tflite files made of it compute on the way."""

import numpy as np
import tensorflow as tf
from test_variants import Stage, placeholder, weights

from stagekit import Request, arrays
from tflite_convert import convert, flatbuffer
from tflite_convert.passes import editing


def chain():
    """Two convolutions, each with its ReLU, with channels last, and a mean."""
    image = placeholder("image", 1, 8, 8, 3)
    one = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, weights(3, 3, 3, 8), 1, "SAME"), weights(8)), name="one/Relu")
    two = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(one, weights(3, 3, 8, 8), 1, "SAME"), weights(8)), name="two/Relu")
    return {"image": image}, {"mean": tf.reduce_mean(two, [1, 2], name="mean")}


class Trace(Stage):
    def setUp(self):
        super().setUp()
        self.save(chain)
        self.sample = {name: array[0] for name, array in self.seeded(1).items()}
        arrays.write(self.folder / "samples.npz", self.sample)

    def trace(self, model, inputs):
        message = {
            "id": "1",
            "operation": "trace",
            "parameters": {"inputs": inputs},
            "inputs": {"model": model, "samples": "samples.npz"},
            "outputs": {"values": "values.npz"},
        }
        names = convert.OPERATIONS["trace"](Request(message, self.folder, self.folder))["names"]
        values = arrays.read(self.folder / "values.npz")
        self.assertEqual([str(at) for at in range(len(names))], list(values))
        return dict(zip(names, values.values()))

    def traced(self, variant):
        calibration = self.seeded(8) if variant.startswith("int") else None
        inputs = self.convert(variant, calibration)["inputs"]
        found = self.trace(variant + ".tflite", inputs)
        return {name.split(";")[0]: array for name, array in found.items()}

    def test_every_value_of_the_graph_is_kept(self):
        found = self.trace("model", self.lists[0])
        self.assertTrue({"image", "one/Relu", "two/Relu", "mean"} <= set(found))
        np.testing.assert_array_equal(found["image"], self.sample["image"])
        np.testing.assert_allclose(found["mean"], found["two/Relu"].mean((1, 2)), rtol=1e-5)
        # Weights are none of what is computed.
        self.assertTrue(all(array.shape[0] == 1 for array in found.values() if array.ndim == 4))

    def test_channels_first_are_turned(self):
        expected = self.trace("model", self.lists[0])
        arrays.write(self.folder / "samples.npz", {"image": self.sample["image"].transpose(0, 3, 1, 2)})
        found = self.trace("model", [dict(self.lists[0][0], layout="nhwc")])
        np.testing.assert_array_equal(found["mean"], expected["mean"])

    def test_every_tensor_of_a_file_is_kept(self):
        expected = self.trace("model", self.lists[0])
        for variant, within in (("float32", 1e-6), ("float16", 1e-2), ("int8", 0.05), ("int8-only", 0.05)):
            found = self.traced(variant)
            for name in ("one/Relu", "two/Relu", "mean"):
                difference = np.linalg.norm(found[name] - expected[name]) / np.linalg.norm(expected[name])
                self.assertLess(difference, within, (variant, name))
                self.assertEqual(np.float32, found[name].dtype)

    def test_a_layer_that_is_wrong_is_wrong_from_there_on(self):
        inputs = self.convert("float32")["inputs"]
        right = self.trace("float32.tflite", inputs)
        model = flatbuffer.unpacked(self.content("float32"))
        graph = model.subgraphs[0]
        (second,) = [each for each in graph.operators if graph.tensors[each.outputs[0]].name.startswith(b"two/Relu")]
        filters = graph.tensors[second.inputs[1]]
        model.buffers[filters.buffer].data = (editing.numbers(model, filters) * np.float32(2)).view(np.uint8)
        (self.folder / "wrong.tflite").write_bytes(flatbuffer.packed(model))
        wrong = self.trace("wrong.tflite", inputs)
        self.assertEqual(list(right), list(wrong))
        same = {name.split(";")[0]: bool((right[name] == wrong[name]).all()) for name in right}
        self.assertEqual({"image": True, "one/Relu": True, "two/Relu": False, "mean": False}, same)
