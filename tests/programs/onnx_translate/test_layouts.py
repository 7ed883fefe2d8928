"""Inputs and outputs with their channels last."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper

WEIGHTS = {"w": 0.1 * random(4, 3, 3, 3), "b": random(4), "v": 0.1 * random(2, 4, 3, 3), "c": random(2)}


def picture_to_picture(width=8):
    """Convolutions with padding, a ReLU and a pooling, from ``x`` to ``y``, and the mean of the pooled image, ``z``."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Conv", ["m", "v", "c"], ["y"], pads=[0, 0, 0, 0]),
        helper.make_node("ReduceMean", ["m"], ["z"], axes=[2, 3], keepdims=0),
    ]
    return model(nodes, {"x": random(1, 3, 8, width)}, ["y", "z"], WEIGHTS)


class LayoutsTest(LoweredTest):
    def both(self, onnx_model, samples, **settings):
        """The operators of the plain model and of the one with these settings, which computes the same."""
        _, _, expected = self.translate(onnx_model, samples)
        return self.check(onnx_model, samples, expected), self.check(onnx_model, samples, expected, **settings)

    def test_no_transpose_is_left_of_an_image_to_image_model(self):
        samples = {"x": random(1, 3, 8, 8)}
        plain, turned = self.both(picture_to_picture(), samples, nhwc_inputs=["x"], nhwc_outputs=["y"])
        self.assertEqual(plain["TRANSPOSE"], 2)
        self.assertEqual(turned["TRANSPOSE"], 0)
        self.assertEqual(plain["CONV_2D"], turned["CONV_2D"])

    def test_each_side_by_itself(self):
        samples = {"x": random(1, 3, 8, 8)}
        for settings in ({"nhwc_inputs": ["x"]}, {"nhwc_outputs": ["y"]}):
            with self.subTest(**settings):
                _, turned = self.both(picture_to_picture(), samples, **settings)
                self.assertEqual(turned["TRANSPOSE"], 1)

    def test_the_result_tells_layouts_and_shapes_of_the_model(self):
        samples = {"x": random(1, 3, 8, 6)}
        result, _, outputs = self.translate(picture_to_picture(6), samples, nhwc_inputs=["x"], nhwc_outputs=["y"])
        self.assertEqual([(spec["layout"], spec["shape"]) for spec in result["inputs"]], [("nhwc", [1, 8, 6, 3])])
        self.assertEqual(
            [(spec["layout"], spec["shape"]) for spec in result["outputs"]], [("nhwc", [1, 2, 1, 2]), ("nchw", [1, 4])]
        )
        self.assertEqual(outputs["y"].shape, (1, 2, 2, 1))

    def test_one_input_of_two(self):
        samples = {"x": random(1, 3, 4, 4), "mask": random(1, 3, 4, 4, seed=1)}
        onnx_model = model([helper.make_node("Mul", ["x", "mask"], ["y"])], samples, ["y"])
        _, turned = self.both(onnx_model, samples, nhwc_inputs=["mask"], nhwc_outputs=["y"])
        self.assertEqual(turned["MUL"], 1)

    def test_mirrored_edges_are_laid_out_as_what_is_around_them(self):
        samples = {"x": random(1, 3, 8, 6)}
        nodes = [
            helper.make_node("Pad", ["x", "pads"], ["p"], mode="reflect"),
            helper.make_node("Conv", ["p", "w", "b"], ["a"]),
            helper.make_node("Pad", ["a", "pads"], ["q"], mode="reflect"),
            helper.make_node("Conv", ["q", "v", "c"], ["y"]),
        ]
        onnx_model = model(nodes, samples, ["y"], dict(WEIGHTS, pads=np.array([0, 0, 1, 2, 0, 0, 1, 1])))
        plain, turned = self.both(onnx_model, samples, nhwc_inputs=["x"], nhwc_outputs=["y"])
        self.assertEqual((plain["TRANSPOSE"], turned["TRANSPOSE"]), (2, 0))
        self.assertEqual(turned["MIRROR_PAD"], 2)

    def test_a_sequence(self):
        samples = {"x": random(2, 3, 9)}
        weights = {"w": random(4, 3, 3), "b": random(4)}
        onnx_model = model([helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1])], samples, ["y"], weights)
        plain, turned = self.both(onnx_model, samples, nhwc_inputs=["x"], nhwc_outputs=["y"])
        self.assertEqual((plain["TRANSPOSE"], turned["TRANSPOSE"]), (2, 0))

    def test_a_volume(self):
        samples = {"x": random(1, 3, 4, 5, 6)}
        weights = {"w": random(2, 3, 3, 3, 3), "b": random(2)}
        node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1, 1, 1])
        plain, turned = self.both(
            model([node], samples, ["y"], weights), samples, nhwc_inputs=["x"], nhwc_outputs=["y"]
        )
        self.assertEqual((plain["TRANSPOSE"], turned["TRANSPOSE"]), (2, 0))

    def test_an_input_that_is_an_output(self):
        samples = {"x": random(1, 3, 4, 5)}
        onnx_model = model([helper.make_node("Relu", ["x"], ["y"])], samples, ["x", "y"])
        _, _, outputs = self.translate(onnx_model, samples, nhwc_inputs=["x"])
        np.testing.assert_array_equal(outputs["x"], samples["x"])


if __name__ == "__main__":
    unittest.main()
