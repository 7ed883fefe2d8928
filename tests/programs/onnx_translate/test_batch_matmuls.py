"""Products of many matrices: one operator each, which the converter would take apart."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random, scalar
from onnx import helper


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class ProductsTest(LoweredTest):
    def test_attention(self):
        nodes = [
            helper.make_node("Transpose", ["q"], ["Q"], perm=[0, 2, 1, 3]),
            helper.make_node("Transpose", ["k"], ["K"], perm=[0, 2, 3, 1]),
            helper.make_node("Transpose", ["v"], ["V"], perm=[0, 2, 1, 3]),
            helper.make_node("MatMul", ["Q", "K"], ["products"]),
            helper.make_node("Mul", ["products", "factor"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["weights"], axis=3),
            helper.make_node("MatMul", ["weights", "V"], ["sums"]),
            helper.make_node("Transpose", ["sums"], ["y"], perm=[0, 2, 1, 3]),
        ]
        for batch in (1, 2):
            with self.subTest(batch=batch):
                samples = {name: random(batch, 5, 3, 4, seed=seed) for seed, name in enumerate("qkv")}
                q, k, v = (sample.transpose(0, 2, 1, 3) for sample in samples.values())
                expected = (softmax(0.5 * q @ k.transpose(0, 1, 3, 2)) @ v).transpose(0, 2, 1, 3)
                attention = model(nodes, samples, ["y"], {"factor": scalar(0.5)})
                ops = self.check(attention, samples, {"y": expected})
                self.assertEqual(ops, {"BATCH_MATMUL": 2, "MUL": 1, "SOFTMAX": 1, "TRANSPOSE": 4})

    def test_operands_of_all_kinds(self):
        cases = (
            ((2, 3, 4, 5), (2, 3, 5, 6)),
            ((2, 3, 4, 5), (3, 5, 6)),
            ((3, 4, 5), (2, 1, 5, 6)),
            ((1, 4, 5), (1, 5, 6)),
        )
        for one, other in cases:
            a, b = random(*one), random(*other, seed=1)
            for fed, weights in ((["a", "b"], []), (["a"], ["b"]), (["b"], ["a"])):
                with self.subTest(one=one, other=other, fed=fed):
                    arrays = {"a": a, "b": b}
                    samples, constants = ({name: arrays[name] for name in names} for names in (fed, weights))
                    product = model([helper.make_node("MatMul", ["a", "b"], ["y"])], samples, ["y"], constants)
                    ops = self.check(product, samples, {"y": a @ b})
                    self.assertEqual(ops["BATCH_MATMUL"] + ops["FULLY_CONNECTED"], 1)

    def test_a_constant_on_the_right_is_kept_from_one_invocation_to_the_next(self):
        nodes = [
            helper.make_node("MatMul", ["x", "matrices"], ["products"]),
            helper.make_node("Add", ["products", "one"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["a"], axis=2),
            helper.make_node("Add", ["a", "more"], ["y"]),
        ]
        x, matrices, more = random(4, 16, 32), random(4, 32, 48, seed=1), random(4, 16, 48, seed=2)
        constants = {"matrices": matrices, "one": scalar(1.0), "more": more}
        expected = softmax(x @ matrices + 1) + more
        ops = self.check(model(nodes, {"x": x}, ["y"], constants), {"x": x}, {"y": expected})
        self.assertEqual(ops["BATCH_MATMUL"], 1)

    def test_an_operand_with_other_uses(self):
        x = random(2, 3, 4)
        nodes = [
            helper.make_node("Softmax", ["x"], ["a"], axis=2),
            helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["a", "b"], ["c"]),
            helper.make_node("MatMul", ["c", "a"], ["d"]),
            helper.make_node("Add", ["d", "a"], ["y"]),
        ]
        a = softmax(x)
        ops = self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": a @ a.transpose(0, 2, 1) @ a + a})
        self.assertEqual((ops["BATCH_MATMUL"], ops["FULLY_CONNECTED"]), (2, 0))

    def test_a_factor_of_more_dimensions(self):
        x, y = random(3, 4, 5), random(1, 3, 5, 2, seed=1)
        nodes = [helper.make_node("Mul", ["x", "one"], ["a"]), helper.make_node("MatMul", ["a", "y"], ["z"])]
        samples = {"x": x, "y": y}
        weights = {"one": np.full((1, 1, 1, 1), 2, np.float32)}
        ops = self.check(model(nodes, samples, ["z"], weights), samples, {"z": 2 * x @ y})
        self.assertEqual(ops["BATCH_MATMUL"], 1)


if __name__ == "__main__":
    unittest.main()
