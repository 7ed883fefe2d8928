"""Models that onnxruntime's own quantizer wrote: as floats, and with what rounds them."""

import collections
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from lowered import lowered, model
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from onnx_adapt import dequantized, reference


def samples(seed=0):
    return {"x": np.random.RandomState(seed).uniform(-1, 1, size=(1, 3, 8, 8)).astype(np.float32)}


class Samples(CalibrationDataReader):
    def __init__(self):
        self._left = iter([samples(seed) for seed in range(8)])

    def get_next(self):
        return next(self._left, None)


def network():
    """A convolution that ends at 0, one that ends at 0 and 6, and a linear layer."""
    random = np.random.RandomState(0)
    constants = {
        "w": random.normal(size=(4, 3, 3, 3)),
        "v": 4 * random.normal(size=(4, 4, 1, 1)),
        "m": random.normal(size=(4, 5)),
        "least": 0,
        "most": 6,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="ends_at_0"),
        helper.make_node("Conv", ["b", "v"], ["c"], name="second"),
        helper.make_node("Clip", ["c", "least", "most"], ["d"], name="ends_at_6"),
        helper.make_node("GlobalAveragePool", ["d"], ["e"], name="mean"),
        helper.make_node("Flatten", ["e"], ["f"], name="row"),
        helper.make_node("MatMul", ["f", "m"], ["y"], name="linear"),
    ]
    made = model(nodes, samples(), {name: np.float32(array) for name, array in constants.items()}, opset=13)
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 5]))
    return made


def quantized(made, **settings):
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save(made, before)
        quantize_static(before, after, Samples(), quant_format=QuantFormat.QDQ, **settings)
        return onnx.load(after)


def operators(proto):
    return collections.Counter(node.op_type for node in proto.graph.node)


def run(proto):
    return reference.of(ir.from_proto(proto)).run(samples(9))["y"]


class Quantized(unittest.TestCase):
    def test_weights_become_floats_and_what_rounds_activations_stays(self):
        for dtype in (QuantType.QInt8, QuantType.QUInt8):
            for per_channel in (False, True):
                with self.subTest(dtype=dtype, per_channel=per_channel):
                    made = quantized(
                        network(), activation_type=dtype, weight_type=QuantType.QInt8, per_channel=per_channel
                    )
                    plain = lowered(made)
                    pairs = sum(node.op_type == "QuantizeLinear" for node in made.graph.node)
                    self.assertEqual(pairs, operators(plain)["DequantizeLinear"])
                    np.testing.assert_array_equal(run(made), run(plain))

    def test_floats_have_the_activations_that_the_quantizer_left_out(self):
        made = quantized(network(), activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        self.assertNotIn("Relu", operators(made))
        self.assertNotIn("Clip", operators(made))
        plain = ir.from_proto(lowered(made))
        dequantized.activations(plain)
        found = ir.to_proto(plain)
        onnx.checker.check_model(found)
        self.assertEqual((0, 1, 1), tuple(operators(found)[name] for name in ("QuantizeLinear", "Relu", "Clip")))
        self.assertEqual(["x", "y"], [value.name for value in (*found.graph.input, *found.graph.output)])
        expected = run(network())
        np.testing.assert_allclose(run(found), expected, atol=0.02 * np.abs(expected).max())

    def test_integers_that_come_out_stay(self):
        nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "point"], ["y"])]
        made = ir.from_proto(model(nodes, samples(), {"scale": np.float32(0.1), "point": np.int8(3)}, opset=13))
        dequantized.activations(made)
        self.assertEqual(["QuantizeLinear"], [node.op_type for node in made.graph])


if __name__ == "__main__":
    unittest.main()
