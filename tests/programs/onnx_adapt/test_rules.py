"""Each operator of a newer opset, run as it is and at opset 13."""

import collections
import re
import time
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from onnx_adapt import opset_13
from onnx_adapt.rules import RULES
from onnx_adapt.rules.refused import REASONS
from onnx_adapt.rules.rule import PREVIEW
from onnx_adapt.rules.unchanged import UNCHANGED
from stagekit import StageError

NEWEST = onnx.defs.onnx_opset_version()
INF, NAN = np.inf, np.nan


def numbers(*shape, seed=0, dtype="float32"):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def model(op_type, inputs, constants=(), opset=NEWEST, outputs=1, **attributes):
    """A model of a node: ``inputs`` are arrays that it is fed, None one left out; ``constants`` come behind them."""
    arrays = [*inputs, *constants]
    names = ["" if array is None else f"x{index}" for index, array in enumerate(arrays)]
    values, weights = [], []
    for index, (name, array) in enumerate(zip(names, arrays)):
        if array is None:
            continue
        if index < len(inputs):
            values.append(
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            )
        else:
            weights.append(numpy_helper.from_array(array, name))
    made = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op_type, names, made, name="node", **attributes)
    graph = helper.make_graph([node], "graph", values, [onnx.ValueInfoProto(name=name) for name in made], weights)
    opsets = {attributes.get("domain", ""): 1} | {"": opset}
    opset_imports = [helper.make_opsetid(*entry) for entry in opsets.items()]
    model = helper.make_model(graph, ir_version=10, opset_imports=opset_imports)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def lowered(model):
    made = ir.to_proto(opset_13.lower(ir.from_proto(model)))
    onnx.checker.check_model(made, full_check=True)
    return made


def run(model, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    fed = [np.asarray(array) for array in inputs if array is not None]
    return session.run(None, {each.name: array for each, array in zip(session.get_inputs(), fed)})


class TestTable(unittest.TestCase):
    def test_holds_every_operator_that_onnx_has_changed_since_13(self):
        forgotten = []
        for schema in onnx.defs.get_all_schemas_with_history():
            at, name = schema.since_version, schema.name
            known = at <= UNCHANGED.get(name, 13) or name in REASONS or ("", name, at) in RULES
            if schema.domain == "" and not known:
                forgotten.append((name, at))
        self.assertEqual(forgotten, [])

    def test_holds_nothing_that_onnx_does_not_have(self):
        history = collections.defaultdict(set)
        for schema in onnx.defs.get_all_schemas_with_history():
            if schema.domain == "":
                history[schema.name].add(schema.since_version)
        for name in UNCHANGED:
            self.assertEqual(UNCHANGED[name], max(history[name]), name)
        for domain, name, at in RULES:
            if not domain:
                self.assertIn(at, history[name], name)
        for name in REASONS:
            self.assertNotIn(13, history[name], name)
            self.assertGreater(min(history[name]), 13, name)

    def test_is_in_the_docs(self):
        page = (Path(__file__).parents[3] / "docs/onnx.md").read_text(encoding="utf-8")
        section = page.partition("## Operators of newer opsets")[2].partition("\n## ")[0]
        lists = [part for part in section.split("\n\n") if part.startswith("`") and part.endswith("`.")]
        said = {name for domain, name, at in RULES if not domain and at > 13}
        self.assertEqual([set(re.findall(r"`(\w+)`", part)) for part in lists], [set(UNCHANGED), said, set(REASONS)])

    def test_has_one_row_for_each(self):
        ruled = {name for domain, name, at in RULES if not domain and at > 13}
        self.assertEqual(ruled & set(UNCHANGED) | ruled & set(REASONS) | set(UNCHANGED) & set(REASONS), set())


class TestRules(unittest.TestCase):
    def check(self, op_type, *inputs, constants=(), atol=2e-6, like=None, **options):
        """The outputs at opset 13, which are those of onnxruntime for the model as it is, or ``like``."""
        made = model(op_type, inputs, constants, **options)
        found = run(lowered(made), inputs)
        for output, expected in zip(found, run(made, inputs) if like is None else like):
            self.assertEqual((output.shape, output.dtype), (np.shape(expected), np.asarray(expected).dtype))
            np.testing.assert_allclose(output, expected, rtol=1e-5, atol=atol)

    def refused(self, words, *arguments, **options):
        with self.assertRaises(StageError) as caught:
            lowered(model(*arguments, **options))
        self.assertIn("(node node) can't be said at opset 13: ", caught.exception.message)
        self.assertIn(words, caught.exception.message)
        self.assertTrue(caught.exception.hint)

    def test_activations(self):
        x = np.array([-INF, -100, -3, -0.5, 0, 0.5, 3, 100, INF, NAN], "float32")
        finite = x[np.isfinite(x)]
        for op_type, options in {
            "HardSwish": {},
            "Mish": {},
            "Gelu": {},
            "Elu": {"alpha": 0.5},
            "Softplus": {},
            "Celu": {"alpha": 2.0, "opset": 22},
        }.items():
            with self.subTest(op_type):
                self.check(op_type, finite, **{"opset": 22, **options})
        self.check("Gelu", finite, opset=20, approximate="tanh")
        self.check("Swish", finite, alpha=2.0, like=[finite / (1 + np.exp(-2.0 * finite.astype(float))).astype("f")])
        gate = numbers(2, 3)
        self.check("SwiGLU", gate, gate + 1, like=[gate / (1 + np.exp(-gate)) * (gate + 1)])
        self.check("Relu", x, opset=14)
        self.check("Relu", np.array([-128, -1, 0, 127], "int8"), opset=14, like=[np.array([0, 0, 0, 127], "int8")])

    def test_layer_normalization_of_numbers_far_from_zero(self):
        x = numbers(4, 512).astype(float)
        for mean in (0, 1e2, 1e3, 1e4):
            far = (x + mean).astype("float32")
            exact = far.astype(float) - far.astype(float).mean(1, keepdims=True)
            exact = exact / np.sqrt((exact**2).mean(1, keepdims=True) + 1e-5)
            scale, bias = numbers(512, seed=1), numbers(512, seed=2)
            with self.subTest(mean):
                (made,) = run(lowered(model("LayerNormalization", [far], [scale, bias], opset=17)), [far])
                self.assertLess(np.abs(made - (exact * scale + bias)).max(), max(1e-5, 6e-7 * mean))

    def test_layer_normalization(self):
        x = numbers(2, 3, 4)
        for axis in (-3, -2, -1, 0, 1, 2):
            shape = x.shape[axis:]
            with self.subTest(axis):
                scale = numbers(*shape, seed=1)
                self.check("LayerNormalization", x, scale, scale + 1, axis=axis, opset=17, outputs=3, atol=1e-5)
                self.check("LayerNormalization", x, scale, axis=axis, opset=17, atol=1e-5)

    def test_group_and_mean_variance_normalization_of_numbers_far_from_zero(self):
        x = (numbers(2, 4, 8, 8).astype(float) + 1000).astype("float32")
        exact = x.astype(float).reshape(2, 2, -1)
        exact = exact - exact.mean(2, keepdims=True)
        exact = (exact / np.sqrt((exact**2).mean(2, keepdims=True) + 1e-5)).reshape(x.shape)
        scale, bias = np.float32([1, 2, 3, 4]), np.float32([0, 1, 2, 3])
        of_channels = exact * scale.reshape(-1, 1, 1) + bias.reshape(-1, 1, 1)
        self.check("GroupNormalization", x, scale, bias, num_groups=2, like=[of_channels.astype("f")], atol=2e-3)
        of_groups = exact * np.repeat(scale[:2], 2).reshape(-1, 1, 1) + np.repeat(bias[:2], 2).reshape(-1, 1, 1)
        options = {"num_groups": 2, "like": [of_groups.astype("f")], "atol": 2e-3}
        self.check("GroupNormalization", x, scale[:2], bias[:2], opset=18, **options)
        exact = x.astype(float) - x.astype(float).mean((0, 2, 3), keepdims=True)
        exact = exact / exact.std((0, 2, 3), keepdims=True)
        self.check("MeanVarianceNormalization", x, opset=17, like=[exact.astype("f")], atol=2e-3)

    def test_rms_normalization(self):
        for axis, shape in ((-1, (4,)), (1, (3, 4)), (-3, (2, 3, 4))):
            with self.subTest(axis):
                self.check("RMSNormalization", numbers(2, 3, 4), numbers(*shape, seed=1), axis=axis, opset=23)

    def test_batch_normalization(self):
        parameters = [np.abs(numbers(3, seed=seed)) for seed in range(4)]
        self.check("BatchNormalization", numbers(2, 3, 4, 4), constants=parameters, opset=15)
        self.refused("training", "BatchNormalization", [numbers(2, 3, 4)], parameters, training_mode=1, outputs=3)

    def test_reductions(self):
        x = numbers(2, 3, 4)
        for name in ("L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"):
            for axes in ([], [-1, 0]) if name != "Mean" else ([], [1], [-1, 0], None):
                for noop in (0, 1):
                    with self.subTest(name, axes=axes, noop=noop):
                        constants = [] if axes is None else [np.array(axes, "int64")]
                        options = {"keepdims": 0, "noop_with_empty_axes": noop}
                        if noop and not axes and name not in ("Max", "Mean", "Min", "Prod"):
                            square = x * x if name == "SumSquare" else np.abs(x)
                            options["like"] = [x if name == "LogSumExp" else square]
                        self.check("Reduce" + name, x, constants=constants, opset=18, atol=1e-5, **options)
        self.check("ReduceLogSum", np.abs(x), constants=[np.array([1])], opset=18)
        self.check("ReduceMax", np.float32(3), opset=20)
        self.check("ReduceMin", x > 0, constants=[np.array([1])], opset=20)
        self.check("ReduceMax", np.array([[NAN, 1], [INF, 2]], "float32"), constants=[np.array([1])], opset=20)
        self.refused("its axes is computed", "ReduceMax", [x, np.array([1])], opset=20)

    def test_cumulative_product(self):
        x = np.array([[1, 2, 0], [4, 5, 6]], "float32")
        exclusive = np.array([[10, 5, 1], [1, 1, 1]], "float32")
        axis, expected = np.array(-1), [np.cumprod(x, 1)]
        self.check("CumProd", x, constants=[axis], like=expected)
        x = np.array([[1, 2, 5], [4, 1, 1]], "float32")
        self.check("CumProd", x, constants=[axis], exclusive=1, reverse=1, like=[exclusive])

    def test_shape(self):
        x = numbers(2, 3, 4)
        for start, end in ((0, None), (1, None), (-1, None), (0, -1), (1, 2), (-9, 9), (2, 1)):
            with self.subTest(start=start, end=end):
                self.check("Shape", x, start=start, **({} if end is None else {"end": end}), opset=19)
        self.check("Shape", np.float32(1), opset=19, start=0)

    def test_split(self):
        x = numbers(7, 2)
        self.check("Split", x, outputs=3, num_outputs=3, opset=18)
        self.check("Split", x, outputs=2, num_outputs=2, axis=-1, opset=18)
        self.check("Split", x, constants=[np.array([3, 4])], outputs=2, opset=18)

    def test_reshape(self):
        self.check("Reshape", numbers(2, 6), constants=[np.array([3, -1])], allowzero=1, opset=14)
        self.refused("empty", "Reshape", [numbers(0, 6)], [np.array([0, 2])], allowzero=1, opset=14)

    def test_trilu(self):
        for x in (numbers(3, 4), numbers(2, 4, 3), np.arange(12).reshape(3, 4), numbers(3, 4) > 0):
            for k in (-9, -1, 1):
                for upper in (0, 1):
                    with self.subTest(k=k, upper=upper, shape=x.shape):
                        self.check("Trilu", x, constants=[np.array(k)], upper=upper, opset=14)

    def test_pad(self):
        x = numbers(2, 3, 4)
        for mode in ("constant", "edge", "reflect", "wrap"):
            with self.subTest(mode):
                self.check("Pad", x, constants=[np.array([1, 1, 2, 0]), None, np.array([-1, 1])], mode=mode, opset=19)
        self.check("Pad", x, constants=[np.array([2, -1]), None, np.array([1])], mode="wrap", opset=19)
        constants = [np.float32(7), np.array([2])]
        self.check("Pad", x, np.array([1, 2]), constants=constants, opset=19)

    def test_col2im(self):
        for block, options in (
            ((2, 2), {}),
            ((3, 2), {"strides": [2, 1], "pads": [1, 0, 1, 2], "dilations": [1, 2]}),
        ):
            image = np.array([5, 6])
            low, high = np.reshape(options.get("pads", [0] * 4), (2, 2))
            steps, gaps = options.get("strides", [1, 1]), options.get("dilations", [1, 1])
            count = (image + low + high - gaps * (np.array(block) - 1) - 1) // steps + 1
            x = numbers(2, 3 * int(np.prod(block)), int(np.prod(count)))
            with self.subTest(block):
                self.check("Col2Im", x, constants=[image, np.array(block)], opset=18, **options)

    def test_tensor_scatter(self):
        cache, update = numbers(2, 3, 5, 2), numbers(2, 3, 2, 2, seed=1)
        expected = cache.copy()
        expected[0, :, 1:3], expected[1, :, 4], expected[1, :, 0] = update[0], update[1, :, 0], update[1, :, 1]
        self.check("TensorScatter", cache, update, np.array([1, 4]), mode="circular", like=[expected])

    def test_casts(self):
        x = np.array([-1.5, 0.5, 2.5], "float32")
        self.check("CastLike", x, np.array([1], "int32"), opset=19)
        self.check("Cast", x, to=onnx.TensorProto.INT8, opset=19)
        self.check("BitCast", np.array([-1, 5], "int8"), to=2, like=[np.array([255, 5], "uint8")])
        self.refused("float8e4m3fn", "Cast", [x], to=onnx.TensorProto.FLOAT8E4M3FN, opset=19)

    def test_small_integers_wrap_around(self):
        a, b = np.array([100, -100, 7], "int8"), np.array([100, 100, 2], "int8")
        with np.errstate(over="ignore"):
            self.check("Add", a, b, opset=14, like=[a + b])
            self.check("Mul", a, b, opset=14, like=[a * b])
        self.check("Div", a, b, opset=14, like=[np.array([1, -1, 3], "int8")])

    def test_small_integers_are_compared_as_large_ones(self):
        """Onnxruntime 1.6 has no comparisons of them."""
        a, b = np.array([200, 3, 7], "uint8"), np.array([100, 3, 9], "uint8")
        for op_type, dtype in (("Equal", "uint8"), ("LessOrEqual", "uint16"), ("Max", "int8"), ("Min", "uint8")):
            with self.subTest(op_type):
                made = lowered(model(op_type, [a.astype(dtype), b.astype(dtype)]))
                (node,) = (node for node in made.graph.node if node.op_type == op_type)
                cast = {node.output[0] for node in made.graph.node if node.op_type == "Cast"}
                self.assertEqual(set(node.input) - cast, set())
        self.check("Greater", a, b, like=[a > b])
        self.check("Max", a, b, like=[np.maximum(a, b)])

    def test_a_choice_of_truth_values_or_small_integers_is_made_of_other_operators(self):
        """Onnxruntime 1.6 has no Where of them."""
        condition, x, y = (numbers(12, seed=seed) > 0 for seed in range(3))
        self.check("Where", condition, x, y, opset=16, like=[np.where(condition, x, y)])
        triangle = lowered(model("Trilu", [numbers(3, 4) > 0], opset=14))
        for made in (lowered(model("Where", [condition, x, y], opset=16)), triangle):
            self.assertNotIn("Where", [node.op_type for node in made.graph.node])
        small = lowered(model("Where", [condition, x.astype("int8"), y.astype("int8")]))
        (node,) = (node for node in small.graph.node if node.op_type == "Where")
        self.assertLessEqual(
            set(node.input[1:]), {node.output[0] for node in small.graph.node if node.op_type == "Cast"}
        )

    def test_lists_of_numbers(self):
        """Onnxruntime 1.6 takes one for a tensor of one number."""
        x = numbers(3, 20, 8)
        made = lowered(model("CenterCropPad", [x], [np.array([10, 9])], axes=[1, 2]))
        attributes = {each.name for node in made.graph.node if node.op_type == "Constant" for each in node.attribute}
        self.assertEqual(attributes, {"value"})
        self.check("CenterCropPad", x, constants=[np.array([10, 9])], axes=[1, 2])

    def test_bits(self):
        for dtype in ("int8", "uint8", "int32", "uint32"):
            a = np.random.RandomState(0).randint(np.iinfo(dtype).min, np.iinfo(dtype).max, (3, 4)).astype(dtype)
            b = np.random.RandomState(1).randint(np.iinfo(dtype).min, np.iinfo(dtype).max, (4,)).astype(dtype)
            with self.subTest(dtype):
                self.check("BitwiseAnd", a, b, opset=18, like=[a & b])
                self.check("BitwiseOr", a, b, opset=18, like=[a | b])
                self.check("BitwiseXor", a, b, opset=18, like=[a ^ b])
                self.check("BitwiseNot", a, opset=18, like=[~a])
        x, by = np.array([-128, -3, 5, 127], "int8"), np.array([9, 1, 1, 2], "int8")
        self.check("BitShift", x, by, direction="RIGHT", like=[np.array([-1, -2, 2, 31], "int8")])
        self.check("BitShift", x, by, direction="LEFT", like=[np.array([0, -6, 10, -4], "int8")])
        x, by = np.array([-(2**31), 2**31 - 1, -5, 7], "int32"), np.array([1, 31, 32, -1], "int32")
        self.check("BitShift", x, by, direction="RIGHT", like=[np.array([-(2**30), 0, -1, 0], "int32")])
        x, by = np.array([-(2**63), 2**62, -5, 3]), np.array([40, 61, 64, 63])
        self.check("BitShift", x, by, direction="RIGHT", like=[np.array([-(2**23), 2, -1, 0])])
        self.check("BitShift", x, by, direction="LEFT", like=[np.array([0, 0, 0, -(2**63)])])
        self.refused("64 bits", "BitwiseAnd", [a.astype("uint64"), a.astype("uint64")], opset=18)

    def test_remainder_of_floats(self):
        x, y = np.float32([5, -5, 5, -5, 6, 1, -1]), np.float32([3, 3, -3, -3, 3, INF, INF])
        self.check("Mod", x, y, like=[np.float32([2, 1, -1, -2, 0, 1, INF])])

    def test_scattering(self):
        x, updates = numbers(3, 4), numbers(3, 2, seed=1)
        indices = np.array([[0, -1], [1, 1], [2, 3]])
        for reduction in ("none", "add", "mul", "max", "min"):
            with self.subTest(reduction):
                self.check("ScatterElements", x, indices, updates, axis=1, reduction=reduction, opset=18)
                places = np.array([[0, 1], [-1, 3], [2, 2]] if reduction == "none" else [[0, 1], [-1, 3], [0, 1]])
                self.check("ScatterND", x, places, numbers(3), reduction=reduction, opset=18)
                rows = np.array([[0], [2]])
                self.check("ScatterND", x.astype("int32"), rows, x[:2].astype("int32"), reduction=reduction, opset=18)
        big = [np.zeros((70000, 1), "f"), np.zeros((70000, 1), "int64"), np.zeros((70000, 1), "f")]
        self.refused("table of 4,900,000,000", "ScatterElements", big, reduction="add")

    def test_pooling(self):
        x = numbers(1, 2, 7, 8)
        for options in (
            {"kernel_shape": [2, 3], "dilations": [2, 1]},
            {"kernel_shape": [2, 3], "dilations": [2, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]},
            {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 1, 1, 1]},
            {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1},
        ):
            with self.subTest(options):
                self.check("AveragePool", x, opset=19, **options)
                self.check("AveragePool", x, opset=19, count_include_pad=1, **options)
        for options in ({}, {"dilations": [2, 2], "p": 3}, {"ceil_mode": 1, "strides": [2, 3]}):
            with self.subTest(options):
                self.check("LpPool", x, kernel_shape=[2, 2], opset=18, **options)

    def test_recurrent_networks_with_the_batch_first(self):
        for op_type, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
            weights = [numbers(1, gates * 4, 3, seed=1), numbers(1, gates * 4, 4, seed=2)]
            x, state = numbers(2, 5, 3), numbers(2, 1, 4, seed=3)
            # onnxruntime has no kernel for layout 1.
            by_time = model(
                op_type,
                [x.transpose(1, 0, 2)],
                [*weights, None, None, state.transpose(1, 0, 2)],
                opset=14,
                outputs=2,
                hidden_size=4,
            )
            y, last = run(by_time, [x.transpose(1, 0, 2)])
            expected = [y.transpose(2, 0, 1, 3), last.transpose(1, 0, 2)]
            with self.subTest(op_type):
                options = {"layout": 1, "hidden_size": 4, "outputs": 2, "opset": 14, "like": expected}
                self.check(op_type, x, constants=[*weights, None, None, state], **options)

    def test_resizing(self):
        x = numbers(1, 2, 9, 12)
        none = [None]
        for constants, options in (
            ([*none, np.float32([0.5, 0.6])], {"axes": [2, 3], "mode": "linear"}),
            ([*none, None, np.array([5, 7])], {"axes": [-2, -1], "mode": "cubic"}),
            ([*none, np.float32([1, 1, 0.4, 0.5])], {"mode": "linear", "antialias": 1}),
            ([*none, None, np.array([1, 2, 4, 7])], {"mode": "cubic", "antialias": 1}),
            ([*none, None, np.array([3, 4])], {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}),
            ([*none, None, np.array([1, 2, 18, 25])], {"mode": "linear"}),
            ([*none, np.float32([1, 1, 1.5, 0.7])], {"coordinate_transformation_mode": "half_pixel_symmetric"}),
            (
                [np.float32([0, 0.2, 1, 0.7]), None, np.array([4, 5])],
                {"axes": [2, 3], "coordinate_transformation_mode": "tf_crop_and_resize", "mode": "linear"},
            ),
        ):
            with self.subTest(options):
                self.check("Resize", x, constants=constants, opset=19, atol=1e-5, **options)
        self.refused(
            "rounds a size up",
            "Resize",
            [x],
            [None, None, np.array([5, 9])],
            axes=[2, 3],
            keep_aspect_ratio_policy="not_larger",
        )

    def test_grid_sample(self):
        x, grid = numbers(2, 3, 5, 6), (numbers(2, 4, 3, 2, seed=1) * 1.5).astype("float32")
        for mode in ("linear", "nearest", "cubic"):
            for padding in ("zeros", "border", "reflection"):
                for corners in (0, 1):
                    with self.subTest(mode, padding=padding, corners=corners):
                        options = {"padding_mode": padding, "align_corners": corners, "opset": 20}
                        self.check("GridSample", x, grid, mode=mode, atol=1e-5, **options)
        volume, points = numbers(1, 2, 3, 4, 5), numbers(1, 2, 2, 3, 3, seed=1)
        self.check("GridSample", volume, points, opset=20, atol=1e-5)
        self.check("GridSample", x, grid, mode="bicubic", opset=16, atol=1e-5)

    def test_affine_grid(self):
        for theta, size in ((numbers(2, 2, 3), [2, 3, 4, 5]), (numbers(2, 3, 4), [2, 1, 2, 3, 4])):
            for corners in (0, 1):
                self.check("AffineGrid", theta, constants=[np.array(size)], align_corners=corners, opset=20)

    def test_deformable_convolution(self):
        x, weights = numbers(2, 4, 6, 5), numbers(6, 2, 3, 2, seed=1)
        offset, mask = numbers(2, 24, 3, 3, seed=2), np.abs(numbers(2, 12, 3, 3, seed=3))
        options = {"group": 2, "offset_group": 2, "strides": [2, 2], "pads": [1, 1, 0, 0], "opset": 19, "atol": 2e-5}
        self.check("DeformConv", x, weights, offset, numbers(6), mask, **options)
        self.check("DeformConv", x, weights, offset, **options)

    def test_regions(self):
        x = numbers(2, 3, 8, 9)
        regions = np.float32([[0, 0, 15, 12], [3.3, 2.2, 4, 9], [-8, -6, 20, 20]])
        options = {"output_height": 2, "output_width": 3, "spatial_scale": 0.5, "opset": 16, "sampling_ratio": 2}
        self.check("RoiAlign", x, regions, np.array([0, 1, 0]), atol=1e-5, **options)
        self.check(
            "RoiAlign", x, regions, np.array([0, 1, 0]), coordinate_transformation_mode="output_half_pixel", **options
        )

    def test_transforms(self):
        for parts in (1, 2):
            for options, length in (({}, 6), ({"inverse": 1}, 6), ({}, 8), ({}, 4), ({"onesided": 1}, 7)):
                if parts == 2 and options.get("onesided"):
                    continue
                x = numbers(2, 6, 3, parts)
                with self.subTest(options, parts=parts, length=length):
                    constants = [np.array(length), np.array(-3)]
                    self.check("DFT", x, constants=constants, opset=20, atol=1e-5, **options)
                    self.check("DFT", x, constants=constants[:1], axis=1, opset=17, atol=1e-5, **options)
        signal = numbers(2, 10)
        spectrum = np.fft.rfft(signal).astype("complex64")
        halves = np.stack([spectrum.real, spectrum.imag], -1)
        self.check("DFT", halves, inverse=1, onesided=1, like=[signal[..., None]], atol=1e-5)
        window = np.hanning(6).astype("float32")
        for onesided in (0, 1):
            constants = [np.array(3), window, np.array(6)]
            self.check("STFT", signal[..., None], constants=constants, onesided=onesided, opset=17, atol=1e-5)

    def test_windows(self):
        for op_type in ("BlackmanWindow", "HammingWindow", "HannWindow"):
            self.check(op_type, constants=[np.array(10)], opset=17, periodic=0)
        constants = [np.array(8), np.array(64), np.array(8192), np.float32(0), np.float32(4096)]
        self.check("MelWeightMatrix", constants=constants, opset=17)

    def test_attention(self):
        query, key, value = numbers(2, 4, 3, 8), numbers(2, 2, 5, 8, seed=1), numbers(2, 2, 5, 6, seed=2)
        mask = np.where(numbers(3, 5, seed=3) > 0.5, -INF, 0).astype("float32")
        for options in ({}, {"is_causal": 1}, {"softcap": 2.0}, {"scale": 0.3}):
            with self.subTest(options):
                self.check("Attention", query, key, value, opset=23, atol=1e-5, **options)
                self.check("Attention", query, key, value, np.maximum(mask, -1e4), opset=23, atol=1e-5, **options)
        past = [numbers(2, 2, 4, 8, seed=4), numbers(2, 2, 4, 6, seed=5)]
        self.check("Attention", query, key, value, None, *past, opset=23, outputs=3, atol=1e-5)
        flat = {"q_num_heads": 4, "kv_num_heads": 2, "opset": 23, "atol": 1e-5}
        self.check("Attention", numbers(2, 3, 32), numbers(2, 5, 16, seed=1), numbers(2, 5, 12, seed=2), **flat)

    def test_attention_of_onnx_s_preview(self):
        query, key, value = (numbers(1, 2, 3, 4, seed=seed) for seed in range(3))
        cap = helper.make_graph(
            [helper.make_node("Tanh", ["score"], ["capped"])],
            "cap",
            [helper.make_tensor_value_info("score", 1, [1, 2, 3, 3])],
            [helper.make_tensor_value_info("capped", 1, [1, 2, 3, 3])],
        )
        powers = np.exp(np.tanh(query @ key.swapaxes(2, 3) / 2))
        expected = powers / powers.sum(-1, keepdims=True) @ value
        self.check("FlexAttention", query, key, value, domain=PREVIEW, score_mod=cap, like=[expected])

    def test_rotary_embedding(self):
        x, angles = numbers(2, 4, 3, 8), numbers(2, 3, 4, seed=1)
        for interleaved in (0, 1):
            options = {"interleaved": interleaved, "opset": 23, "atol": 1e-5}
            self.check("RotaryEmbedding", x, np.cos(angles), np.sin(angles), **options)

    def test_linear_attention(self):
        query, key, value = numbers(1, 3, 8), numbers(1, 3, 4, seed=1), numbers(1, 3, 6, seed=2)
        decay, beta = -np.abs(numbers(1, 3, 4, seed=3)), np.abs(numbers(1, 3, 2, seed=4))
        made = model(
            "LinearAttention", [query, key, value, None, decay, beta], outputs=2, q_num_heads=4, kv_num_heads=2
        )
        given = [query, key, value, decay, beta]
        expected = ReferenceEvaluator(made).run(None, dict(zip(("x0", "x1", "x2", "x4", "x5"), given)))
        for output, wanted in zip(run(lowered(made), given), expected):
            np.testing.assert_allclose(output, wanted, atol=1e-5)

    def test_quantization(self):
        x = np.float32([[-300, -1.5, 0.5], [2.5, 3.5, 1000]])
        for dtype in ("int8", "uint8", "int16", "uint16"):
            scale, point = np.float32([0.5, 2, 1]), np.array([1, 2, 3], dtype)
            with self.subTest(dtype):
                self.check("QuantizeLinear", x, constants=[scale, point], axis=-1, opset=21)
                whole = np.arange(6).reshape(2, 3).astype(dtype)
                self.check("DequantizeLinear", whole, constants=[scale, point], axis=1, opset=21)
        self.check("QuantizeLinear", x, constants=[np.float32(0.5)], output_dtype=onnx.TensorProto.INT8, opset=21)
        wide = np.arange(24).reshape(2, 12).astype("int8")
        scale = numbers(2, 3)
        self.check("DequantizeLinear", wide, constants=[scale], axis=1, block_size=4, opset=21)

    def test_weights_of_four_bits(self):
        weights = helper.make_tensor("w", onnx.TensorProto.INT4, [2, 4], np.arange(-4, 4))
        scale = numpy_helper.from_array(np.float32([[0.5, 1], [2, 4]]), "s")
        node = helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=1, block_size=2)
        last = helper.make_node("Add", ["x", "d"], ["y"])
        ports = [helper.make_tensor_value_info(name, 1, [2, 4]) for name in "xy"]
        graph = helper.make_graph([node, last], "graph", ports[:1], ports[1:], [weights, scale])
        made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        expected = np.float32([[-2, -1.5, -2, -1], [0, 2, 8, 12]])
        np.testing.assert_array_equal(run(lowered(made), [np.zeros((2, 4), "f")])[0], expected)

    def test_refused_operators(self):
        self.refused("random", "Bernoulli", [numbers(2)])
        self.refused("text", "StringConcat", [np.array(["a"], object), np.array(["b"], object)])


class TestEngine(unittest.TestCase):
    def test_lowers_the_nodes_of_branches(self):
        x, y = (helper.make_tensor_value_info(name, 1, [2]) for name in "xy")
        then = helper.make_graph(
            [helper.make_node("HardSwish", ["x"], ["a"])], "then", [], [helper.make_empty_tensor_value_info("a")]
        )
        other = helper.make_graph(
            [helper.make_node("Mish", ["x"], ["b"])], "else", [], [helper.make_empty_tensor_value_info("b")]
        )
        nodes = [
            helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
            helper.make_node("Greater", ["most", "zero"], ["positive"]),
            helper.make_node("If", ["positive"], ["y"], then_branch=then, else_branch=other),
        ]
        graph = helper.make_graph(nodes, "graph", [x], [y], [numpy_helper.from_array(np.float32(0), "zero")])
        made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
        for numbers in ([1, -2], [-1, -2]):
            given = [np.float32(numbers)]
            np.testing.assert_allclose(run(lowered(made), given)[0], run(made, given)[0], rtol=1e-5)

    def test_keeps_open_sizes_open(self):
        x, y = (helper.make_tensor_value_info(name, 1, ["batch", 3, 4]) for name in "xy")
        nodes = [
            helper.make_node("Trilu", ["x"], ["a"]),
            helper.make_node("LayerNormalization", ["a", "scale"], ["b"]),
            helper.make_node("Gelu", ["b"], ["y"]),
        ]
        graph = helper.make_graph(nodes, "graph", [x], [y], [numpy_helper.from_array(np.ones(4, "f"), "scale")])
        made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
        for batch in (1, 3):
            given = [numbers(batch, 3, 4)]
            np.testing.assert_allclose(run(lowered(made), given)[0], run(made, given)[0], atol=1e-5)

    def test_knows_shapes_behind_an_operator_that_onnx_infers_none_of(self):
        x, y = (helper.make_tensor_value_info(name, 1, [2, 4, 5, 5]) for name in "xy")
        weights = [numpy_helper.from_array(np.ones(4, "f"), name) for name in "sb"]
        nodes = [helper.make_node("GroupNormalization", ["x", "s", "b"], ["a"], num_groups=2)]
        nodes += [helper.make_node("Relu", ["a"], ["c"])]
        nodes += [helper.make_node("GroupNormalization", ["c", "s", "b"], ["y"], num_groups=4)]
        graph = helper.make_graph(nodes, "graph", [x], [y], weights)
        made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        given = [numbers(2, 4, 5, 5)]
        np.testing.assert_allclose(run(lowered(made), given)[0], run(made, given)[0], atol=1e-5)

    def test_names_all_that_it_refuses(self):
        x = helper.make_tensor_value_info("x", 1, [2])
        nodes = [helper.make_node("Bernoulli", ["x"], [name], name="draw_" + name) for name in "ab"]
        outputs = [helper.make_tensor_value_info(name, 1, [2]) for name in "ab"]
        graph = helper.make_graph(nodes, "graph", [x], outputs)
        with self.assertRaises(StageError) as caught:
            lowered(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]))
        words = "Bernoulli (2 nodes, the first is draw_a) can't be said at opset 13: it draws random numbers"
        self.assertEqual(caught.exception.message, words)

    def test_says_where_to_cut_a_model_in_which_data_decides_a_size(self):
        x = helper.make_tensor_value_info("x", 1, [2, 3])
        nodes = [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("Cast", ["places"], ["floats"], to=1),
            helper.make_node("GroupNormalization", ["floats", "w", "w"], ["y"], num_groups=1),
        ]
        weights = [numpy_helper.from_array(np.ones(1, "float32"), "w")]
        graph = helper.make_graph(nodes, "graph", [x], [helper.make_tensor_value_info("y", 1, None)], weights)
        with self.assertRaisesRegex(StageError, "the data decides how large its input 'floats' is") as caught:
            lowered(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)]))
        self.assertIn("--to-tensor floats", caught.exception.hint)

    def test_takes_time_in_proportion_to_the_nodes(self):
        seconds = []
        for count in (500, 4000):
            nodes = [helper.make_node("HardSwish", [f"v{at}"], [f"v{at + 1}"]) for at in range(count)]
            ports = [helper.make_tensor_value_info(name, 1, [2]) for name in ("v0", f"v{count}")]
            graph = helper.make_graph(nodes, "graph", ports[:1], ports[1:])
            made = ir.from_proto(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 14)]))
            start = time.perf_counter()
            opset_13.lower(made)
            seconds.append(time.perf_counter() - start)
        self.assertLess(seconds[1], 20 * seconds[0])

    def test_bfloat16_is_computed_in_float32(self):
        x, y = (helper.make_tensor_value_info(name, 1, [2]) for name in "xy")
        weight = helper.make_tensor("w", onnx.TensorProto.BFLOAT16, [2], [1.5, 2.0])
        nodes = [
            helper.make_node("Cast", ["x"], ["a"], to=onnx.TensorProto.BFLOAT16),
            helper.make_node("Mul", ["a", "w"], ["b"]),
            helper.make_node("Cast", ["b"], ["y"], to=onnx.TensorProto.FLOAT),
        ]
        graph = helper.make_graph(nodes, "graph", [x], [y], [weight])
        made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
        np.testing.assert_array_equal(run(lowered(made), [np.float32([1, 3])])[0], [1.5, 6])


if __name__ == "__main__":
    unittest.main()
