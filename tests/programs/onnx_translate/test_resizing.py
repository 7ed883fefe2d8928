import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper


def linear(x, places, axis):
    """``x`` at fractional places along an axis."""
    places = np.clip(places, 0, x.shape[axis] - 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, x.shape[axis] - 1)
    shape = [-1 if index == axis else 1 for index in range(x.ndim)]
    part = (places - before).reshape(shape).astype(np.float32)
    return x.take(before, axis) * (1 - part) + x.take(after, axis) * part


class ResizeTest(LoweredTest):
    def resize(self, x, expected, sizes=None, scales=None, **attributes):
        weights = {"roi": np.zeros(0, np.float32), "scales": np.float32([] if scales is None else scales)}
        inputs = ["x", "roi", "scales"]
        if sizes is not None:
            weights["sizes"] = np.array(sizes)
            inputs.append("sizes")
        node = helper.make_node("Resize", inputs, ["y"], **attributes)
        return self.check(model([node], {"x": x}, ["y"], weights), {"x": x}, {"y": expected})

    def test_linear(self):
        x = random(1, 2, 4, 6)
        cases = {
            "half_pixel": [(np.arange(size) + 0.5) / 2 - 0.5 for size in (8, 12)],
            "pytorch_half_pixel": [(np.arange(size) + 0.5) / 2 - 0.5 for size in (8, 12)],
            "align_corners": [np.linspace(0, size - 1, 2 * size) for size in (4, 6)],
            "asymmetric": [np.arange(size) / 2 for size in (8, 12)],
        }
        for mode, (rows, columns) in cases.items():
            with self.subTest(mode):
                expected = linear(linear(x, rows, 2), columns, 3)
                ops = self.resize(x, expected, sizes=[1, 2, 8, 12], mode="linear", coordinate_transformation_mode=mode)
                self.assertEqual(ops, {"TRANSPOSE": 2, "RESIZE_BILINEAR": 1})

    def test_nearest_as_pytorch_writes_it(self):
        x = random(1, 2, 4, 6)
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        expected = x.repeat(2, axis=2).repeat(3, axis=3)
        ops = self.resize(x, expected, scales=[1, 1, 2, 3], **attributes)
        self.assertEqual(ops, {"TRANSPOSE": 2, "RESIZE_NEAREST_NEIGHBOR": 1})

    def test_nearest_of_an_image_as_large_as_models_take(self):
        x = random(1, 1, 320, 2)
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        ops = self.resize(x, x.repeat(2, axis=2), scales=[1, 1, 2, 1], **attributes)
        self.assertEqual(ops.get("RESIZE_NEAREST_NEIGHBOR"), 1)

    def test_nearest_that_tflite_rounds_otherwise(self):
        x = random(1, 2, 4, 6)
        places = np.ceil(np.arange(7) * 4 / 7 - 0.5).astype(int)
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
        self.resize(x, x.take(places, 2), sizes=[1, 2, 7, 6], **attributes)

    def test_nearest_by_a_scale_that_float32_does_not_have(self):
        x = random(1, 1, 20, 1)
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        rows = {
            0.2: [0, 5, 10, 15],
            0.4: [0, 2, 5, 7, 10, 12, 15, 17],
            # 9 / 0.6 is a little less than 15 for onnxruntime.
            0.6: [0, 1, 3, 5, 6, 8, 10, 11, 13, 14, 16, 18],
            0.8: [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18],
        }
        for scale, places in rows.items():
            with self.subTest(scale=scale):
                self.resize(x, x.take(places, 2), scales=[1, 1, scale, 1], **attributes)

    def test_to_one_pixel(self):
        x = random(1, 2, 4, 6)
        attributes = {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}
        self.resize(x, x[:, :, :1, :1], sizes=[1, 2, 1, 1], **attributes)

    def test_sequences_and_volumes(self):
        for x, sizes in ((random(1, 2, 5), [1, 2, 10]), (random(1, 2, 3, 4, 5), [1, 2, 6, 8, 10])):
            with self.subTest(sizes=sizes):
                expected = x
                for axis in range(2, x.ndim):
                    expected = linear(expected, np.linspace(0, x.shape[axis] - 1, sizes[axis]), axis)
                attributes = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
                self.resize(x, expected, sizes=sizes, **attributes)

    def test_a_scale_that_does_not_come_out_even(self):
        x = random(1, 2, 4, 6)
        places = (np.arange(9) + 0.5) / 1.6 - 0.5
        self.resize(x, linear(x, places, 3), scales=[1, 1, 1, 1.6], mode="linear")

    def test_upsample(self):
        x = random(1, 2, 4, 6)
        scales = {"scales": np.float32([1, 1, 2, 2])}
        self.check_node("Upsample", {"x": x}, x.repeat(2, axis=2).repeat(2, axis=3), scales, opset=9, mode="nearest")


if __name__ == "__main__":
    unittest.main()
