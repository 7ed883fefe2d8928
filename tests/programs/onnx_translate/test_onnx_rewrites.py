import math
import unittest
from types import MappingProxyType

import numpy as np
from lowered import LoweredTest, meta_graph, model, random
from onnx import helper
from reference import conv

from stagekit import StageError

EDGES = {"TRANSPOSE": 2}


def batch_norm(x, factor, offset):
    return x * factor.reshape(1, -1, 1, 1) + offset.reshape(1, -1, 1, 1)


def relu(x):
    return np.maximum(x, 0)


class NormalizationTest(LoweredTest):
    """BatchNormalization "a" of x, with statistics that leave only the factors and the offsets."""

    def normalized(self, nodes, outputs, x, factor, offset, weights):
        """Operator counts and outputs of the model whose nodes follow the normalization."""
        ones = np.ones_like(factor)
        own = {"factor": factor, "offset": offset, "mean": 0 * ones, "variance": ones}
        norm = helper.make_node("BatchNormalization", ["x", *own], ["a"], epsilon=0.0)
        made = model([norm, *nodes], {"x": x}, list(outputs), dict(own, **weights))
        return self.check(made, {"x": x}, outputs)

    def test_before_a_convolution_without_padding_it_is_gone(self):
        x, w, b = random(1, 3, 6, 6), random(4, 3, 3, 3), random(4)
        factor, offset = np.float32([-2, 0, 0.001]), random(3)
        ops = self.normalized(
            [helper.make_node("Conv", ["a", "w", "b"], ["y"])],
            {"y": conv(batch_norm(x, factor, offset), w, b)},
            *(x, factor, offset, {"w": w, "b": b}),
        )
        self.assertEqual(ops, dict(EDGES, CONV_2D=1))

    def test_padding_is_not_normalized(self):
        x, w = random(1, 4, 6, 6), random(6, 2, 3, 3)
        factor, offset = np.float32([-2, 1, 3, 1.5]), random(4)
        ops = self.normalized(
            [helper.make_node("Conv", ["a", "w"], ["y"], pads=[1, 1, 1, 1], group=2)],
            {"y": conv(batch_norm(x, factor, offset), w, pads=(1, 1, 1, 1), group=2)},
            *(x, factor, offset, {"w": w}),
        )
        self.assertNotIn("MUL", ops)
        self.assertEqual(ops["ADD"], 1)

    def dense(self, factor):
        """Two convolutions that read what a normalization and a Relu leave."""
        x, w, v, offset = random(1, 3, 6, 6), random(4, 3, 1, 1), random(2, 3, 3, 3), random(3)
        nodes = [
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("Conv", ["b", "w"], ["y"]),
            helper.make_node("Conv", ["b", "v"], ["z"], pads=[1, 1, 1, 1]),
        ]
        seen = relu(batch_norm(x, factor, offset))
        expected = {"y": conv(seen, w), "z": conv(seen, v, pads=(1, 1, 1, 1))}
        return self.normalized(nodes, expected, x, factor, offset, {"w": w, "v": v})

    def test_factors_go_through_a_relu(self):
        ops = self.dense(np.float32([0.5, 1, 2]))
        self.assertNotIn("MUL", ops)
        self.assertEqual(ops["ADD"], 1)

    def test_a_negative_factor_does_not(self):
        self.assertEqual(self.dense(np.float32([0.5, -1, 2]))["MUL"], 1)

    def test_what_is_quantized_keeps_factors_that_differ_much(self):
        self.assertEqual(self.dense(np.float32([0.01, 1, 1]))["MUL"], 1)

    def test_factors_go_through_a_classifiers_pooling(self):
        x, w, b, factor, offset = random(1, 3, 5, 5), random(4, 3), random(4), np.float32([1, 2, 3]), random(3)
        nodes = [
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("GlobalAveragePool", ["b"], ["c"]),
            helper.make_node("Flatten", ["c"], ["d"]),
            helper.make_node("Gemm", ["d", "w", "bias"], ["y"], transB=1),
        ]
        expected = relu(batch_norm(x, factor, offset)).mean(axis=(2, 3)) @ w.T + b
        ops = self.normalized(nodes, {"y": expected}, x, factor, offset, {"w": w, "bias": b})
        self.assertNotIn("MUL", ops)

    def test_a_value_that_others_read_is_normalized(self):
        x, w, factor, offset = random(1, 3, 5, 5), random(4, 3, 1, 1), np.float32([1, 2, 3]), random(3)
        nodes = [helper.make_node("Conv", ["a", "w"], ["y"]), helper.make_node("Sigmoid", ["a"], ["z"])]
        seen = batch_norm(x, factor, offset)
        ops = self.normalized(nodes, {"y": conv(seen, w), "z": 1 / (1 + np.exp(-seen))}, x, factor, offset, {"w": w})
        self.assertEqual(ops["MUL"], 1)

    def test_an_output_is_normalized(self):
        x, w, factor, offset = random(1, 3, 5, 5), random(4, 3, 1, 1), np.float32([1, 2, 3]), random(3)
        seen = batch_norm(x, factor, offset)
        nodes = [helper.make_node("Conv", ["a", "w"], ["y"])]
        self.normalized(nodes, {"y": conv(seen, w), "a": seen}, x, factor, offset, {"w": w})


class ChannelFactorsTest(LoweredTest):
    """A product "a" and a sum "b" of x with vectors, as LayerNormalization ends with, and what reads the sum."""

    def scaled(self, nodes, outputs, x, vectors, weights):
        """Operator counts and outputs of the model whose nodes follow."""
        own = dict(zip(("factor", "offset"), vectors))
        first = [helper.make_node("Mul", ["x", "factor"], ["a"]), helper.make_node("Add", ["offset", "a"], ["b"])]
        return self.check(model([*first, *nodes], {"x": x}, list(outputs), dict(own, **weights)), {"x": x}, outputs)

    def test_dense_layers_take_them(self):
        x, factor, offset, w, v, bias = random(1, 5, 4), random(4), random(4), random(4, 6), random(4, 3), random(6)
        nodes = [
            helper.make_node("MatMul", ["b", "w"], ["c"]),
            helper.make_node("Add", ["bias", "c"], ["y"]),
            helper.make_node("MatMul", ["b", "v"], ["z"]),
        ]
        seen = x * factor + offset
        expected = {"y": seen @ w + bias, "z": seen @ v}
        ops = self.scaled(nodes, expected, x, (factor, offset), {"w": w, "v": v, "bias": bias})
        self.assertEqual({**ops, "RESHAPE": 0}, {"RESHAPE": 0, "FULLY_CONNECTED": 2})

    def test_they_pass_by_what_makes_windows(self):
        """As Swin does: the image is moved by a row, and its windows are rows of a product."""
        x, factor, offset, w = random(1, 4, 4, 3), random(3), random(3), random(3, 5)
        sizes = {"parts": [1, 2, 2, 2, 2, 3], "rows": [4, 4, 3]}
        bounds = {"zero": [0], "one": [1], "four": [4]}
        integers = {name: np.int64(numbers) for name, numbers in dict(sizes, **bounds).items()}
        nodes = [
            helper.make_node("Slice", ["b", "one", "four", "one"], ["c"]),
            helper.make_node("Slice", ["b", "zero", "one", "one"], ["d"]),
            helper.make_node("Concat", ["c", "d"], ["e"], axis=1),
            helper.make_node("Reshape", ["e", "parts"], ["f"]),
            helper.make_node("Transpose", ["f"], ["g"], perm=[0, 1, 3, 2, 4, 5]),
            helper.make_node("Reshape", ["g", "rows"], ["h"]),
            helper.make_node("MatMul", ["h", "w"], ["y"]),
        ]
        moved = np.roll(x * factor + offset, -1, axis=1)
        windows = moved.reshape(sizes["parts"]).transpose(0, 1, 3, 2, 4, 5).reshape(sizes["rows"])
        ops = self.scaled(nodes, {"y": windows @ w}, x, (factor, offset), dict(integers, w=w))
        self.assertNotIn("MUL", ops)
        self.assertNotIn("ADD", ops)

    def test_a_convolution_that_pads_leaves_the_offsets(self):
        x, w = random(1, 3, 5, 5), random(4, 3, 3, 3)
        vectors = random(3, 1, 1), random(3, 1, 1, seed=1)
        expected = {"y": conv(x * vectors[0] + vectors[1], w, pads=(1, 1, 1, 1))}
        nodes = [helper.make_node("Conv", ["b", "w"], ["y"], pads=[1, 1, 1, 1])]
        ops = self.scaled(nodes, expected, x, vectors, {"w": w})
        self.assertEqual(ops["ADD"], 1)
        nodes = [helper.make_node("Conv", ["b", "w"], ["y"])]
        ops = self.scaled(nodes, {"y": conv(x * vectors[0] + vectors[1], w)}, x, vectors, {"w": w})
        self.assertEqual(ops, dict(EDGES, CONV_2D=1))

    def test_what_is_read_as_it_is_stays(self):
        x, factor, offset, w = random(1, 5, 4), random(4), random(4), random(4, 6)
        nodes = [helper.make_node("MatMul", ["b", "w"], ["y"]), helper.make_node("Relu", ["b"], ["z"])]
        seen = x * factor + offset
        ops = self.scaled(nodes, {"y": seen @ w, "z": relu(seen)}, x, (factor, offset), {"w": w})
        self.assertEqual(ops["MUL"], 1)
        self.assertEqual(ops["ADD"], 1)

    def test_weights_that_others_read_stay(self):
        x, factor, offset, w = random(1, 4, 4), random(4), random(4), random(4, 4)
        nodes = [helper.make_node("MatMul", ["b", "w"], ["y"]), helper.make_node("Add", ["x", "w"], ["z"])]
        ops = self.scaled(nodes, {"y": (x * factor + offset) @ w, "z": x + w}, x, (factor, offset), {"w": w})
        self.assertEqual(ops["MUL"], 1)

    def test_rows_have_no_factors_that_columns_take(self):
        """Tokens are mixed, not channels."""
        x, factor, offset, w = random(1, 4, 4), random(4), random(4), random(4, 6)
        nodes = [
            helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["c", "w"], ["y"]),
        ]
        expected = {"y": (x * factor + offset).swapaxes(1, 2) @ w}
        ops = self.scaled(nodes, expected, x, (factor, offset), {"w": w})
        self.assertEqual(ops["MUL"], 1)


class SumsTest(LoweredTest):
    def test_a_bias_stays_beside_its_product(self):
        """Though the optimizer adds what has one shape first."""
        x, w, bias = random(1, 5, 4), random(4, 4), random(4)
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["a", "bias"], ["b"]),
            helper.make_node("Add", ["x", "b"], ["c"]),
            helper.make_node("Add", ["c", "x"], ["y"]),
        ]
        expected = {"y": x + (x @ w + bias) + x}
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "bias": bias}), {"x": x}, expected)
        self.assertEqual(ops["FULLY_CONNECTED"], 1)
        self.assertEqual(ops["ADD"], 2)
        self.assertNotIn("ADD_N", ops)


def erf(x):
    return np.vectorize(math.erf)(x).astype(np.float32)


class GeluTest(LoweredTest):
    """Ways in which models spell GELU out."""

    NUMBERS = np.float32([*np.linspace(-9, 9, 181), -1e6, -50, 50, 1e6])
    CONSTANTS = MappingProxyType(
        {
            "half": 0.5,
            "one": 1,
            "root": 2**0.5,
            "inverse": 0.5**0.5,
            "three": 3,
            "part": 0.044715,
            "slope": 0.79788456,
        }
    )
    CURVE = ("Div", "x root", "a"), ("Erf", "a", "b"), ("Add", "b one", "c")
    HALVED_FIRST = (*CURVE, ("Mul", "half x", "d"), ("Mul", "d c", "y"))
    HALVED_LAST = ("Mul", "x inverse", "a"), *CURVE[1:], ("Mul", "x c", "d"), ("Mul", "d half", "y")

    def spelled(self, *nodes, outputs=("y",)):
        """Operator counts, and what TensorFlow computes, of nodes given as (operator, inputs, output)."""
        made = [helper.make_node(op_type, read.split(), [written]) for op_type, read, written in nodes]
        weights = {name: np.float32(number).reshape(()) for name, number in self.CONSTANTS.items()}
        x = self.NUMBERS
        expected = {"y": x * (1 + erf(x / np.sqrt(2))) / 2, "b": erf(x / np.sqrt(2))}
        if any(op_type == "Tanh" for op_type, *_ in nodes):
            expected["y"] = x * (1 + np.tanh(0.79788456 * (x + 0.044715 * x.astype(np.float64) ** 3))) / 2
        expected = {name: np.float32(expected[name]) for name in outputs}
        ops = self.check(model(made, {"x": x}, list(outputs), weights), {"x": x}, expected)
        _, _, found = self.translate(model(made, {"x": x}, list(outputs), weights), {"x": x})
        off = np.abs(found["y"] - expected["y"]) / np.maximum(np.abs(x), 1)
        self.assertLess(off.max(), 4e-6)
        return ops

    def test_by_erf(self):
        for nodes in (self.HALVED_FIRST, self.HALVED_LAST):
            ops = self.spelled(*nodes)
            self.assertEqual(ops, {"MUL": 5, "SQUARED_DIFFERENCE": 2, "ADD": 2, "LOGISTIC": 1})

    def test_by_tanh(self):
        nodes = [
            ("Pow", "x three", "a"), ("Mul", "a part", "b"), ("Add", "x b", "c"), ("Mul", "c slope", "d"),
            ("Tanh", "d", "e"), ("Add", "e one", "f"), ("Mul", "x half", "g"), ("Mul", "g f", "y"),
        ]  # fmt: skip
        self.assertEqual(self.spelled(*nodes), {"MUL": 4, "ADD": 1, "LOGISTIC": 1})

    def test_what_else_is_read_of_it_is_computed(self):
        ops = self.spelled(*self.HALVED_FIRST, outputs=("y", "b"))
        self.assertEqual((ops["LOGISTIC"], ops["TANH"]), (1, 1))

    def test_another_curve_stays(self):
        nodes = [("Erf", "x", "b"), ("Add", "b one", "c"), ("Mul", "half x", "d"), ("Mul", "d c", "y")]
        x = self.NUMBERS
        made = [helper.make_node(op_type, read.split(), [written]) for op_type, read, written in nodes]
        weights = {name: np.float32(self.CONSTANTS[name]).reshape(()) for name in ("one", "half")}
        ops = self.check(model(made, {"x": x}, ["y"], weights), {"x": x}, {"y": x * (1 + erf(x)) / 2})
        self.assertNotIn("LOGISTIC", ops)

    def test_between_dense_layers_nothing_changes_its_shape(self):
        x, w, v, bias = random(1, 5, 4), random(4, 6), random(6, 4), random(6)
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["a", "bias"], ["b"]),
            helper.make_node("Gelu", ["b"], ["c"]),
            helper.make_node("MatMul", ["c", "v"], ["y"]),
        ]
        between = x @ w + bias
        expected = {"y": (between * (1 + erf(between / np.sqrt(2))) / 2) @ v}
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "v": v, "bias": bias}), {"x": x}, expected)
        self.assertEqual((ops["RESHAPE"], ops["FULLY_CONNECTED"]), (2, 2))


class AttentionTest(LoweredTest):
    """Queries, keys and values of two heads of three numbers, all of one dense layer of five tokens."""

    def attended(self, parts, opset, **more):
        """Operator counts of the model that cuts the layer's result "d" into "q", "k" and "v" by nodes."""
        x, w, bias = random(1, 5, 6), random(6, 18), random(18)
        integers = {"cut": [1, 5, 3, 2, 3], **more}
        weights = {"w": w, "bias": bias, **{name: np.array(value, np.int64) for name, value in integers.items()}}
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["a", "bias"], ["b"]),
            helper.make_node("Reshape", ["b", "cut"], ["c"]),
            helper.make_node("Transpose", ["c"], ["d"], perm=[2, 0, 3, 1, 4]),
            *parts,
            helper.make_node("Mul", ["q", "scale"], ["scaled"]),
            helper.make_node("Transpose", ["k"], ["turned"], perm=[0, 1, 3, 2]),
            helper.make_node("MatMul", ["scaled", "turned"], ["scores"]),
            helper.make_node("MatMul", ["scores", "v"], ["y"]),
        ]
        q, k, v = (x @ w + bias).reshape(1, 5, 3, 2, 3).transpose(2, 0, 3, 1, 4)
        expected = {"y": (q * np.float32(0.3)) @ k.swapaxes(2, 3) @ v}
        weights["scale"] = np.float32(0.3)
        ops = self.check(model(nodes, {"x": x}, ["y"], weights, opset), {"x": x}, expected)
        del ops["TRANSPOSE"]
        self.assertEqual(ops, {"FULLY_CONNECTED": 3, "RESHAPE": 4, "BATCH_MATMUL": 2})

    def test_split(self):
        squeezes = [helper.make_node("Squeeze", [part + "1"], [part], axes=[0]) for part in "qkv"]
        self.attended([helper.make_node("Split", ["d"], ["q1", "k1", "v1"], axis=0), *squeezes], 12)

    def test_sliced(self):
        bounds = {str(at): [at] for at in range(4)}
        cuts = [
            helper.make_node("Slice", ["d", str(at), str(at + 1), "0"], [part + "1"]) for at, part in enumerate("qkv")
        ]
        squeezes = [helper.make_node("Squeeze", [part + "1", "0"], [part]) for part in "qkv"]
        self.attended([*cuts, *squeezes], 13, **bounds)

    def test_gathered(self):
        indices = {"i" + str(at): at for at in range(3)}
        gathers = [helper.make_node("Gather", ["d", "i" + str(at)], [part], axis=0) for at, part in enumerate("qkv")]
        self.attended(gathers, 12, **indices)

    def test_what_else_is_read_stays_whole(self):
        x, w = random(1, 5, 6), random(6, 12)
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["b"]),
            helper.make_node("Reshape", ["b", "cut"], ["c"]),
            helper.make_node("Transpose", ["c"], ["d"], perm=[2, 0, 3, 1, 4]),
            helper.make_node("Gather", ["d", "first"], ["y"], axis=0),
        ]
        weights = {"w": w, "cut": np.int64([1, 5, 2, 2, 3]), "first": np.array(1)}
        whole = (x @ w).reshape(1, 5, 2, 2, 3).transpose(2, 0, 3, 1, 4)
        made = model(nodes, {"x": x}, ["y", "d"], weights)
        ops = self.check(made, {"x": x}, {"y": whole[1], "d": whole})
        self.assertEqual(ops["FULLY_CONNECTED"], 1)


class LayerFactorsTest(LoweredTest):
    def test_a_factor_of_each_output(self):
        """As the scale of a branch, in models that start near the identity."""
        x, w, bias, scale = random(1, 5, 4), random(4, 4), random(4), random(4)
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["bias", "a"], ["b"]),
            helper.make_node("Mul", ["scale", "b"], ["c"]),
            helper.make_node("Add", ["x", "c"], ["y"]),
        ]
        weights = {"w": w, "bias": bias, "scale": scale}
        ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": x + (x @ w + bias) * scale})
        self.assertNotIn("MUL", ops)

    def test_what_has_other_readers_keeps_its_scale(self):
        x, w, scale = random(1, 5, 4), random(4, 4), np.float32(3).reshape(())
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["z"]),
            helper.make_node("Mul", ["scale", "z"], ["y"]),
        ]
        expected = {"y": x @ w * scale, "z": x @ w}
        for outputs in (["y", "z"], ["y"]):
            made = model(nodes, {"x": x}, outputs, {"w": w, "scale": scale})
            self.check(made, {"x": x}, {name: expected[name] for name in outputs})

    def test_scores_that_are_divided(self):
        """As by the root of a head's size, behind the queries' product with the keys."""
        x, w, v, bias = random(1, 5, 4), random(4, 4), random(4, 4), random(4)
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["a", "bias"], ["q"]),
            helper.make_node("MatMul", ["x", "v"], ["k"]),
            helper.make_node("Transpose", ["k"], ["t"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["q", "t"], ["s"]),
            helper.make_node("Div", ["s", "root"], ["d"]),
            helper.make_node("Relu", ["d"], ["y"]),
        ]
        weights = {"w": w, "v": v, "bias": bias, "root": np.float32(3).reshape(())}
        expected = {"y": relu((x @ w + bias) @ (x @ v).swapaxes(1, 2) / 3)}
        ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, expected)
        self.assertFalse({"DIV", "MUL"}.intersection(ops))

    def test_a_vector_along_another_axis_stays(self):
        x, w, scale = random(1, 4, 4), random(4, 4), random(4, 1)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Mul", ["scale", "a"], ["y"])]
        self.check(model(nodes, {"x": x}, ["y"], {"w": w, "scale": scale}), {"x": x}, {"y": x @ w * scale})


class TokensTest(LoweredTest):
    def test_an_image_is_rows_as_it_lies(self):
        """A convolution's pixels become rows, and these an image that is convolved again."""
        x, w, v, dense = random(1, 3, 6, 4), random(5, 3, 1, 1), random(2, 5, 1, 1), random(5, 5)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Reshape", ["a", "flat"], ["b"]),
            helper.make_node("Transpose", ["b"], ["rows"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["rows", "dense"], ["c"]),
            helper.make_node("Transpose", ["c"], ["d"], perm=[0, 2, 1]),
            helper.make_node("Reshape", ["d", "image"], ["e"]),
            helper.make_node("Conv", ["e", "v"], ["y"]),
        ]
        weights = {"w": w, "v": v, "dense": dense, "flat": np.int64([0, 0, -1]), "image": np.int64([1, 5, 6, 4])}
        rows = conv(x, w).reshape(1, 5, 24).swapaxes(1, 2)
        image = (rows @ dense).swapaxes(1, 2).reshape(1, 5, 6, 4)
        made = model(nodes, {"x": x}, ["y"], weights)
        self.assertEqual(self.check(made, {"x": x}, {"y": conv(image, v)})["TRANSPOSE"], 2)

    def test_what_else_is_read_of_it_is_computed(self):
        x = random(1, 3, 6, 4)
        nodes = [
            helper.make_node("Reshape", ["x", "flat"], ["z"]),
            helper.make_node("Transpose", ["z"], ["y"], perm=[0, 2, 1]),
            helper.make_node("Reshape", ["y", "image"], ["u"]),
        ]
        weights = {"flat": np.int64([0, 0, -1]), "image": np.int64([1, 3, 2, 12])}
        flat = x.reshape(1, 3, 24)
        expected = {"y": flat.swapaxes(1, 2), "z": flat, "u": flat.swapaxes(1, 2).reshape(1, 3, 2, 12)}
        self.check(model(nodes, {"x": x}, list(expected), weights), {"x": x}, expected)


class OneGroupTest(LoweredTest):
    def test_an_image_is_normalized_between_convolutions(self):
        """GroupNormalization of one group, as exporters write it, far from zero; its factors are the next weights'."""
        x, w, v = random(1, 3, 4, 6) + 100, random(5, 3, 1, 1), random(2, 5, 1, 1)
        factor, offset = random(5, 1, 1), random(5, 1, 1, seed=1)
        for scale, bias in ((1.0, 0.0), (0.5, 2.0)):
            with self.subTest(scale=scale):
                nodes = [
                    helper.make_node("Conv", ["x", "w"], ["a"]),
                    helper.make_node("Reshape", ["a", "row"], ["b"]),
                    helper.make_node("InstanceNormalization", ["b", "scale", "bias"], ["c"], epsilon=1e-3),
                    helper.make_node("Reshape", ["c", "image"], ["d"]),
                    helper.make_node("Mul", ["d", "factor"], ["e"]),
                    helper.make_node("Add", ["e", "offset"], ["f"]),
                    helper.make_node("Conv", ["f", "v"], ["y"]),
                ]
                weights = {"w": w, "v": v, "factor": factor, "offset": offset}
                weights.update(scale=np.float32([scale]), bias=np.float32([bias]))
                weights.update(row=np.int64([0, 1, -1]), image=np.int64([1, 5, 4, 6]))
                image = conv(x, w).astype(np.float64)
                normalized = (image - image.mean()) / np.sqrt(image.var() + 1e-3) * scale + bias
                expected = conv(np.float32(normalized * factor + offset), v)
                ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})
                self.assertEqual((ops["TRANSPOSE"], ops["RESHAPE"]), (2, 0))


def shuffled(name, made, channels, size, groups=2):
    """The nodes of PyTorch's channel shuffle, and their weights."""
    shapes = {
        made + "_parts": np.array([1, groups, channels // groups, size, size]),
        made + "_whole": np.array([1, channels, size, size]),
    }
    nodes = [
        helper.make_node("Reshape", [name, made + "_parts"], [made + "_1"]),
        helper.make_node("Transpose", [made + "_1"], [made + "_2"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", [made + "_2", made + "_whole"], [made]),
    ]
    return nodes, shapes


def shuffle(x, groups=2):
    batch, channels, *spatial = x.shape
    return x.reshape(batch, groups, channels // groups, *spatial).swapaxes(1, 2).reshape(x.shape)


class ShuffleTest(LoweredTest):
    def test_units_of_a_shufflenet(self):
        """Two units: half of the channels pass, the others are convolved, and all are shuffled."""
        x = random(1, 10, 5, 5)
        weights = {"w": random(10, 10, 1, 1), "last": random(3, 10, 1, 1)}
        nodes = [helper.make_node("Conv", ["x", "w"], ["u0"])]
        u = conv(x, weights["w"])
        for unit in range(2):
            into, out = f"u{unit}", f"u{unit + 1}"
            names = [name + str(unit) for name in "abcdefg"]
            a, b, c, d, e, f, joined = names
            arrays = {"p": random(5, 5, 1, 1, seed=unit), "d": random(5, 1, 3, 3, seed=unit), "b": random(5, seed=unit)}
            weights.update({key + into: array for key, array in arrays.items()})
            nodes += [
                helper.make_node("Split", [into], [a, b], axis=1, split=[5, 5]),
                helper.make_node("Conv", [b, "p" + into], [c]),
                helper.make_node("Relu", [c], [d]),
                helper.make_node("Conv", [d, "d" + into, "b" + into], [e], group=5, pads=[1, 1, 1, 1]),
                helper.make_node("Conv", [e, "p" + into], [f]),
                helper.make_node("Concat", [a, f], [joined], axis=1),
            ]
            more, shapes = shuffled(joined, out, 10, 5)
            nodes += more
            weights.update(shapes)
            passed, seen = np.split(u, 2, axis=1)
            seen = conv(relu(conv(seen, arrays["p"])), arrays["d"], arrays["b"], pads=(1, 1, 1, 1), group=5)
            u = shuffle(np.concatenate([passed, conv(seen, arrays["p"])], axis=1))
        nodes.append(helper.make_node("Conv", ["u2", "last"], ["y"]))
        ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": conv(u, weights["last"])})
        self.assertEqual(ops["TRANSPOSE"], EDGES["TRANSPOSE"])
        self.assertFalse({"RESHAPE", "GATHER"} & set(ops))

    def test_channels_that_are_treated_alike_stay_in_their_order(self):
        x, w, d, v = random(1, 6, 6, 6), random(6, 6, 1, 1), random(12, 1, 3, 3), random(2, 12, 1, 1)
        nodes, shapes = shuffled("a", "b", 6, 6, groups=3)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            *nodes,
            helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[1, 1]),
            # Two outputs for each channel.
            helper.make_node("Conv", ["c", "d"], ["e"], group=6),
            helper.make_node("Conv", ["e", "v"], ["y"]),
        ]
        a = shuffle(conv(x, w), groups=3)
        pooled = np.maximum.reduce([a[:, :, i : i + 5, j : j + 5] for i in (0, 1) for j in (0, 1)])
        expected = conv(conv(pooled, d, group=6), v)
        ops = self.check(model(nodes, {"x": x}, ["y"], dict(shapes, w=w, d=d, v=v)), {"x": x}, {"y": expected})
        self.assertEqual(ops["TRANSPOSE"], EDGES["TRANSPOSE"])

    def test_a_value_that_needs_its_order_is_shuffled(self):
        x, w = random(1, 6, 4, 4), random(6, 6, 1, 1)
        nodes, shapes = shuffled("a", "b", 6, 4)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            *nodes,
            helper.make_node("Conv", ["b", "w"], ["c"]),
            helper.make_node("Add", ["b", "c"], ["y"]),
        ]
        a = shuffle(conv(x, w))
        self.check(model(nodes, {"x": x}, ["y"], dict(shapes, w=w)), {"x": x}, {"y": a + conv(a, w)})

    def test_an_output_is_shuffled(self):
        x = random(1, 6, 4, 4)
        nodes, shapes = shuffled("x", "y", 6, 4)
        self.check(model(nodes, {"x": x}, ["y"], shapes), {"x": x}, {"y": shuffle(x)})


class DomainTest(LoweredTest):
    def test_a_model_without_operators_of_onnx_is_refused_by_name(self):
        made = model([helper.make_node("Fancy", ["x"], ["y"], domain="else.where")], {"x": random(1, 3)}, ["y"])
        del made.opset_import[:]
        made.opset_import.extend([helper.make_opsetid("else.where", 1)])
        with self.assertRaisesRegex(StageError, "no translation to TensorFlow for Fancy"):
            self.translate(made, {"x": random(1, 3)})


class BatchedTest(LoweredTest):
    """Keys of an attention that are transposed with all axes before their matrices as one."""

    def multiplied(self, order, shape):
        queries, keys = random(1, 2, 3, 4), random(1, 3, 2, 4, seed=1)
        shapes = {"three": np.array([-1, 3, 4]), "four": np.array(shape)}
        nodes = [
            helper.make_node("Transpose", ["k"], ["heads"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", ["heads", "three"], ["a"]),
            helper.make_node("Transpose", ["a"], ["b"], perm=order),
            helper.make_node("Reshape", ["b", "four"], ["c"]),
            helper.make_node("MatMul", ["q", "c"], ["y"]),
        ]
        samples = {"q": queries, "k": keys}
        turned = keys.transpose(0, 2, 1, 3).reshape(2, 3, 4).transpose(order).reshape(shape)
        return self.check(model(nodes, samples, ["y"], shapes), samples, {"y": queries @ turned})

    def test_they_are_turned_once(self):
        self.assertEqual(self.multiplied([0, 2, 1], [1, 2, 4, 3]), {"TRANSPOSE": 1, "BATCH_MATMUL": 1})

    def test_what_is_put_together_otherwise_stays(self):
        for order, shape in (([0, 2, 1], [2, 1, 4, 3]), ([1, 2, 0], [1, 2, 4, 3])):
            with self.subTest(order=order, shape=shape):
                self.assertGreater(self.multiplied(order, shape)["TRANSPOSE"], 1)


class GuardTest(LoweredTest):
    def masked(self, low):
        """The operators of an attention whose mask adds ``low`` to the first row, and to a number of the second."""
        scores, v = random(1, 2, 3, 4), random(4, 5)
        mask = np.array([[False] * 4, [True, False, True, True], [True] * 4])
        weights = {"k": random(4, 4), "v": v, "c": mask, "zero": np.float32(0), "low": np.float32(low)}
        nodes = [
            helper.make_node("Where", ["c", "zero", "low"], ["m"]),
            helper.make_node("MatMul", ["x", "k"], ["s"]),
            helper.make_node("Add", ["s", "m"], ["a"]),
            helper.make_node("Softmax", ["a"], ["p"], axis=3),
            helper.make_node("IsNaN", ["p"], ["n"]),
            helper.make_node("Where", ["n", "zero", "p"], ["g"]),
            helper.make_node("MatMul", ["g", "v"], ["y"]),
        ]
        powers = np.exp(scores @ weights["k"]) * mask
        sums = powers.sum(-1, keepdims=True)
        expected = powers / np.where(sums > 0, sums, 1)
        # Scores vanish beside the least finite number: a row that it is added to has equal shares.
        expected[:, :, 0] = 0 if np.isinf(low) else 1 / 4
        return self.check(model(nodes, {"x": scores}, ["y"], weights), {"x": scores}, {"y": expected @ v})

    def test_nothing_looks_for_nan_where_a_mask_is_finite(self):
        self.assertNotIn("NOT_EQUAL", self.masked(np.finfo(np.float32).min))

    def test_a_row_that_a_mask_makes_nan_is_zeros(self):
        self.assertEqual(self.masked(-np.inf)["NOT_EQUAL"], 1)


class ConcatenationTest(LoweredTest):
    def test_a_longer_one_is_made_of_a_shorter_one(self):
        x, w = random(1, 3, 4, 4), {"w1": random(2, 3, 1, 1), "w2": random(2, 5, 1, 1), "w3": random(2, 7, 1, 1)}
        nodes, joined, seen = [], ["x"], x
        for layer in ("1", "2", "3"):
            into = "c" + layer if layer != "1" else "x"
            if layer != "1":
                nodes.append(helper.make_node("Concat", joined, [into], axis=1))
            nodes.append(helper.make_node("Conv", [into, "w" + layer], ["l" + layer]))
            joined = [*joined, "l" + layer]
            seen = np.concatenate([seen, conv(seen, w["w" + layer])], axis=1)
        nodes.append(helper.make_node("Concat", joined, ["y"], axis=1))
        made = model(nodes, {"x": x}, ["y"], w)
        _, folder, found = self.translate(made, {"x": x})
        self.close(found["y"], seen)
        joins = [node for node in meta_graph(folder).graph_def.node if node.op == "ConcatV2"]
        # Two values and the axis.
        self.assertEqual([len(node.input) for node in joins], [3, 3, 3])


if __name__ == "__main__":
    unittest.main()
