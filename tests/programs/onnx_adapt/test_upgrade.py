"""Operators of opsets below 13: PyTorch's models of 2017 and 2018, and each operator that became another."""

import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from lowered import assert_same, lowered, model, run
from onnx import helper

from stagekit import StageError

CASES = sorted(Path(onnx.__file__).parent.glob("backend/test/data/pytorch-*/*/model.onnx"))
# Neither onnxruntime nor ONNX's evaluator has these of opset 1 or 6: a model with one is refused.
UNCOMPARED = {"GRU", "GlobalLpPool", "LSTM", "RNN", "Tile"}
RANDOM = np.random.default_rng(0)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


def node(op_type, inputs, outputs="y", **attributes):
    return helper.make_node(op_type, inputs.split(","), outputs.split(","), **attributes)


def read(path):
    return onnx.numpy_helper.to_array(onnx.load_tensor(str(path)))


class MadeByPyTorch(unittest.TestCase):
    def test_every_case_of_onnxs_wheel(self):
        self.assertGreater(len(CASES), 110)
        for path in CASES:
            with self.subTest(path.parent.name):
                data = path.parent / "test_data_set_0"
                given = onnx.load(str(path))
                arrays = [read(data / f"input_{at}.pb") for at in range(len(list(data.glob("input_*"))))]
                inputs = dict(zip((value.name for value in given.graph.input), arrays))
                made = run(lowered(given), inputs)
                for at, got in enumerate(made):
                    wanted = read(data / f"output_{at}.pb")
                    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-6)


class Operators(unittest.TestCase):
    def computed(self, nodes, inputs, wanted, opset, constants=None, tolerance=1e-6):
        """The lowered model computes what is wanted, and so does what it is compared with, where one can be had."""
        proto = model(nodes, inputs, constants, opset=opset, domains=())
        for each in (lowered(proto), *([] if nodes[0].op_type in UNCOMPARED else [proto])):
            (got,) = run(each, inputs)
            self.assertEqual((got.shape, got.dtype), (wanted.shape, wanted.dtype))
            np.testing.assert_allclose(got, wanted, atol=tolerance)

    def test_which_inputs_may_be_overwritten_is_forgotten(self):
        x = {"x": floats(2, 3)}
        self.computed([node("Relu", "x", consumed_inputs=[0])], x, np.maximum(x["x"], 0), 1)

    def test_the_second_input_along_an_axis(self):
        for op_type, computed in (("Add", np.add), ("Mul", np.multiply), ("Sub", np.subtract), ("Div", np.divide)):
            for axis, shape, form in (
                (1, (3,), (3, 1, 1)),
                (-3, (3, 4), (3, 4, 1)),
                (0, (2, 3), (2, 3, 1, 1)),
                (2, (4, 4), (4, 4)),
            ):
                for opset in (1, 6):
                    with self.subTest(op_type, axis=axis, opset=opset):
                        x = {"x": floats(2, 3, 4, 4), "b": floats(*shape) + 5}
                        made = computed(x["x"], x["b"].reshape(form))
                        self.computed([node(op_type, "x,b", broadcast=1, axis=axis)], x, made, opset)

    def test_comparisons_along_an_axis(self):
        x = {"x": floats(2, 3, 3), "b": floats(3)}
        self.computed([node("Greater", "x,b", broadcast=1, axis=1)], x, x["x"] > x["b"][:, None], 6)

    def test_a_slope_for_each_channel(self):
        """The spatial sizes are those of the channels, so that the wrong axis would fit."""
        x = {"x": floats(2, 3, 3, 3)}
        slope = floats(3)
        made = np.where(x["x"] < 0, x["x"] * slope[:, None, None], x["x"])
        for opset in (1, 6):
            self.computed([node("PRelu", "x,s")], x, made, opset, {"s": slope})

    def test_gemm(self):
        x = {"a": floats(2, 3), "b": floats(3, 4), "c": floats(4)}
        self.computed([node("Gemm", "a,b,c", broadcast=1)], x, x["a"] @ x["b"] + x["c"], 6, tolerance=1e-5)

    def test_types_by_name(self):
        x = {"x": floats(2, 3) * 10}
        for name in ("INT32", "int32"):
            self.computed([node("Cast", "x", to=name)], x, x["x"].astype("int32"), 1)

    def test_a_default_axis_of_concat(self):
        x = {"a": floats(2, 3), "b": floats(2, 4)}
        self.computed([node("Concat", "a,b")], x, np.concatenate([x["a"], x["b"]], 1), 1)

    def test_pads(self):
        x = {"x": floats(1, 1, 3, 4)}
        made = np.pad(x["x"], [(0, 0), (0, 0), (1, 0), (2, 1)], constant_values=0.5)
        pads = [0, 0, 1, 2, 0, 0, 0, 1]
        self.computed([node("Pad", "x", paddings=pads, value=0.5)], x, made, 1)
        for opset in (2, 10):
            self.computed([node("Pad", "x", pads=pads, value=0.5)], x, made, opset)
        self.computed(
            [node("Pad", "x", pads=pads, mode="edge")], x, np.pad(x["x"], [(0, 0), (0, 0), (1, 0), (2, 1)], "edge"), 10
        )

    def test_a_shape_as_attribute(self):
        x = {"x": floats(2, 3, 4)}
        self.computed([node("Reshape", "x", shape=[0, -1])], x, x["x"].reshape(2, 12), 1)

    def test_tiles_along_an_axis(self):
        x = {"x": floats(2, 3, 4)}
        constants = {"n": np.float32([2]), "a": np.float32([1])}
        self.computed([node("Tile", "x,n,a")], x, np.tile(x["x"], (1, 2, 1)), 1, constants)

    def test_norms_of_a_float_order(self):
        x = {"x": floats(1, 2, 4, 4)}
        made = np.sqrt((x["x"] ** 2).sum((2, 3), keepdims=True))
        self.computed([node("GlobalLpPool", "x", p=2.0)], x, made, 1, tolerance=1e-5)

    def test_batch_normalization(self):
        x = {"x": floats(2, 3, 4)}
        constants = {"s": floats(3), "b": floats(3), "m": floats(3), "v": RANDOM.uniform(1, 2, 3).astype("float32")}
        columns = {name: array[:, None] for name, array in constants.items()}
        made = (x["x"] - columns["m"]) / np.sqrt(columns["v"] + 1e-5) * columns["s"] + columns["b"]
        for opset, attributes in (
            (1, {"is_test": 1, "consumed_inputs": [0, 0, 0, 1, 1]}),
            (6, {"is_test": 1}),
            (7, {}),
        ):
            self.computed([node("BatchNormalization", "x,s,b,m,v", **attributes)], x, made, opset, constants, 1e-5)

    def test_batch_normalization_of_each_number(self):
        x = {"x": floats(2, 3, 4)}
        constants = {
            "s": floats(3, 4),
            "b": floats(3, 4),
            "m": floats(3, 4),
            "v": RANDOM.uniform(1, 2, (3, 4)).astype("f"),
        }
        assert_same(model([node("BatchNormalization", "x,s,b,m,v", spatial=0)], x, constants, opset=7), x, 1e-5)

    def test_batch_normalization_for_training_is_refused(self):
        x = {"x": floats(2, 3, 4)}
        proto = model([node("BatchNormalization", "x,s,b,m,v")], x, dict.fromkeys("sbmv", floats(3)), opset=6)
        with self.assertRaisesRegex(StageError, "BatchNormalization .*is_test=0"):
            lowered(proto)

    def test_dropout(self):
        x = {"x": floats(2, 3)}
        for opset, attributes in (
            (1, {"is_test": 1}),
            (6, {"is_test": 1, "ratio": 0.3}),
            (7, {}),
            (10, {"ratio": 0.7}),
        ):
            self.computed([node("Dropout", "x", **attributes)], x, x["x"], opset)

    def test_recurrent_networks(self):
        x = {"x": floats(5, 2, 4)}
        for op_type, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
            weights = {"w": floats(1, 3 * gates, 4), "r": floats(1, 3 * gates, 3)}
            wanted = run(model([node(op_type, "x,w,r", "y", hidden_size=3)], x, weights, opset=7), x)[0]
            given = node(op_type, "x,w,r", "y", hidden_size=3, output_sequence=1)
            self.computed([given], x, wanted, 6, weights, 1e-5)

    def test_clips(self):
        for dtype in ("float32", "float64"):
            x = {"x": floats(4, 5).astype(dtype)}
            for attributes, made in (
                ({"min": -0.5, "max": 0.25}, np.clip(x["x"], -0.5, 0.25)),
                ({"max": 0.25}, np.minimum(x["x"], 0.25)),
                ({"min": 0.0}, np.maximum(x["x"], 0)),
            ):
                for opset in (1, 6, 10):
                    self.computed([node("Clip", "x", **attributes)], x, made, opset)

    def test_attributes_that_became_inputs(self):
        x = {"x": floats(2, 4, 1, 3)}
        for given, opset in (
            (node("Slice", "x", starts=[0, 1], ends=[2, -1], axes=[0, 1]), 9),
            (node("Slice", "x", starts=[0, 1], ends=[2, 9]), 1),
            (node("Squeeze", "x", axes=[2]), 11),
            (node("Squeeze", "x"), 11),
            (node("Unsqueeze", "x", axes=[0, 5]), 11),
            (node("ReduceSum", "x", axes=[1, 3], keepdims=0), 11),
            (node("ReduceSum", "x"), 11),
            (node("Split", "x", "y,z", axis=1, split=[1, 3]), 11),
            (node("Split", "x", "y,z", axis=1), 11),
            (node("TopK", "x", "y,z", k=2), 9),
            (node("TopK", "x", "y,z", k=2, axis=1), 9),
        ):
            with self.subTest(given.op_type, opset=opset):
                assert_same(model([given], x, opset=opset, outputs=2), x)

    def test_softmax_over_all_dimensions_from_an_axis_on(self):
        x = {"x": floats(2, 3, 4)}
        for op_type in ("Softmax", "LogSoftmax", "Hardmax"):
            for attributes in ({}, {"axis": 0}, {"axis": 2}, {"axis": -1}):
                for opset in (7, 11, 12):
                    if opset > 7 or attributes.get("axis", 1) >= 0:
                        with self.subTest(op_type, opset=opset, **attributes):
                            assert_same(model([node(op_type, "x", **attributes)], x, opset=opset), x)

    def test_scatter(self):
        x = {"x": floats(3, 4), "u": floats(2, 4)}
        indices = {"i": np.array([[0, 1, 2, 0], [2, 0, 1, 1]])}
        assert_same(model([node("Scatter", "x,i,u")], x, indices, opset=9), x)

    def test_sizes_of_images(self):
        x = {"x": floats(1, 2, 4, 5)}
        for mode in ("nearest", "linear"):
            with self.subTest(mode):
                scales = {"s": np.float32([1, 1, 2, 3])}
                assert_same(model([node("Upsample", "x,s", mode=mode)], x, scales, opset=9), x)
                assert_same(model([node("Upsample", "x", mode=mode, scales=[1.0, 1.0, 2.0, 3.0])], x, opset=7), x)
                for sides in ((2, 3), (0.5, 0.6), (0.7, 1), (1.5, 0.5)):
                    scales = {"s": np.float32([1, 1, *sides])}
                    assert_same(model([node("Resize", "x,s", mode=mode)], x, scales, opset=10), x)

    def test_sizes_of_images_in_opset_1(self):
        x = {"x": floats(1, 2, 4, 5)}
        made = x["x"].repeat(2, 2).repeat(3, 3)
        self.computed([node("Upsample", "x", height_scale=2.0, width_scale=3.0)], x, made, 1)

    def test_those_that_onnx_dropped(self):
        x = {"x": floats(1, 3, 6, 7)}
        for given in (
            node("Affine", "x", alpha=2.0, beta=0.5),
            node("ImageScaler", "x", scale=0.5, bias=[0.1, 0.2, 0.3]),
            node("Crop", "x", border=[1, 2, 3, 1]),
            node("Crop", "x", border=[1, 0, 0, 0]),
            node("Crop", "x", border=[1, 2, 0, 0], scale=[2, 3]),
            node("ParametricSoftplus", "x", alpha=2.0, beta=0.5),
            node("ScaledTanh", "x", alpha=2.0, beta=0.5),
        ):
            with self.subTest(given.op_type):
                assert_same(model([given], x, opset=7), x)

    def test_a_rank_that_nobody_says_is_missed(self):
        proto = model([node("Add", "x,b", broadcast=1, axis=0)], {"x": floats(2, 3), "b": floats(2)}, opset=6)
        proto.graph.input[0].type.tensor_type.ClearField("shape")
        with self.assertRaisesRegex(StageError, r"Add \(node \?\).*'x'"):
            lowered(proto)


class Bodies(unittest.TestCase):
    def test_operators_in_branches(self):
        x = {"x": floats(2, 3), "c": np.array(True)}
        branches = {
            name: helper.make_graph([given], name, [], [helper.make_tensor_value_info("t", 1, [2, 3])])
            for name, given in (
                ("then_branch", node("Clip", "x", "t", max=0.5)),
                ("else_branch", node("Softmax", "x", "t")),
            )
        }
        proto = model([node("If", "c", **branches)], x, opset=9)
        made = ir.from_proto(lowered(proto))
        self.assertEqual(len(list(made.graphs())), 3)
        assert_same(proto, x)
