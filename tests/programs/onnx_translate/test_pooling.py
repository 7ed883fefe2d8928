import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper
from reference import average_pool, conv, max_pool


class MaxPoolTest(LoweredTest):
    def pool(self, x, kernel, **settings):
        attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        expected = max_pool(x, kernel, **settings)
        return self.check_node("MaxPool", {"x": x}, expected, kernel_shape=list(kernel), **attributes)

    def test_valid(self):
        ops = self.pool(random(1, 3, 8, 9), (2, 3), strides=(2, 3))
        self.assertEqual(ops, {"TRANSPOSE": 2, "MAX_POOL_2D": 1})

    def test_equal_padding_is_folded_into_same(self):
        ops = self.pool(-1 - abs(random(1, 3, 9, 9)), (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
        self.assertEqual(ops, {"TRANSPOSE": 2, "MAX_POOL_2D": 1})

    def test_padding_never_wins(self):
        ops = self.pool(-1 - abs(random(1, 3, 8, 8)), (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
        self.assertEqual(ops, {"TRANSPOSE": 2, "PADV2": 1, "MAX_POOL_2D": 1})

    def test_padding_after_relu_is_zero(self):
        x = random(1, 3, 8, 8)
        nodes = [
            helper.make_node("Relu", ["x"], ["a"]),
            helper.make_node("MaxPool", ["a"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        ]
        expected = max_pool(np.maximum(x, 0), (3, 3), (2, 2), (1, 1, 1, 1))
        ops = self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": expected})
        self.assertIn("PAD", ops)
        self.assertNotIn("PADV2", ops)

    def test_padding_after_a_relu_in_each_group_is_zero(self):
        x, w = random(1, 4, 8, 8), random(4, 2, 1, 1)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"], group=2),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("MaxPool", ["b"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        ]
        expected = max_pool(np.maximum(conv(x, w, group=2), 0), (3, 3), (2, 2), (1, 1, 1, 1))
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": expected})
        self.assertNotIn("PADV2", ops)

    def test_ceil_mode(self):
        for size in (7, 8, 9):
            with self.subTest(size=size):
                self.pool(random(1, 3, size, size), (3, 3), strides=(2, 2), ceil_mode=1)

    def test_ceil_mode_starts_no_window_in_the_padding(self):
        x = random(1, 3, 6, 6)
        expected = max_pool(x, (1, 1), (3, 3))
        self.check_node("MaxPool", {"x": x}, expected, kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1)

    def test_one_dimension(self):
        x = random(1, 3, 8)
        expected = max_pool(x[:, :, None], (1, 3), (1, 2), (0, 1, 0, 1))[:, :, 0]
        self.check_node("MaxPool", {"x": x}, expected, kernel_shape=[3], strides=[2], pads=[1, 1])

    def test_global(self):
        x = random(1, 3, 8, 8)
        self.check_node("GlobalMaxPool", {"x": x}, x.max(axis=(2, 3), keepdims=True))


class AveragePoolTest(LoweredTest):
    def pool(self, x, kernel, **settings):
        attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        expected = average_pool(x, kernel, **settings)
        return self.check_node("AveragePool", {"x": x}, expected, kernel_shape=list(kernel), **attributes)

    def test_valid(self):
        ops = self.pool(random(1, 3, 8, 9), (2, 3), strides=(2, 3))
        self.assertEqual(ops, {"TRANSPOSE": 2, "AVERAGE_POOL_2D": 1})

    def test_equal_padding_is_folded_into_same(self):
        ops = self.pool(random(1, 3, 9, 9), (3, 3), pads=(1, 1, 1, 1))
        self.assertEqual(ops, {"TRANSPOSE": 2, "AVERAGE_POOL_2D": 1})

    def test_padding_that_counts(self):
        for size in (8, 9):
            with self.subTest(size=size):
                self.pool(random(1, 3, size, size), (3, 3), strides=(2, 2), pads=(1, 1, 1, 1), count_include_pad=1)

    def test_padding_that_does_not_count(self):
        self.pool(random(1, 3, 8, 8), (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))

    def test_ceil_mode(self):
        for counted in (0, 1):
            with self.subTest(count_include_pad=counted):
                self.pool(
                    random(1, 3, 9, 9),
                    (3, 3),
                    strides=(3, 3),
                    pads=(1, 1, 1, 1),
                    ceil_mode=1,
                    count_include_pad=counted,
                )

    def test_global(self):
        x = random(1, 3, 8, 8)
        self.check_node("GlobalAveragePool", {"x": x}, x.mean(axis=(2, 3), keepdims=True))


class VolumeTest(LoweredTest):
    def test_max(self):
        x = random(1, 2, 5, 6, 7)
        frames = np.maximum(np.maximum(x[:, :, 0:-2:2], x[:, :, 1:-1:2]), x[:, :, 2::2])
        expected = np.stack([max_pool(frames[:, :, at], (2, 3)) for at in range(2)], axis=2)
        self.check_node("MaxPool", {"x": x}, expected, kernel_shape=[3, 2, 3], strides=[2, 1, 1])

    def test_average_leaves_padding_out(self):
        x = random(1, 2, 4, 6, 6)
        pads, kernel = [1, 0, 0, 1, 0, 0], [3, 2, 2]
        frames = [x[:, :, max(at - 1, 0) : at + 2].mean(axis=2) for at in range(4)]
        expected = np.stack([average_pool(frame, (2, 2)) for frame in frames], axis=2)
        self.check_node("AveragePool", {"x": x}, expected, kernel_shape=kernel, pads=pads)

    def test_global(self):
        x = random(1, 3, 4, 5, 6)
        self.check_node("GlobalAveragePool", {"x": x}, x.mean(axis=(2, 3, 4), keepdims=True))


class OtherPoolTest(LoweredTest):
    def test_dilation(self):
        x = random(1, 2, 8, 9)
        rows = np.maximum(np.maximum(x[:, :, :-4], x[:, :, 2:-2]), x[:, :, 4:])
        expected = np.maximum(rows[:, :, ::2, :-3:2], rows[:, :, ::2, 3::2])
        attributes = {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [2, 2]}
        self.check_node("MaxPool", {"x": x}, expected, **attributes)

    def test_places_of_maxima_and_back(self):
        x = random(2, 3, 6, 8)
        nodes = [
            helper.make_node("MaxPool", ["x"], ["y", "places"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("MaxUnpool", ["y", "places"], ["z"], kernel_shape=[2, 2], strides=[2, 2]),
        ]
        y = max_pool(x, (2, 2), strides=(2, 2))
        kept = x == y.repeat(2, axis=2).repeat(2, axis=3)
        places = np.array([np.flatnonzero(x == value)[0] for value in y.ravel()]).reshape(y.shape)
        expected = {"y": y, "places": places, "z": np.where(kept, x, 0)}
        self.check(model(nodes, {"x": x}, list(expected)), {"x": x}, expected)

    def test_lp(self):
        x = random(1, 2, 6, 6)
        expected = np.sqrt(4 * average_pool(x * x, (2, 2)))
        self.check_node("LpPool", {"x": x}, expected, kernel_shape=[2, 2], p=2)


if __name__ == "__main__":
    unittest.main()
