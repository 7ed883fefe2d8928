"""Operators of com.microsoft, each against onnxruntime's own kernel."""

import unittest

import numpy as np
from lowered import MICROSOFT, assert_same, lowered, model, operators, run
from onnx import helper

RANDOM = np.random.default_rng(0)


def floats(*shape, mean=0.0):
    return (RANDOM.standard_normal(shape) + mean).astype("float32")


def microsoft(op_type, inputs, outputs="y", **attributes):
    return helper.make_node(op_type, inputs.split(","), outputs.split(","), domain=MICROSOFT, **attributes)


class Activation(unittest.TestCase):
    def test_without_a_bias(self):
        for op_type in ("Gelu", "FastGelu", "QuickGelu"):
            with self.subTest(op_type):
                x = {"x": floats(2, 3, 8) * 4}
                assert_same(model([microsoft(op_type, "x")], x), x)

    def test_with_a_bias(self):
        for op_type in ("BiasGelu", "FastGelu"):
            with self.subTest(op_type):
                x = {"x": floats(2, 3, 8)}
                assert_same(model([microsoft(op_type, "x,b")], x, {"b": floats(8)}), x)

    def test_quick_gelu_with_another_slope(self):
        x = {"x": floats(2, 8)}
        assert_same(model([microsoft("QuickGelu", "x", alpha=-1.0)], x), x)


class Normalization(unittest.TestCase):
    def test_skips_and_biases(self):
        for op_type, inputs in (
            ("SkipLayerNormalization", "x,s,g"),
            ("SkipLayerNormalization", "x,s,g,b"),
            ("SkipLayerNormalization", "x,s,g,b,a"),
            ("SkipLayerNormalization", "x,s,g,,a"),
            ("SkipSimplifiedLayerNormalization", "x,s,g"),
            ("SkipSimplifiedLayerNormalization", "x,s,g,a"),
        ):
            for outputs in ("y", "y,,,t"):
                with self.subTest(op_type, inputs=inputs, outputs=outputs):
                    x = {"x": floats(2, 5, 16), "s": floats(2, 5, 16)}
                    node = microsoft(op_type, inputs, outputs, epsilon=1e-3)
                    assert_same(model([node], x, self.weights(), outputs=2), x)

    def test_a_skip_for_all_of_a_batch(self):
        x = {"x": floats(2, 5, 16), "s": floats(5, 16)}
        assert_same(model([microsoft("SkipLayerNormalization", "x,s,g,b")], x, self.weights()), x)

    def test_a_mean_of_a_thousand_deviations(self):
        x = {"x": floats(2, 5, 16, mean=1000.0), "s": np.zeros((2, 5, 16), "float32")}
        numbers = x["x"].astype("float64")
        centred = numbers - numbers.mean(-1, keepdims=True)
        wanted = centred / np.sqrt((centred**2).mean(-1, keepdims=True))
        (got,) = run(lowered(model([microsoft("SkipLayerNormalization", "x,s,g")], x, {"g": np.ones(16, "f")})), x)
        np.testing.assert_allclose(got, wanted, atol=3e-4)

    def test_embeddings(self):
        ids = {"ids": np.arange(10, dtype="int32").reshape(2, 5)}
        mask = {"mask": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "int32")}
        segments = {"segments": np.array([[0, 0, 1, 1, 1]] * 2, "int32")}
        places = {"places": np.array([[4, 3, 2, 1, 0]] * 2, "int32")}
        tables = {"w": floats(12, 16), "p": floats(8, 16), "t": floats(2, 16)}
        for inputs, given in (
            ("ids,,w,p,,g,b", ids),
            ("ids,,w,p,,g,b,mask", ids | mask),
            ("ids,segments,w,p,t,g,b,mask", ids | segments | mask),
            ("ids,,w,p,,g,b,,places", ids | places),
        ):
            with self.subTest(inputs):
                node = microsoft("EmbedLayerNormalization", inputs, "y,lengths,sum")
                assert_same(model([node], given, self.weights() | tables, outputs=3), given)

    def test_those_that_onnx_did_not_know(self):
        for op_type, inputs in (("LayerNormalization", "x,g,b"), ("SimplifiedLayerNormalization", "x,g")):
            for axis in (-1, 2):
                with self.subTest(op_type, axis=axis):
                    x = {"x": floats(2, 5, 16)}
                    node = helper.make_node(op_type, inputs.split(","), ["y"], axis=axis)
                    assert_same(model([node], x, self.weights(), opset=12), x)

    def weights(self):
        return {"g": floats(16), "b": floats(16), "a": floats(16)}


class Matrices(unittest.TestCase):
    def test_products(self):
        a, b = floats(2, 3, 4, 5), floats(2, 3, 5, 6)
        for attributes, turned in (
            ({}, (a, b)),
            ({"alpha": 0.125}, (a, b)),
            ({"transB": 1}, (a, b.transpose(0, 1, 3, 2).copy())),
            ({"transA": 1, "alpha": 2.0}, (a.transpose(0, 1, 3, 2).copy(), b)),
            ({"transBatchA": 1}, (a.transpose(2, 0, 1, 3).copy(), b)),
            ({"transBatchB": 1, "transB": 1}, (a, b.transpose(3, 0, 1, 2).copy())),
        ):
            with self.subTest(**attributes):
                x = dict(zip("ab", turned))
                assert_same(model([microsoft("FusedMatMul", "a,b", **attributes)], x), x)

    def test_products_behind_others(self):
        """ONNX has to know the shape of what the first computes."""
        x = {"a": floats(3, 4, 5), "b": floats(3, 5, 5)}
        nodes = [
            microsoft("FusedMatMul", "a,b", "c", transB=1),
            microsoft("TransposeMatMul", "c,b", transA=0, transB=1),
        ]
        assert_same(model(nodes, x), x)

    def test_gemm_with_activations(self):
        weights = {"w": floats(4, 5), "c": floats(5)}
        for attributes in (
            {"activation": "Relu"},
            {"activation": "LeakyRelu", "activation_alpha": 0.3},
            {"activation": "Sigmoid", "alpha": 0.5, "beta": 2.0},
        ):
            with self.subTest(**attributes):
                x = {"x": floats(3, 4)}
                assert_same(model([microsoft("FusedGemm", "x,w,c", **attributes)], x, weights), x)

    def test_convolutions(self):
        weights = {"w": floats(6, 4, 3, 3), "b": floats(6)}
        for inputs, attributes in (
            ("x,w", {"activation": "Relu"}),
            ("x,w,b", {"activation": "Relu", "pads": [1, 1, 1, 1]}),
            ("x,w,b,z", {"activation": "Relu", "pads": [1, 1, 1, 1]}),
            ("x,w,b", {"activation": "Clip", "activation_params": [0.0, 6.0], "strides": [2, 2]}),
            ("x,w,b", {"activation": "LeakyRelu", "activation_params": [0.1]}),
            ("x,w,b", {"activation": "HardSigmoid", "activation_params": [0.2, 0.5]}),
            ("x,w,b", {"activation": "Tanh"}),
        ):
            with self.subTest(inputs, **attributes):
                x = {"x": floats(2, 4, 7, 7)} | ({"z": floats(2, 6, 7, 7)} if "z" in inputs else {})
                assert_same(model([microsoft("FusedConv", inputs, **attributes)], x, weights), x, 2e-6)

    def test_weights_of_a_few_bits(self):
        rows, columns, block = 8, 40, 16
        blocks = 3
        x = {"x": floats(2, columns)}
        for bits in (2, 4, 8):
            packed = RANDOM.integers(0, 256, (rows, blocks, block * bits // 8), "uint8")
            scales = RANDOM.uniform(0.5, 1, (rows, blocks)).astype("float32")
            zeros = RANDOM.integers(0, 256, (rows, -(-blocks * bits // 8)), "uint8")
            for inputs in ("x,w,s", "x,w,s,z", "x,w,s,,,b"):
                with self.subTest(bits=bits, inputs=inputs):
                    node = microsoft("MatMulNBits", inputs, N=rows, K=columns, bits=bits, block_size=block)
                    constants = {"w": packed, "s": scales, "z": zeros, "b": floats(rows)}
                    assert_same(model([node], x, constants), x, 1e-5)


class Attention(unittest.TestCase):
    def test_self_attention(self):
        x = {"x": floats(2, 5, 16)}
        raw = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "int32")
        square = np.tril(np.ones((5, 5), "int32"))[None].repeat(2, 0)
        weights = {"w": floats(16, 48), "b": floats(48)}
        for inputs, given, attributes in (
            ("x,w,b", {}, {}),
            ("x,w", {}, {"scale": 0.3}),
            ("x,w,b,m", {"m": raw}, {}),
            ("x,w,b,m", {"m": square}, {"mask_filter_value": -50.0}),
            ("x,w,b,m", {"m": np.array([3, 5], "int32")}, {}),
            ("x,w,b,m", {"m": np.array([3, 5, 1, 0], "int32")}, {}),
            ("x,w,b", {}, {"unidirectional": 1}),
            ("x,w,b,m", {"m": raw}, {"unidirectional": 1}),
            ("x,w,b,,,a", {"a": floats(2, 4, 5, 5)}, {}),
            ("x,w,b,,p", {"p": floats(2, 2, 4, 3, 4)}, {"unidirectional": 1}),
        ):
            outputs = "y,present" if "p" in given else "y"
            with self.subTest(inputs, **attributes):
                node = microsoft("Attention", inputs, outputs, num_heads=4, **attributes)
                assert_same(model([node], x | given, weights, outputs=2), x | given, 2e-6)

    def test_values_of_another_width(self):
        x = {"x": floats(2, 5, 16)}
        node = microsoft("Attention", "x,w,b", num_heads=4, qkv_hidden_sizes=[16, 16, 8])
        assert_same(model([node], x, {"w": floats(16, 40), "b": floats(40)}), x, 2e-6)

    def test_many_heads(self):
        apart = {"q": floats(2, 5, 16), "k": floats(2, 7, 16), "v": floats(2, 7, 24)}
        for inputs, given, attributes in (
            ("q,k,v", apart, {}),
            ("q,k,v,b", apart, {"scale": 0.2}),
            ("q,k,v,,m", apart | {"m": np.array([[1] * 5 + [0] * 2, [1] * 7], "int32")}, {}),
            ("q,k,v,,m", apart | {"m": np.array([4, 7], "int32")}, {}),
            ("q,k,v,,,a", apart | {"a": floats(1, 4, 5, 7)}, {}),
            ("q,k,v", {"q": floats(2, 5, 16), "k": floats(2, 4, 7, 4), "v": floats(2, 4, 7, 4)}, {}),
            ("q,k,v", {name: floats(2, 5, 16) for name in "qkv"}, {"unidirectional": 1}),
            (
                "q,k,v,,,,pk,pv",
                {name: floats(2, 5, 16) for name in "qkv"} | {"pk": floats(2, 4, 3, 4), "pv": floats(2, 4, 3, 4)},
                {},
            ),
        ):
            outputs = "y,present_k,present_v" if "pk" in given else "y"
            with self.subTest(inputs, **attributes):
                node = microsoft("MultiHeadAttention", inputs, outputs, num_heads=4, **attributes)
                assert_same(model([node], given, {"b": floats(56)}, outputs=3), given, 2e-6)

    def test_rotary_embeddings(self):
        tables = {"c": np.cos(floats(10, 4)), "s": np.sin(floats(10, 4))}
        places = {"p": np.array([[0, 1, 2, 3, 4], [3, 4, 5, 6, 7]], "int64")}
        for x, given, attributes in (
            (floats(2, 5, 24), places, {}),
            (floats(2, 5, 24), {"p": np.array([2], "int64")}, {}),
            (floats(2, 3, 5, 8), places, {}),
            (floats(2, 3, 5, 8), places, {"interleaved": 1}),
            (floats(2, 5, 36), places, {"num_heads": 3, "rotary_embedding_dim": 8}),
        ):
            with self.subTest(shape=x.shape, **attributes):
                node = microsoft("RotaryEmbedding", "x,p,c,s", **attributes)
                assert_same(model([node], {"x": x} | given, tables), {"x": x} | given)


class Integers(unittest.TestCase):
    """Between DequantizeLinear and QuantizeLinear a number at the edge of a step may fall on the other side."""

    def same(self, node, inputs, constants, **given):
        proto = model([node], inputs, constants, **given)
        made = lowered(proto)
        (wanted,), (got,) = run(proto, inputs), run(made, inputs)
        self.assertEqual((wanted.dtype, wanted.shape), (got.dtype, got.shape))
        steps = np.abs(wanted.astype("int32") - got)
        self.assertLessEqual(steps.max(), 1)
        self.assertLess((steps > 0).mean(), 0.1)
        return made

    def test_between_others(self):
        x = {"x": floats(3, 8)}
        for dtype in ("int8", "uint8", "int16", "uint16"):
            with self.subTest(dtype):
                zero = np.array(np.iinfo(dtype).max // 2 if dtype.startswith("u") else 0, dtype)
                constants = {"w": floats(8, 5), "s": np.float32(8 / np.iinfo(dtype).max), "z": zero}
                nodes = [
                    microsoft("QuantizeLinear", "x,s,z", "q"),
                    microsoft("DequantizeLinear", "q,s,z", "d"),
                    helper.make_node("MatMul", ["d", "w"], ["m"]),
                    microsoft("QuantizeLinear", "m,s,z", "y"),
                ]
                assert_same(model([*nodes[:3], microsoft("QuantizeLinear", "m,s,z")], x, constants), x, 0)
                nodes.append(microsoft("DequantizeLinear", "y,s,z", "r"))
                assert_same(model(nodes, x, constants), x)

    def test_of_two_tensors(self):
        constants = scales("abc") | {"az": np.uint8(120), "bz": np.uint8(3), "cz": np.uint8(100)}
        for op_type in ("QLinearAdd", "QLinearMul"):
            with self.subTest(op_type):
                x = {"a": integers(2, 3, 4), "b": integers(3, 4)}
                self.same(microsoft(op_type, "a,as,az,b,bs,bz,cs,cz"), x, constants)

    def test_of_one_tensor(self):
        for op_type, attributes in (
            ("QLinearSigmoid", {}),
            ("QLinearLeakyRelu", {"alpha": 0.1}),
            ("QLinearGlobalAveragePool", {}),
            ("QLinearAveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("QLinearSoftmax", {"axis": -1, "opset": 13}),
            ("QLinearSoftmax", {"axis": 1, "opset": 12}),
        ):
            for dtype, zero in (("uint8", 7), ("int8", -7)):
                with self.subTest(op_type, dtype=dtype, **attributes):
                    constants = {"s": np.float32(0.03), "z": np.array(zero, dtype), "ys": np.float32(0.0217)}
                    made = self.same(
                        microsoft(op_type, "x,s,z,ys,z", **attributes),
                        {"x": integers(2, 3, 4, 4, dtype=dtype)},
                        constants,
                    )
                    self.assertEqual(operators(made)[0], "DequantizeLinear")

    def test_of_several_tensors(self):
        constants = scales("abc") | {"az": np.uint8(120), "bz": np.uint8(3), "cz": np.uint8(100)}
        x = {"a": integers(2, 3), "b": integers(2, 5)}
        self.same(microsoft("QLinearConcat", "cs,cz,a,as,az,b,bs,bz", axis=1), x, constants)
        x = {"k": RANDOM.uniform(size=(2, 3)) < 0.5, "a": integers(2, 3), "b": integers(2, 3)}
        self.same(microsoft("QLinearWhere", "k,a,as,az,b,bs,bz,cs,cz"), x, constants)

    def test_products(self):
        x = {"a": integers(3, 8)}
        constants = scales("ay") | {"az": np.uint8(120), "yz": np.uint8(100)}
        constants |= {"b": integers(8, 5, dtype="int8"), "bz": np.int8(0), "bs": np.float32(0.02)}
        bias = {"c": RANDOM.integers(-500, 500, 5).astype("int32")}
        self.same(microsoft("QGemm", "a,as,az,b,bs,bz,c,ys,yz"), x, constants | bias)
        assert_same(model([microsoft("QGemm", "a,as,az,b,bs,bz,c")], x, constants | bias), x)
        by_column = {"bs": RANDOM.uniform(0.01, 0.03, 5).astype("float32"), "bz": np.zeros(5, "int8")}
        for weights in ({}, by_column):
            node = helper.make_node("QLinearMatMul", ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"])
            self.same(node, x, constants | weights)
        assert_same(model([microsoft("MatMulIntegerToFloat", "a,b,as,bs,az,bz,f")], x, constants | {"f": floats(5)}), x)

    def test_convolutions(self):
        x = {"x": integers(1, 4, 6, 6)}
        constants = scales("xy") | {"xz": np.uint8(120), "yz": np.uint8(100), "w": integers(6, 4, 3, 3, dtype="int8")}
        constants |= {"b": RANDOM.integers(-500, 500, 6).astype("int32")}
        for scale in (np.float32(0.01), RANDOM.uniform(0.01, 0.03, 6).astype("float32")):
            constants |= {"ws": scale, "wz": np.zeros(np.shape(scale), "int8")}
            for inputs in ("x,xs,xz,w,ws,wz,ys,yz", "x,xs,xz,w,ws,wz,ys,yz,b"):
                with self.subTest(inputs, scale=scale):
                    node = helper.make_node("QLinearConv", inputs.split(","), ["y"], pads=[1, 1, 1, 1])
                    self.same(node, x, constants)

    def test_integers_alone(self):
        x = {"x": integers(1, 4, 6, 6)}
        constants = {"w": integers(6, 4, 3, 3), "xz": np.uint8(120), "wz": np.uint8(100)}
        for inputs in ("x,w", "x,w,xz", "x,w,xz,wz"):
            assert_same(model([helper.make_node("ConvInteger", inputs.split(","), ["y"])], x, constants), x, 0)
        x = {"x": integers(3, 8)}
        constants = {
            "w": integers(8, 5, dtype="int8"),
            "xz": np.uint8(120),
            "wz": np.int8(3),
            "by": integers(5, dtype="int8"),
        }
        for inputs in ("x,w", "x,w,xz", "x,w,xz,wz", "x,w,xz,by"):
            assert_same(model([helper.make_node("MatMulInteger", inputs.split(","), ["y"])], x, constants), x, 0)

    def test_ranges_of_a_run(self):
        for x in (floats(3, 8), np.zeros((3, 8), "float32"), floats(3, 8, mean=9.0), floats(3, 8, mean=-9.0)):
            node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])
            assert_same(model([node], {"x": x}, outputs=3), {"x": x})
            constants = {"b": integers(8, 5, dtype="int8"), "s": np.float32(0.02), "z": np.int8(3), "c": floats(5)}
            for inputs in ("x,b,s", "x,b,s,z", "x,b,s,z,c"):
                assert_same(model([microsoft("DynamicQuantizeMatMul", inputs)], {"x": x}, constants), {"x": x}, 1e-5)


def integers(*shape, dtype="uint8"):
    """Signed ones of seven bits: onnxruntime saturates sums of larger products where AVX2 is all that there is."""
    limits = np.iinfo(dtype)
    by = 2 if limits.min else 1
    return RANDOM.integers(limits.min // by, limits.max // by + 1, shape).astype(dtype)


def scales(names):
    return {name + "s": np.float32(0.02) for name in names}
