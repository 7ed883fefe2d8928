import unittest

import numpy as np
from lowered import LoweredTest, meta_graph, model, random
from onnx import helper
from reference import conv

from stagekit import StageError


class ConvTest(LoweredTest):
    def conv(self, x, w, b=None, **settings):
        """Operator counts of a Conv that equals the reference."""
        attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        weights = {"w": w} if b is None else {"w": w, "b": b}
        return self.check_node("Conv", {"x": x}, conv(x, w, b, **settings), weights, **attributes)

    def test_valid(self):
        ops = self.conv(random(1, 3, 9, 8), random(4, 3, 3, 2), random(4))
        self.assertEqual(ops, {"TRANSPOSE": 2, "CONV_2D": 1})

    def test_equal_padding_is_folded_into_same(self):
        ops = self.conv(random(1, 3, 8, 8), random(4, 3, 3, 3), random(4), pads=(1, 1, 1, 1))
        self.assertNotIn("PAD", ops)

    def test_padding_of_a_stride_that_comes_out_odd_is_folded(self):
        ops = self.conv(random(1, 3, 9, 9), random(4, 3, 3, 3), random(4), pads=(1, 1, 1, 1), strides=(2, 2))
        self.assertNotIn("PAD", ops)

    def test_padding_on_the_other_side_than_same_is_kept(self):
        ops = self.conv(random(1, 3, 8, 8), random(4, 3, 3, 3), random(4), pads=(1, 1, 1, 1), strides=(2, 2))
        self.assertEqual(ops, {"TRANSPOSE": 2, "PAD": 1, "CONV_2D": 1})

    def test_asymmetric_padding(self):
        self.conv(random(1, 3, 8, 8), random(4, 3, 3, 3), random(4), pads=(0, 2, 1, 3), strides=(2, 1))

    def test_padding_that_no_window_reads(self):
        ops = self.conv(random(1, 3, 8, 8), random(4, 3, 2, 2), pads=(0, 0, 1, 1), strides=(2, 2))
        self.assertNotIn("PAD", ops)

    def test_stride_larger_than_the_kernel(self):
        self.conv(random(1, 3, 8, 7), random(4, 3, 1, 1), random(4), strides=(2, 3))

    def test_dilation(self):
        ops = self.conv(random(1, 3, 12, 12), random(4, 3, 3, 3), random(4), pads=(2, 2, 2, 2), dilations=(2, 2))
        self.assertEqual(ops["CONV_2D"], 1)

    def test_auto_pad(self):
        x, w = random(1, 3, 8, 8), random(4, 3, 3, 3)
        for auto_pad, pads in (("SAME_UPPER", (0, 0, 1, 1)), ("SAME_LOWER", (1, 1, 0, 0)), ("VALID", (0, 0, 0, 0))):
            with self.subTest(auto_pad):
                expected = conv(x, w, pads=pads, strides=(2, 2))
                self.check_node("Conv", {"x": x}, expected, {"w": w}, auto_pad=auto_pad, strides=[2, 2])

    def test_depthwise(self):
        for stride in (1, 2):
            with self.subTest(stride=stride):
                ops = self.conv(
                    random(1, 6, 9, 9), random(6, 1, 3, 3), random(6), pads=(1, 1, 1, 1), strides=(stride,) * 2, group=6
                )
                self.assertEqual(ops, {"TRANSPOSE": 2, "DEPTHWISE_CONV_2D": 1})

    def test_depthwise_with_a_multiplier(self):
        ops = self.conv(random(1, 3, 9, 9), random(6, 1, 3, 3), random(6), pads=(1, 1, 1, 1), group=3)
        self.assertEqual(ops["DEPTHWISE_CONV_2D"], 1)

    def test_depthwise_with_dilation(self):
        for dilations, pads in (
            ((2, 2), (2, 2, 2, 2)),
            ((3, 3), (0, 0, 0, 0)),
            ((2, 1), (2, 1, 2, 1)),
            ((2, 3), (1, 0, 2, 4)),
        ):
            for count in (3, 6):
                with self.subTest(dilations=dilations, pads=pads, count=count):
                    x, w, b = random(1, 3, 9, 11), random(count, 1, 3, 3), random(count)
                    ops = self.conv(x, w, b, pads=pads, dilations=dilations, group=3)
                    self.assertEqual((ops["DEPTHWISE_CONV_2D"], ops["CONV_2D"]), (1, 0))

    def test_depthwise_with_dilation_and_strides(self):
        settings = {"pads": (2, 2, 2, 2), "dilations": (2, 2), "strides": (2, 2)}
        self.conv(random(1, 3, 9, 9), random(3, 1, 3, 3), random(3), group=3, **settings)

    def test_depthwise_with_uneven_strides(self):
        self.conv(random(1, 3, 9, 9), random(3, 1, 3, 3), random(3), pads=(1, 1, 1, 1), strides=(2, 1), group=3)

    def test_groups(self):
        self.conv(random(1, 8, 9, 9), random(6, 4, 3, 3), random(6), pads=(1, 1, 1, 1), group=2)

    def test_each_group_takes_the_activation_that_follows(self):
        x, w, b = random(1, 4, 6, 6), random(4, 2, 3, 3), random(4)
        nodes = [helper.make_node("Conv", ["x", "w", "b"], ["a"], group=2), helper.make_node("Relu", ["a"], ["c"])]
        nodes.append(helper.make_node("Conv", ["c", "last"], ["y"]))
        last = random(3, 4, 1, 1)
        expected = conv(np.maximum(conv(x, w, b, group=2), 0), last)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "b": b, "last": last}), {"x": x}, {"y": expected})
        self.assertNotIn("RELU", ops)

    def test_groups_of_which_more_than_an_activation_reads(self):
        x, w = random(1, 4, 6, 6), random(4, 2, 3, 3)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"], group=2, pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["y"]),
        ]
        found = conv(x, w, group=2, pads=(1, 1, 1, 1))
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": found + np.maximum(found, 0)})
        self.assertEqual(ops, {"TRANSPOSE": 2, "SPLIT": 1, "CONV_2D": 2, "CONCATENATION": 2, "ADD": 1, "RELU": 2})

    def test_groups_behind_groups(self):
        x, w = random(1, 4, 9, 9), random(4, 2, 3, 3)
        names = ["x", "a", "b", "y"]
        nodes = [helper.make_node("Conv", [read, "w"], [made], group=2) for read, made in zip(names, names[1:])]
        expected = x
        for _ in nodes:
            expected = conv(expected, w, group=2)
        self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": expected})

    def test_constants_that_groups_share_with_others(self):
        x, w, p, b = random(1, 4, 6, 6), random(4, 2, 3, 3), random(4, 4, 3, 3), random(4)
        nodes = [
            helper.make_node("Conv", ["x", "w", "b"], ["a"], group=2),
            helper.make_node("Conv", ["x", "w", "same"], ["c"], group=2, strides=[2, 2]),
            helper.make_node("Conv", ["x", "p", "equal"], ["d"]),
        ]
        weights = {"w": w, "p": p, "b": b, "same": b, "equal": b}
        expected = {"a": conv(x, w, b, group=2), "c": conv(x, w, b, group=2, strides=(2, 2)), "d": conv(x, p, b)}
        self.check(model(nodes, {"x": x}, list(expected), weights), {"x": x}, expected)

    def test_a_concatenation_takes_groups_in(self):
        x, w = random(1, 4, 6, 6), random(4, 2, 3, 3)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"], group=2, pads=[1, 1, 1, 1]),
            helper.make_node("Concat", ["x", "a"], ["y"], axis=1),
        ]
        expected = np.concatenate([x, conv(x, w, group=2, pads=(1, 1, 1, 1))], axis=1)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"TRANSPOSE": 2, "SPLIT": 1, "CONV_2D": 2, "CONCATENATION": 1})

    def test_padding_of_the_models_input_is_next_to_the_convolution(self):
        made = model(
            [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2])],
            {"x": random(1, 3, 8, 8)},
            ["y"],
            {"w": random(4, 3, 3, 3)},
        )
        _, folder, _ = self.translate(made, {"x": random(1, 3, 8, 8)})
        nodes = {node.name: node for node in meta_graph(folder).graph_def.node}
        (convolution,) = (node for node in nodes.values() if node.op == "Conv2D")
        padding = nodes[convolution.input[0]]
        self.assertEqual(padding.op, "Pad")
        self.assertEqual(nodes[nodes[padding.input[0]].input[0]].op, "Transpose")

    def test_groups_between_convolutions(self):
        x, w, grouped = random(1, 4, 6, 6), random(4, 4, 1, 1), random(4, 2, 3, 3)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Conv", ["a", "grouped"], ["b"], group=2),
            helper.make_node("Conv", ["b", "w"], ["y"]),
        ]
        expected = conv(conv(conv(x, w), grouped, group=2), w)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "grouped": grouped}), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"TRANSPOSE": 2, "SPLIT": 1, "CONV_2D": 4, "CONCATENATION": 1})

    def test_one_dimension(self):
        x, w, b = random(2, 3, 9), random(4, 3, 3), random(4)
        expected = conv(x[:, :, None], w[:, :, None], b, strides=(1, 2), pads=(0, 1, 0, 1))[:, :, 0]
        self.check_node("Conv", {"x": x}, expected, {"w": w, "b": b}, strides=[2], pads=[1, 1], kernel_shape=[3])

    def test_a_computed_bias_is_refused(self):
        samples = {"x": random(1, 3, 6, 6), "b": random(4)}
        node = helper.make_node("Conv", ["x", "w", "b"], ["y"])
        with self.assertRaises(StageError):
            self.translate(model([node], samples, ["y"], {"w": random(4, 3, 3, 3)}), samples)

    def test_batch(self):
        self.conv(random(3, 3, 6, 6), random(4, 3, 3, 3), random(4))

    def test_bias_and_activation_are_fused_and_convolutions_follow_without_transposes(self):
        x, w, b = random(1, 4, 8, 8), random(4, 4, 3, 3), random(4)
        nodes = [
            helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["a"], ["c"]),
            helper.make_node("Conv", ["c", "w", "b"], ["d"], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("Relu", ["d"], ["y"]),
        ]
        middle = np.maximum(conv(x, w, b, pads=(1, 1, 1, 1)), 0)
        expected = np.maximum(conv(middle, w, b, pads=(1, 1, 1, 1), strides=(2, 2)), 0)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "b": b}), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"TRANSPOSE": 2, "PAD": 1, "CONV_2D": 2})


def conv_transpose(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, output_padding=(0, 0)):
    """What each element of the input adds to the output."""
    extents = [(size - 1) * dilation + 1 for size, dilation in zip(w.shape[2:], dilations)]
    full = [(size - 1) * stride + extent for size, stride, extent in zip(x.shape[2:], strides, extents)]
    y = np.zeros((x.shape[0], w.shape[1] * group, full[0] + output_padding[0], full[1] + output_padding[1]), np.float32)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            parts = zip(np.split(x[:, :, row, column], group, axis=1), np.split(w, group))
            added = np.concatenate([np.einsum("ni,iohw->nohw", part, filters) for part, filters in parts], axis=1)
            top, left = row * strides[0], column * strides[1]
            y[:, :, top : top + extents[0] : dilations[0], left : left + extents[1] : dilations[1]] += added
    y = y[:, :, pads[0] : y.shape[2] - pads[2], pads[1] : y.shape[3] - pads[3]]
    return y if b is None else y + b.reshape(1, -1, 1, 1)


class ConvTransposeTest(LoweredTest):
    def transpose(self, x, w, b=None, **settings):
        attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        weights = {"w": w} if b is None else {"w": w, "b": b}
        return self.check_node("ConvTranspose", {"x": x}, conv_transpose(x, w, b, **settings), weights, **attributes)

    def test_twice_the_size(self):
        for size, pads in ((2, (0, 0, 0, 0)), (4, (1, 1, 1, 1))):
            with self.subTest(size=size):
                ops = self.transpose(random(2, 3, 5, 6), random(3, 4, size, size), strides=(2, 2), pads=pads)
                self.assertEqual(ops, {"TRANSPOSE": 2, "TRANSPOSE_CONV": 1})

    def test_settings(self):
        cases = {
            "bias": {},
            "strides": {"strides": (3, 2)},
            "pads": {"pads": (1, 2, 0, 1), "strides": (2, 2)},
            "output_padding": {"strides": (2, 2), "pads": (1, 1, 1, 1), "output_padding": (1, 1)},
            "output_padding without pads": {"strides": (3, 3), "output_padding": (2, 1)},
            "dilations": {"dilations": (2, 3), "strides": (2, 1)},
        }
        for name, settings in cases.items():
            with self.subTest(name):
                self.transpose(random(1, 3, 5, 6), random(3, 4, 3, 3), random(4), **settings)

    def test_padding_that_is_odd_in_sum(self):
        x, w = random(1, 3, 5, 6), random(3, 4, 3, 3)
        cases = (
            ({"output_shape": [10, 12]}, (1, 1, 0, 0)),
            ({"output_shape": [10, 12], "auto_pad": "SAME_UPPER"}, (0, 0, 1, 1)),
            ({"auto_pad": "SAME_UPPER"}, (0, 0, 1, 1)),
            ({"auto_pad": "SAME_LOWER"}, (1, 1, 0, 0)),
        )
        for attributes, pads in cases:
            with self.subTest(**attributes):
                expected = conv_transpose(x, w, strides=(2, 2), pads=pads)
                self.check_node("ConvTranspose", {"x": x}, expected, {"w": w}, strides=[2, 2], **attributes)

    def test_groups(self):
        self.transpose(random(1, 4, 5, 6), random(4, 3, 3, 3), random(6), group=2, strides=(2, 2))

    def test_one_dimension(self):
        x, w = random(2, 3, 9), random(3, 4, 3)
        expected = conv_transpose(x[:, :, None], w[:, :, None], strides=(1, 2), pads=(0, 1, 0, 1))[:, :, 0]
        self.check_node("ConvTranspose", {"x": x}, expected, {"w": w}, strides=[2], pads=[1, 1])

    def test_volume(self):
        # A kernel that is the outer product of three, each of which works along one axis.
        x, parts = random(1, 1, 3, 4, 5), [random(3, seed=1), random(2, seed=2), random(3, seed=3)]
        expected = x[0, 0]
        for axis, part in enumerate(parts):
            moved = np.moveaxis(expected, axis, -1)
            rows = conv_transpose(moved.reshape(-1, 1, 1, moved.shape[-1]), part[None, None, None], strides=(1, 2))
            expected = np.moveaxis(rows.reshape(*moved.shape[:-1], -1), -1, axis)
        w = np.einsum("i,j,k->ijk", *parts)[None, None]
        self.check_node("ConvTranspose", {"x": x}, expected[None, None], {"w": w}, strides=[2, 2, 2])


class VolumeTest(LoweredTest):
    """Conv with three spatial dimensions."""

    def expected(self, x, w, b, strides=(1, 1, 1), pads=(0,) * 6, group=1):
        """The sum of what each frame of the kernel makes of the frames that it falls on."""
        x = np.pad(x, [(0, 0), (0, 0), (pads[0], pads[3]), (0, 0), (0, 0)], "constant")
        plane = {"strides": strides[1:], "pads": (pads[1], pads[2], pads[4], pads[5]), "group": group}
        starts = range(0, x.shape[2] - w.shape[2] + 1, strides[0])
        frames = [sum(conv(x[:, :, at + k], w[:, :, k], **plane) for k in range(w.shape[2])) for at in starts]
        return np.stack(frames, axis=2) + b.reshape(1, -1, 1, 1, 1)

    def test_settings(self):
        cases = (
            {},
            {"strides": (2, 1, 2), "pads": (1, 1, 1, 1, 1, 1)},
            {"strides": (1, 2, 2), "pads": (0, 1, 0, 2, 0, 1)},
        )
        for settings in cases:
            with self.subTest(**settings):
                x, w, b = random(2, 3, 5, 6, 7), random(4, 3, 3, 3, 3), random(4)
                attributes = {name: list(value) for name, value in settings.items()}
                self.check_node("Conv", {"x": x}, self.expected(x, w, b, **settings), {"w": w, "b": b}, **attributes)

    def test_volumes_that_the_model_transposes_itself(self):
        x, w, b = random(2, 5, 6, 7, 3), random(4, 3, 3, 3, 3), random(4)
        expected = self.expected(x.transpose(0, 4, 1, 2, 3), w, b)
        conv = helper.make_node("Conv", ["a", "w", "b"], ["y"])
        transpose = helper.make_node("Transpose", ["c"], ["a"], perm=[0, 4, 1, 2, 3])
        for before, shape in ((["Identity", "x"], x.shape), (["Reshape", "x", "shape"], (2, 5 * 6 * 7 * 3))):
            with self.subTest(before[0]):
                nodes = [helper.make_node(before[0], before[1:], ["c"]), transpose, conv]
                weights = {"w": w, "b": b, "shape": np.int64(x.shape)}
                samples = {"x": x.reshape(shape)}
                ops = self.check(model(nodes, samples, ["y"], weights), samples, {"y": expected})
                self.assertEqual(ops["TRANSPOSE"], 1)

    def test_groups(self):
        x, w, b = random(1, 4, 5, 6, 7), random(6, 2, 3, 3, 3), random(6)
        self.check_node("Conv", {"x": x}, self.expected(x, w, b, group=2), {"w": w, "b": b}, group=2)

    def test_convolutions_follow_without_transposes(self):
        x, w, b = random(1, 3, 4, 6, 6), random(3, 3, 3, 3, 3), random(3)
        same = {"pads": [1] * 6}
        nodes = [
            helper.make_node("Conv", ["x", "w", "b"], ["a"], **same),
            helper.make_node("Relu", ["a"], ["c"]),
            helper.make_node("Conv", ["c", "w", "b"], ["d"], **same),
            helper.make_node("Add", ["d", "c"], ["e"]),
            helper.make_node("Relu", ["e"], ["f"]),
            helper.make_node("Conv", ["f", "w", "b"], ["y"], **same),
        ]
        first = np.maximum(self.expected(x, w, b, pads=(1,) * 6), 0)
        second = np.maximum(self.expected(first, w, b, pads=(1,) * 6) + first, 0)
        expected = self.expected(second, w, b, pads=(1,) * 6)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "b": b}), {"x": x}, {"y": expected})
        self.assertEqual((ops["TRANSPOSE"], ops["CONV_2D"], ops["RELU"]), (2, 3, 0))


if __name__ == "__main__":
    unittest.main()
