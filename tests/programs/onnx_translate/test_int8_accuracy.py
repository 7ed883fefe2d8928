"""What ruins integers of 8 bits elsewhere, as small models through the lowering, the converter and its quantizer."""

import unittest

import numpy as np
import tensorflow as tf
from lowered import LoweredTest, converter, model, random, scalar
from onnx import helper

# A rounding to 8 bits leaves 48 dB to a signal that fills its range, and 36 dB to one that is normally distributed and
# reaches four times its deviation. Three of them (the input, a kernel's channels, the output) cost 5 dB of that.
LEAST_DECIBELS = 31

IMAGE = {"x": random(1, 3, 16, 16)}
KERNELS = {"w": 0.3 * random(16, 3, 3, 3), "b": random(16, seed=3)}
WINDOW = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
CONV = helper.make_node("Conv", ["x", "w", "b"], ["c"], **WINDOW)


def node(op_type, inputs, output="y", **attributes):
    return helper.make_node(op_type, inputs.split(), [output], **attributes)


class QuantizedTest(LoweredTest):
    def check_quantized(self, nodes, weights=None, inputs=None):
        """Assert that int8 is near to float and in integers throughout; the names of its operators."""
        inputs = inputs or IMAGE
        whole = model(nodes, inputs, ["y"], dict(KERNELS, **(weights or {})))
        result, folder, expected = self.translate(whole, inputs)
        quantizer = converter(folder, result)
        quantizer.optimizations = [tf.lite.Optimize.DEFAULT]
        names = [spec["name"] for spec in result["inputs"]]
        others = [[random(*inputs[name].shape, seed=100 + at) for name in names] for at in range(10)]
        samples = [[inputs[name] for name in names], *others]
        quantizer.representative_dataset = lambda: iter(samples)
        interpreter = tf.lite.Interpreter(model_content=quantizer.convert())
        interpreter.allocate_tensors()
        for detail, name in zip(interpreter.get_input_details(), names):
            interpreter.set_tensor(detail["index"], inputs[name])
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(float)
        noise = np.sum((found - expected["y"]) ** 2)
        self.assertGreater(10 * np.log10(np.sum(expected["y"].astype(float) ** 2) / noise), LEAST_DECIBELS)
        dtypes = {detail["index"]: detail["dtype"] for detail in interpreter.get_tensor_details()}
        operators = interpreter._get_ops_details()
        floats = [
            operator["op_name"]
            for operator in operators
            if operator["op_name"] not in ("QUANTIZE", "DEQUANTIZE")
            and any(dtypes.get(index) == np.float32 for index in [*operator["inputs"], *operator["outputs"]])
        ]
        self.assertEqual(floats, [])
        return [operator["op_name"] for operator in operators]

    def test_padding_before_a_maximum(self):
        strided = dict(WINDOW, strides=[2, 2])
        ops = self.check_quantized([CONV, node("Relu", "c", "r"), node("MaxPool", "r", **strided)])
        self.assertIn("PAD", ops)
        # Where TensorFlow's own padding is the same there is nothing to pad with.
        self.check_quantized([CONV, node("MaxPool", "c", **WINDOW)])

    def test_prelu(self):
        ops = self.check_quantized([CONV, node("PRelu", "c s")], {"s": 0.2 * random(16, 1, 1, seed=5)})
        self.assertIn("PRELU", ops)
        self.assertIn("LEAKY_RELU", self.check_quantized([CONV, node("PRelu", "c s")], {"s": scalar(0.25)}))
        self.assertIn("LEAKY_RELU", self.check_quantized([CONV, node("LeakyRelu", "c", alpha=0.1)]))

    def test_concatenation_of_ranges_that_are_ten_times_apart(self):
        small = {"small": 0.03 * random(16, 3, 3, 3, seed=9)}
        nodes = [CONV, node("Conv", "x small", "d", **WINDOW), node("Concat", "c d", axis=1)]
        self.check_quantized(nodes, small)

    def test_functions_whose_range_is_fixed(self):
        pooled = [CONV, node("GlobalAveragePool", "c", "g"), node("Flatten", "g", "f")]
        for nodes in (
            [CONV, node("Sigmoid", "c")],
            [CONV, node("Tanh", "c")],
            [CONV, node("Sigmoid", "c", "s"), node("Mul", "c s")],
            [*pooled, node("Softmax", "f", axis=1)],
        ):
            with self.subTest(nodes[-1].op_type):
                self.check_quantized(nodes)

    def test_residual_additions(self):
        kernel = {"k": 0.1 * random(16, 16, 3, 3, seed=9)}
        nodes = [CONV, node("Relu", "c", "r"), node("Conv", "r k", "d", **WINDOW), node("Add", "d r", "e")]
        self.check_quantized([*nodes, node("Relu", "e")], kernel)

    def test_hard_functions(self):
        hard = node("HardSigmoid", "c", "h", alpha=1 / 6, beta=0.5)
        self.assertIn("HARD_SWISH", self.check_quantized([CONV, hard, node("Mul", "c h")]))
        squeezed = node("HardSigmoid", "g", "h", alpha=1 / 6, beta=0.5)
        self.check_quantized([CONV, node("GlobalAveragePool", "c", "g"), squeezed, node("Mul", "c h")])

    def test_kernels_whose_channels_differ_a_thousandfold(self):
        sizes = np.logspace(-2, 1, 16, dtype=np.float32).reshape(16, 1, 1, 1)
        depthwise = {"k": random(16, 1, 3, 3, seed=2) * sizes}
        self.check_quantized([CONV, node("Relu", "c", "r"), node("Conv", "r k", group=16, **WINDOW)], depthwise)

    def test_what_makes_larger(self):
        kernel = {"k": 0.2 * random(16, 8, 2, 2, seed=4)}
        self.check_quantized([CONV, node("ConvTranspose", "c k", kernel_shape=[2, 2], strides=[2, 2])], kernel)
        sizes = {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}
        settings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        self.check_quantized([CONV, node("Resize", "c roi scales", mode="nearest", **settings)], sizes)

    def test_bounds_and_shuffles(self):
        self.check_quantized([CONV, node("Clip", "c low high")], {"low": scalar(-1), "high": scalar(2)})
        shapes = {"apart": np.array([1, 4, 4, 16, 16]), "together": np.array([1, 16, 16, 16])}
        turned = node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4])
        nodes = [CONV, node("Reshape", "c apart", "r"), turned, node("Reshape", "t together")]
        self.check_quantized(nodes, shapes)


if __name__ == "__main__":
    unittest.main()
