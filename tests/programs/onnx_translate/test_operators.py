"""The small handlers: detection, indexing, linear, loss, normalization, padding, quantization and shaping."""

import unittest

import numpy as np
import tensorflow as tf
from lowered import LoweredTest, meta_graph, model, random, scalar
from onnx import helper

from stagekit import StageError


class GemmTest(LoweredTest):
    def test_linear_layer_is_one_operator(self):
        x, w, b = random(2, 5), random(4, 5), random(4)
        ops = self.check_node("Gemm", {"x": x}, x @ w.T + b, {"w": w, "b": b}, transB=1)
        self.assertEqual(ops, {"FULLY_CONNECTED": 1})

    def test_factors(self):
        x, w, b = random(2, 5), random(5, 4), random(4)
        self.check_node("Gemm", {"x": x}, 0.5 * x @ w + 2 * b, {"w": w, "b": b}, alpha=0.5, beta=2.0)

    def test_transposed_input_and_no_bias(self):
        x, w = random(5, 2), random(5, 4)
        self.check_node("Gemm", {"x": x}, x.T @ w, {"w": w}, transA=1)

    def test_bias_for_every_element(self):
        x, w, b = random(2, 5), random(5, 4), random(2, 1)
        self.check_node("Gemm", {"x": x}, x @ w + b, {"w": w, "b": b})

    def test_everything_is_an_input(self):
        x, w, b = random(2, 5), random(4, 5), random(4)
        self.check_node("Gemm", {"x": x, "w": w, "b": b}, x @ w.T + b, transB=1)


class MatMulTest(LoweredTest):
    def test_a_matrix_of_weights_is_one_operator(self):
        x, w = random(2, 3, 5), random(5, 4)
        ops = self.check_node("MatMul", {"x": x}, x @ w, {"w": w})
        self.assertEqual(ops, {"RESHAPE": 2, "FULLY_CONNECTED": 1})

    def test_inputs(self):
        for one, other in (((2, 3, 4, 5), (2, 3, 5, 2)), ((2, 3, 4, 5), (5, 2)), ((3,), (3, 4)), ((4, 3), (3,))):
            with self.subTest(one=one, other=other):
                a, b = random(*one), random(*other, seed=1)
                self.check_node("MatMul", {"a": a, "b": b}, a @ b)

    def test_einsum(self):
        cases = {
            "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)),
            "bhid, bhjd -> bhij": ((2, 3, 4, 5), (2, 3, 6, 5)),
            "ij,jk": ((2, 3), (3, 4)),
            "i,j->ij": ((2,), (3,)),
            "...ij,...kj->...ik": ((2, 2, 3, 4), (2, 2, 5, 4)),
            "bi,bij,bj->b": ((2, 3), (2, 3, 4), (2, 4)),
            "ijk->ki": ((2, 3, 4),),
        }
        for equation, shapes in cases.items():
            with self.subTest(equation):
                samples = {f"x{at}": random(*shape, seed=at) for at, shape in enumerate(shapes)}
                expected = np.einsum(equation, *samples.values())
                self.check_node("Einsum", samples, expected, equation=equation)

    def test_determinant(self):
        x = random(2, 3, 3)
        self.check_node("Det", {"x": x}, np.linalg.det(x))


class InstanceNormalizationTest(LoweredTest):
    def test_ranks(self):
        scale, offset = random(3), random(3, seed=1)
        for shape in ((2, 3, 7), (2, 3, 5, 4), (2, 3, 2, 3, 4)):
            with self.subTest(shape=shape):
                x = random(*shape)
                flat = x.reshape(2, 3, -1)
                normal = (flat - flat.mean(2, keepdims=True)) / np.sqrt(flat.var(2, keepdims=True) + 1e-5)
                expected = (normal * scale[:, np.newaxis] + offset[:, np.newaxis]).reshape(shape)
                self.check_node("InstanceNormalization", {"x": x}, expected, {"scale": scale, "offset": offset})


class BatchNormalizationTest(LoweredTest):
    def test_ranks(self):
        scale, offset, mean = random(3), random(3, seed=1), random(3, seed=2)
        variance = abs(random(3, seed=3))
        weights = {"scale": scale, "offset": offset, "mean": mean, "variance": variance}
        for shape in ((2, 3), (2, 3, 5), (2, 3, 5, 4)):
            with self.subTest(shape=shape):
                x = random(*shape)
                along = [-1 if axis == 1 else 1 for axis in range(len(shape))]
                s, o, m, v = (array.reshape(along) for array in (scale, offset, mean, variance))
                expected = (x - m) / np.sqrt(v + 1e-3) * s + o
                self.check_node("BatchNormalization", {"x": x}, expected, weights, epsilon=1e-3)


class PadTest(LoweredTest):
    def test_modes(self):
        x = random(1, 2, 5, 5)
        pads = np.array([0, 0, 1, 2, 0, 0, 3, 0])
        widths = [(0, 0), (0, 0), (1, 3), (2, 0)]
        self.check_node("Pad", {"x": x}, np.pad(x, widths, "constant"), {"pads": pads})
        self.check_node("Pad", {"x": x}, np.pad(x, widths, "reflect"), {"pads": pads}, mode="reflect")
        expected = np.pad(x, widths, "constant", constant_values=1.5)
        self.check_node("Pad", {"x": x}, expected, {"pads": pads, "value": scalar(1.5)})

    def test_edge(self):
        x = random(1, 2, 5, 5)
        pads = np.array([0, 0, 1, 2, 0, 0, 3, 0])
        expected = np.pad(x, [(0, 0), (0, 0), (1, 3), (2, 0)], "edge")
        ops = self.check_node("Pad", {"x": x}, expected, {"pads": pads}, mode="edge")
        self.assertEqual(ops["CONCATENATION"], 2)

    def test_more_dimensions_than_tflite_pads(self):
        x = random(2, 3, 4, 3, 5)
        cases = (
            [(0, 0), (0, 0), (1, 2), (0, 0), (0, 0)],
            [(0, 0), (0, 0), (1, 1), (2, 1), (1, 0)],
            [(1, 0), (1, 1), (0, 2), (1, 1), (2, 1)],
        )
        for widths in cases:
            pads = np.array(widths).T.ravel()
            for mode in ("constant", "reflect"):
                with self.subTest(widths, mode=mode):
                    self.check_node("Pad", {"x": x}, np.pad(x, widths, mode), {"pads": pads}, mode=mode)

    def test_negative_widths_crop(self):
        x = random(1, 2, 5, 5)
        pads = np.array([0, 0, -1, 2, 0, 0, 1, -2])
        expected = np.pad(x[:, :, 1:, :-2], [(0, 0), (0, 0), (0, 1), (2, 0)], "constant")
        self.check_node("Pad", {"x": x}, expected, {"pads": pads})

    def test_attributes(self):
        x = random(1, 2, 5, 5)
        expected = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], "constant")
        self.check_node("Pad", {"x": x}, expected, opset=2, pads=[0, 0, 1, 1, 0, 0, 1, 1])


class ShapingTest(LoweredTest):
    def test_reshape(self):
        x = random(2, 3, 4, 5)
        for shape, expected in (((0, -1), (2, 60)), ((6, 20), (6, 20)), ((0, 0, 20), (2, 3, 20))):
            with self.subTest(shape=shape):
                self.check_node("Reshape", {"x": x}, x.reshape(expected), {"shape": np.array(shape)})

    def test_flatten(self):
        x = random(2, 3, 4, 5)
        for axis, expected in ((0, (1, 120)), (1, (2, 60)), (2, (6, 20)), (-1, (24, 5))):
            with self.subTest(axis=axis):
                self.check_node("Flatten", {"x": x}, x.reshape(expected), axis=axis)

    def test_squeeze_and_unsqueeze(self):
        x = random(2, 1, 3, 1)
        self.check_node("Squeeze", {"x": x}, x[:, 0], axes=[1])
        self.check_node("Squeeze", {"x": x}, x[..., 0], {"axes": np.array([-1])}, opset=13)
        self.check_node("Unsqueeze", {"x": x[:, 0, :, 0]}, x, axes=[3, 1])
        self.check_node("Unsqueeze", {"x": x[:, 0, :, 0]}, x, {"axes": np.array([1, -1])}, opset=13)
        # A number in place of a list: torch.onnx.export of torch 2.14 writes it, and onnxruntime takes it.
        self.check_node("Squeeze", {"x": x}, x[..., 0], {"axes": np.array(-1)}, opset=13)
        self.check_node("Unsqueeze", {"x": x[:, 0]}, x, {"axes": np.array(1)}, opset=13)

    def test_a_transpose_of_more_dimensions_than_tflite_takes(self):
        x = random(2, 3, 2, 3, 2, 4)
        ops = self.check_node("Transpose", {"x": x}, x.transpose(0, 1, 3, 2, 4, 5), perm=[0, 1, 3, 2, 4, 5])
        self.assertEqual(ops, {"RESHAPE": 2, "TRANSPOSE": 1})

    def test_split(self):
        x = random(2, 6)
        for sizes, operator in (([3, 3], "SPLIT"), ([1, 5], "STRIDED_SLICE")):
            with self.subTest(sizes=sizes):
                node = helper.make_node("Split", ["x"], ["y", "z"], axis=1, split=sizes)
                expected = dict(zip("yz", np.split(x, sizes[:1], axis=1)))
                self.assertIn(operator, self.check(model([node], {"x": x}, ["y", "z"]), {"x": x}, expected))

    def test_expand_and_tile(self):
        x = random(3, 1)
        self.check_node("Expand", {"x": x}, np.broadcast_to(x, (2, 3, 4)), {"shape": np.array([2, 1, 4])})
        self.check_node("Tile", {"x": x}, np.tile(x, (2, 3)), {"repeats": np.array([2, 3])})

    def test_depth_to_space(self):
        x = random(1, 8, 2, 3)
        blocks = {
            "DCR": (x.reshape(1, 2, 2, 2, 2, 3), (0, 3, 4, 1, 5, 2)),
            "CRD": (x.reshape(1, 2, 2, 2, 2, 3), (0, 1, 4, 2, 5, 3)),
        }
        for mode, (split, order) in blocks.items():
            with self.subTest(mode):
                expected = split.transpose(order).reshape(1, 2, 4, 6)
                ops = self.check_node("DepthToSpace", {"x": x}, expected, blocksize=2, mode=mode)
                self.assertEqual(ops["DEPTH_TO_SPACE"], 1)

    def test_pixel_shuffle_as_pytorch_writes_it(self):
        x = random(1, 8, 2, 3)
        nodes = [
            helper.make_node("Reshape", ["x", "split"], ["a"]),
            helper.make_node("Transpose", ["a"], ["b"], perm=[0, 1, 4, 2, 5, 3]),
            helper.make_node("Reshape", ["b", "merged"], ["y"]),
        ]
        weights = {"split": np.array([1, 2, 2, 2, 2, 3]), "merged": np.array([1, 2, 4, 6])}
        expected = x.reshape(1, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 6)
        ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})
        self.assertEqual(ops["DEPTH_TO_SPACE"], 1)

    def test_reshape_to_a_shape_that_is_an_input(self):
        x, shape = random(2, 3, 4), np.array([0, -1])
        self.check_node("Reshape", {"x": x, "shape": shape}, x.reshape(2, 12))

    def test_flatten_of_an_image_keeps_the_order_of_onnx(self):
        x, w = random(1, 3, 4, 4), random(2, 3, 1, 1)
        nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Flatten", ["a"], ["y"])]
        expected = np.einsum("oc,nchw->nohw", w[:, :, 0, 0], x).reshape(1, -1)
        self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": expected})


class IndexingTest(LoweredTest):
    def test_gather(self):
        x = random(2, 3, 4)
        for axis, indices in ((1, [2, 0, -1]), (2, 1), (-1, [[0, 1], [-4, 3]])):
            with self.subTest(axis=axis, indices=indices):
                expected = np.take(x, indices, axis=axis)
                self.check_node("Gather", {"x": x}, expected, {"indices": np.array(indices)}, axis=axis)

    def test_gather_by_an_input(self):
        x, indices = random(5, 4), np.array([2, -1, 0])
        node = helper.make_node("Gather", ["w", "indices"], ["y"])
        self.check(model([node], {"indices": indices}, ["y"], {"w": x}), {"indices": indices}, {"y": x[indices]})

    def test_gather_elements(self):
        x, indices = random(2, 3, 4), np.array([[[0, -1, 1, 2]], [[2, 1, 0, -3]]])
        expected = np.take_along_axis(x, indices, axis=1)
        self.check_node("GatherElements", {"x": x}, expected, {"indices": indices}, axis=1)
        self.check_node("GatherElements", {"x": x, "indices": indices}, expected, axis=1)

    def test_gather_nd(self):
        x = random(2, 3, 4)
        rows, batched = np.array([[1, 2], [0, -1]]), np.array([[[1]], [[-1]]])
        for samples, weights in (({"x": x}, {"rows": rows}), ({"x": x, "rows": rows}, {})):
            self.check_node("GatherND", samples, x[[1, 0], [2, -1]], weights)
        self.check_node("GatherND", {"x": x}, x[[0, 1], [1, -1]][:, None], {"rows": batched}, batch_dims=1)

    def test_scatter(self):
        x, updates = random(3, 4), random(1, 4, seed=1)
        indices = np.array([[2, 0, -2, 1]])
        expected = x.copy()
        np.put_along_axis(expected, indices, updates, axis=0)
        nodes = [helper.make_node("ScatterElements", ["x", "indices", "updates"], ["y"], axis=0)]
        for fed in ({"x": x, "updates": updates}, {"x": x, "updates": updates, "indices": indices}):
            weights = {} if "indices" in fed else {"indices": indices}
            self.check(model(nodes, fed, ["y"], weights), fed, {"y": expected})

    def test_scatter_nd(self):
        x, updates, rows = random(3, 4), random(2, 4, seed=1), np.array([[2], [-3]])
        expected = x.copy()
        expected[[2, 0]] = updates
        nodes = [helper.make_node("ScatterND", ["x", "rows", "updates"], ["y"])]
        for fed in ({"x": x, "updates": updates}, {"x": x, "updates": updates, "rows": rows}):
            weights = {} if "rows" in fed else {"rows": rows}
            self.check(model(nodes, fed, ["y"], weights), fed, {"y": expected})

    def test_one_hot(self):
        indices = np.array([0, -2, 2])
        weights = {"depth": np.array(3), "values": np.float32([2, 5])}
        expected = np.where(np.eye(3, dtype=bool), 5, 2).astype(np.float32)
        self.check_node("OneHot", {"indices": indices}, expected, weights)
        self.check_node("OneHot", {"indices": indices}, expected.T, weights, axis=-2)

    def test_slice(self):
        x = random(2, 8, 9)
        cases = {
            "plain": ([1, 2], [4, 5], [1, 2], [1, 1], x[:, 1:4, 2:5]),
            "negative": ([-3], [2**31], [-1], [1], x[:, :, -3:]),
            "steps": ([0], [9], [2], [3], x[:, :, 0:9:3]),
            "backwards": ([-1], [-(2**31)], [1], [-1], x[:, ::-1]),
        }
        for name, (starts, ends, axes, steps, expected) in cases.items():
            with self.subTest(name):
                weights = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
                weights = {key: np.array(value) for key, value in weights.items()}
                self.check_node("Slice", {"x": x}, expected, weights)


class LogicTest(LoweredTest):
    def test_a_comparison_that_onnxruntime_took_apart(self):
        a, b = random(2, 3), random(2, 3, seed=1)
        b[0] = a[0]
        for strict, expected in (("Greater", a >= b), ("Less", a <= b)):
            with self.subTest(strict):
                nodes = [
                    helper.make_node(strict, ["a", "b"], ["c"]),
                    helper.make_node("Equal", ["a", "b"], ["d"]),
                    helper.make_node("Or", ["c", "d"], ["y"]),
                ]
                samples = {"a": a, "b": b}
                ops = self.check(model(nodes, samples, ["y"]), samples, {"y": expected})
                self.assertEqual(ops, {strict.upper() + "_EQUAL": 1})

    def test_the_opposite_of_a_comparison_holds_for_what_is_no_number(self):
        a, b = np.float32([np.nan, 1, 2, 3]), np.float32([2, 2, 2, 2])
        for op_type, expected in (("Less", ~(a < b)), ("Greater", ~(a > b)), ("Equal", a != b)):
            with self.subTest(op_type):
                nodes = [helper.make_node(op_type, ["a", "b"], ["c"]), helper.make_node("Not", ["c"], ["y"])]
                samples = {"a": a, "b": b}
                self.check(model(nodes, samples, ["y"]), samples, {"y": expected})

    def test_a_comparison_of_others_is_kept(self):
        a, b = random(2, 3), random(2, 3, seed=1)
        nodes = [
            helper.make_node("Greater", ["a", "b"], ["c"]),
            helper.make_node("Equal", ["b", "a"], ["d"]),
            helper.make_node("Or", ["c", "d"], ["e"]),
            helper.make_node("Equal", ["a", "a"], ["f"]),
            helper.make_node("Or", ["e", "f"], ["y"]),
        ]
        samples = {"a": a, "b": b}
        self.check(model(nodes, samples, ["y"]), samples, {"y": np.ones((2, 3), bool)})


class LossTest(LoweredTest):
    def test_loss(self):
        x, labels, weight = random(2, 3, 4), np.array([[0, 1, 2, 1], [2, 2, 0, 1]]), np.float32([1, 2, 3])
        logs = x - np.log(np.exp(x).sum(1, keepdims=True))
        each = -np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]
        counted = weight[labels] * (labels != 1)
        cases = (
            ({"reduction": "none"}, {}, each),
            ({"reduction": "sum"}, {"weight": weight}, (each * weight[labels]).sum()),
            ({"ignore_index": 1}, {"weight": weight}, (each * counted).sum() / counted.sum()),
        )
        for attributes, weights, expected in cases:
            with self.subTest(**attributes):
                loss, samples = np.float32(expected), {"x": x, "labels": labels}
                self.check_node("SoftmaxCrossEntropyLoss", samples, loss, weights, **attributes)
                samples["x"] = logs
                self.check_node("NegativeLogLikelihoodLoss", samples, loss, weights, **attributes)


class QuantizationTest(LoweredTest):
    def test_there_and_back(self):
        x, scale, point = 3 * random(2, 3, 4), np.float32([0.5, 0.25, 0.125]), np.uint8([0, 128, 10])
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "point"], ["q"], axis=1),
            helper.make_node("DequantizeLinear", ["q", "scale", "point"], ["y"], axis=1),
        ]
        s, p = scale[:, np.newaxis], point[:, np.newaxis].astype(np.float32)
        expected = (np.clip(np.round(x / s) + p, 0, 255) - p) * s
        self.check(model(nodes, {"x": x}, ["y"], {"scale": scale, "point": point}, opset=13), {"x": x}, {"y": expected})


class RangeTest(LoweredTest):
    """A pair of one constant scale and zero point of int8 is a range, which the int8 converter reads."""

    SCALE, POINT = np.float32(0.05), np.int8(-28)

    def pair(self, **second):
        weights = dict({"scale": self.SCALE, "point": self.POINT}, **second)
        back = "other" if second else "scale"
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "point"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", back, "point"], ["y"]),
        ]
        return nodes, {name: np.asarray(value).reshape(()) for name, value in weights.items()}

    def test_a_pair_is_one_operator_that_knows_its_range(self):
        x = 6 * random(2, 3, 4, 4)
        nodes, weights = self.pair()
        steps = np.clip(np.round(x / self.SCALE) + self.POINT, -128, 127) - np.float32(self.POINT)
        onnx_model = model(nodes, {"x": x}, ["y"], weights)
        result, folder, found = self.translate(onnx_model, {"x": x})
        self.close(found["y"], steps * self.SCALE)
        operators = [node.op for node in meta_graph(folder).graph_def.node if node.op not in ("Const", "Identity")]
        self.assertEqual(["Placeholder", "FakeQuantWithMinMaxVars"], operators)
        constants = [node for node in meta_graph(folder).graph_def.node if node.op == "Const"]
        limits = sorted(tf.make_ndarray(node.attr["value"].tensor).item() for node in constants)
        np.testing.assert_allclose(limits, [-5, 7.75], rtol=1e-6)
        self.assertEqual("x", result["inputs"][0]["name"])

    def test_an_image_is_turned_around_it(self):
        x, kernel = random(1, 3, 6, 6), random(4, 3, 3, 3)
        nodes, weights = self.pair()
        nodes.append(helper.make_node("Conv", ["y", "kernel"], ["z"]))
        onnx_model = model(nodes, {"x": x}, ["z"], dict(weights, kernel=kernel))
        _, folder, _ = self.translate(onnx_model, {"x": x})
        layouts = [node.attr["data_format"].s for node in meta_graph(folder).graph_def.node if node.op == "Conv2D"]
        self.assertEqual([b"NHWC"], layouts)

    def test_another_scale_on_the_way_back(self):
        nodes, weights = self.pair(other=np.float32(0.1))
        with self.assertRaises(StageError) as caught:
            self.translate(model(nodes, {"x": random(1, 4)}, ["y"], weights), {"x": random(1, 4)})
        self.assertIn("another scale than the QuantizeLinear before it, of int8", caught.exception.message)


class NonMaxSuppressionTest(LoweredTest):
    def test_two_classes(self):
        boxes = np.float32([[[0, 0, 1, 1], [1.1, 1, 0.1, 0], [0, 10, 1, 11]]])
        scores = np.float32([[[0.9, 0.8, 0.7], [0.1, 0.6, 0.2]]])
        weights = {"most": np.array([2]), "overlap": scalar(0.5), "least": scalar(0.15)}
        expected = np.array([[0, 0, 0], [0, 0, 2], [0, 1, 1], [0, 1, 2]])
        self.check_node("NonMaxSuppression", {"boxes": boxes, "scores": scores}, expected, weights)


class SizesThatDataDecidesTest(LoweredTest):
    """How many places NonZero finds is known only when the model runs."""

    def test_a_part_of_what_is_found(self):
        x, ends = np.float32([0, 3, 0, 5, 6, 7]), np.iinfo(np.int64)
        places = [1, 3, 4, 5]
        for expected, start, end, step in (
            (places[:2], 0, 2, 1),
            (places[1:], 1, ends.max, 1),
            (places[-2:], -2, ends.max, 1),
            (places, 0, 100, 1),
            (places[::-1], -1, ends.min, -1),
        ):
            with self.subTest(start=start, end=end, step=step):
                weights = {name: np.array([number]) for name, number in (("s", start), ("e", end), ("p", step))}
                weights["axes"] = np.array([1])
                nodes = [
                    helper.make_node("NonZero", ["x"], ["places"]),
                    helper.make_node("Slice", ["places", "s", "e", "axes", "p"], ["y"]),
                ]
                self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": np.array([expected])})

    def test_the_last_of_what_is_found(self):
        x, weights = np.float32([0, 3, 0, 5, 6, 7]), {"which": np.array([-1, 0])}
        nodes = [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("Gather", ["places", "which"], ["y"], axis=1),
        ]
        self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": np.array([[5, 1]])})

    def test_as_many_of_the_largest_as_there_are(self):
        """What PyTorch writes for `found.topk(min(3, len(found)))`."""
        x, weights = np.float32([0, 3, 0, 5, 6, 7]), {"most": np.array([3]), "last": np.array([1])}
        nodes = [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("Shape", ["places"], ["sizes"]),
            helper.make_node("Gather", ["sizes", "last"], ["count"]),
            helper.make_node("Min", ["count", "most"], ["k"]),
            helper.make_node("TopK", ["x", "k"], ["y", "at"]),
        ]
        for expected in ([7, 6, 5], [7, 0]):
            with self.subTest(expected):
                self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": np.float32(expected)})
                x = np.float32([0, 0, 7, 0, 0, -1])

    def test_boxes_that_are_likely_enough_are_suppressed_and_taken(self):
        """What PyTorch writes for `found = found[scores > 0.5]; found = found[nms(boxes, scores, 0.5)]`."""
        corners = np.float32([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 12, 12], [20, 20, 24, 24], [8, 8, 12, 13]])
        likely = np.float32([[0.9], [0.8], [0.6], [0.1], [0.7]])
        weights = {
            "least": scalar(0.5),
            "overlap": scalar(0.5),
            "most": np.array([np.iinfo(np.int64).max]),
            "box": np.array(2),
        }
        nodes = [
            helper.make_node("Squeeze", ["likely"], ["scores"], axes=[1]),
            helper.make_node("Greater", ["scores", "least"], ["enough"]),
            helper.make_node("NonZero", ["enough"], ["found"]),
            helper.make_node("Squeeze", ["found"], ["kept"], axes=[0]),
            helper.make_node("Gather", ["corners", "kept"], ["boxes"]),
            helper.make_node("Gather", ["scores", "kept"], ["chances"]),
            helper.make_node("Unsqueeze", ["boxes"], ["all_boxes"], axes=[0]),
            helper.make_node("Unsqueeze", ["chances"], ["all_chances"], axes=[0, 1]),
            helper.make_node("NonMaxSuppression", ["all_boxes", "all_chances", "most", "overlap"], ["chosen"]),
            helper.make_node("Gather", ["chosen", "box"], ["places"], axis=1),
            helper.make_node("Gather", ["boxes", "places"], ["y"]),
        ]
        inputs = {"corners": corners, "likely": likely}
        self.check(model(nodes, inputs, ["y"], weights), inputs, {"y": corners[[0, 4]]})

    def test_what_can_not_be_said_of_them_is_refused_with_the_place_to_cut(self):
        x = np.float32([[0, 3], [0, 5]])
        nodes = [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("GatherElements", ["x", "places"], ["y"], name="chosen"),
        ]
        with self.assertRaises(StageError) as caught:
            self.translate(model(nodes, {"x": x}, ["y"]), {"x": x})
        self.assertIn("chosen", caught.exception.message)
        self.assertIn("the data decides how large its input 'places' is, (2, None)", caught.exception.message)
        self.assertIn("--to-tensor places", caught.exception.hint)


class NormTest(LoweredTest):
    def test_what_is_all_zeros_stays_so(self):
        x = random(2, 3, 4)
        x[1] = 0
        for p, norm in ((1, np.abs(x).sum(2, keepdims=True)), (2, np.sqrt((x**2).sum(2, keepdims=True)))):
            with self.subTest(p=p):
                self.check_node("LpNormalization", {"x": x}, x / np.where(norm == 0, 1, norm), axis=2, p=p)

    def test_pools_of_all_there_is(self):
        for shape in ((2, 3, 4), (2, 3, 4, 2), (2, 3, 2, 2, 3)):
            for p in (1, 2, 3):
                with self.subTest(shape=shape, p=p):
                    x = random(*shape)
                    sums = (np.abs(x) ** p).sum(tuple(range(2, x.ndim)), keepdims=True)
                    self.check_node("GlobalLpPool", {"x": x}, sums ** np.float32(1 / p), p=p)

    def test_an_even_number_of_neighbours(self):
        x = random(2, 5, 3, 2)
        padded = np.pad(x**2, [(0, 0), (1, 2), (0, 0), (0, 0)])
        total = sum(padded[:, at : at + 5] for at in range(4))
        self.check_node("LRN", {"x": x}, x / (2 + 0.1 / 4 * total) ** 0.5, size=4, alpha=0.1, beta=0.5, bias=2.0)

    def test_nothing_to_reduce(self):
        x = np.zeros((2, 0, 3), np.float32)
        for op_type, expected in (("ReduceSum", 0), ("ReduceProd", 1), ("ReduceL2", 0)):
            with self.subTest(op_type):
                nodes = [
                    helper.make_node(op_type, ["x"], ["reduced"], axes=[1], keepdims=0),
                    helper.make_node("Add", ["reduced", "y"], ["z"]),
                ]
                samples = {"x": x, "y": random(2, 3)}
                self.check(model(nodes, samples, ["z"]), samples, {"z": samples["y"] + np.float32(expected)})

    def test_nothing_to_choose_from(self):
        nodes = [
            helper.make_node("Where", ["chosen", "x", "other"], ["nothing"]),
            helper.make_node("ReduceSum", ["nothing"], ["sum"], axes=[1], keepdims=0),
            helper.make_node("Add", ["sum", "y"], ["z"]),
        ]
        samples = {"x": np.zeros((2, 0, 3), np.float32), "y": random(2, 3)}
        weights = {"chosen": np.array([True, False, True]), "other": np.ones(1, np.float32)}
        self.check(model(nodes, samples, ["z"], weights), samples, {"z": samples["y"]})


class RoiAlignTest(LoweredTest):
    def test_means_and_maxima(self):
        # A ramp is what bilinear samples of it are, so that a cell's mean is its centre's value.
        x = np.add.outer(np.arange(8) * 10, np.arange(6)).astype(np.float32)[np.newaxis, np.newaxis]
        samples = {"x": np.concatenate([x, -x]), "regions": np.array([[1, 2, 5, 6], [2, 0, 4, 4]], np.float32)}
        rows, columns = np.array([[3.0, 5.0], [1.0, 3.0]]), np.array([[2.0, 4.0], [2.5, 3.5]])
        centres = np.stack([np.add.outer(10 * row, column) for row, column in zip(rows, columns)])
        signs = np.array([1, -1]).reshape(2, 1, 1)
        expected = (centres * signs)[:, np.newaxis].astype(np.float32)
        settings = {"output_height": 2, "output_width": 2, "sampling_ratio": 2}
        self.check_node("RoiAlign", samples, expected, {"images": np.array([0, 1])}, **settings)

    def test_as_many_samples_as_fit_is_refused(self):
        samples = {"x": random(1, 1, 4, 4), "regions": np.array([[0, 0, 2, 2]], np.float32)}
        with self.assertRaises(StageError) as raised:
            self.check_node("RoiAlign", samples, None, {"images": np.array([0])})
        self.assertIn("sampling_ratio", raised.exception.hint)


class TfIdfVectorizerTest(LoweredTest):
    def check_counts(self, expected, **settings):
        x = np.array([[5, 5, 6, 7], [5, 7, 6, 5]], np.int32)
        pool = {"ngram_counts": [0, 2], "ngram_indexes": [3, 0, 1], "pool_int64s": [7, 5, 5, 6]}
        settings = {"min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 1, **pool, **settings}
        node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], **settings)
        self.check(model([node], {"x": x}, ["y"]), {"x": x}, {"y": np.array(expected, np.float32)})

    def test_modes(self):
        # Columns: 5 alone, 5 and 6 with at most one between, nothing, 7 alone.
        self.check_counts([[2, 2, 0, 1], [2, 1, 0, 1]], mode="TF")
        self.check_counts([[1, 1, 0, 1], [1, 1, 0, 1]], mode="IDF")
        self.check_counts([[4, 6, 0, 5], [4, 3, 0, 5]], mode="TFIDF", weights=[2.0, 3.0, 4.0, 5.0])

    def test_lengths(self):
        self.check_counts([[0, 1, 0, 0], [0, 0, 0, 0]], mode="TF", min_gram_length=2, max_skip_count=0)


if __name__ == "__main__":
    unittest.main()
