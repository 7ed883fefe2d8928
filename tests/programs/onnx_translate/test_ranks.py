"""Tensors of five and six dimensions, of which most of TFLite's operators take four."""

import functools
import operator
import unittest

import numpy as np
from lowered import LoweredTest, random, scalar

SHAPES = ((2, 3, 2, 3, 4), (2, 3, 2, 3, 2, 2))


class RanksTest(LoweredTest):
    def each(self, op_type, function, shapes=SHAPES, weights=None, **attributes):
        for shape in shapes:
            with self.subTest(op_type, rank=len(shape)):
                x = random(*shape)
                self.check_node(op_type, {"x": x}, function(x), weights, opset=13, **attributes)

    def test_functions_of_one_number(self):
        self.each("Atan", np.arctan)
        self.each("Asinh", np.arcsinh)
        self.each("Sign", np.sign)
        self.each("Sinh", np.sinh)
        self.each("Reciprocal", np.reciprocal)
        self.each("IsInf", np.isinf)

    def test_activations(self):
        self.each("ThresholdedRelu", lambda x: np.where(x > 1, x, 0))
        self.each("HardSigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1))
        self.each("Softsign", lambda x: x / (1 + np.abs(x)))
        self.each("Softplus", lambda x: np.log1p(np.exp(x)))
        self.each("Elu", lambda x: np.where(x > 0, x, 2 * np.expm1(x)), alpha=2.0)

    def test_slope_of_each_channel(self):
        for shape in SHAPES:
            slope = random(3, *[1] * (len(shape) - 2), seed=1)
            self.each("PRelu", lambda x, slope=slope: np.where(x > 0, x, slope * x), [shape], {"slope": slope})

    def test_a_scalar_beside_them(self):
        number = {"y": scalar(0.5)}
        for op_type, function in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Max", np.maximum)):
            self.each(op_type, lambda x, function=function: function(x, np.float32(0.5)), SHAPES[:1], number)
        self.each("Greater", lambda x: x > 0.5, weights=number)
        self.each("Mod", lambda x: np.fmod(x, np.float32(0.5)), weights=number, fmod=1)
        self.each("Mean", lambda x: x / 2, weights={"y": np.zeros(SHAPES[0], np.float32)}, shapes=SHAPES[:1])

    def test_operands_that_are_repeated_in_turns(self):
        for one, other in (((2, 1, 3, 1, 4), (1, 2, 1, 3, 4)), ((1, 2, 1, 3, 1, 2), (2, 1, 3, 1, 4, 1))):
            a, b = random(*one), random(*other, seed=1)
            for op_type, function in (("Add", np.add), ("Mul", np.multiply), ("Less", np.less)):
                with self.subTest(op_type, one=one):
                    self.check_node(op_type, {"a": a, "b": b}, function(a, b), opset=13)

    def test_power(self):
        for shape in SHAPES:
            x = np.abs(random(*shape))
            self.check_node("Pow", {"x": x}, x**2.5, {"y": scalar(2.5)}, opset=13)

    def test_along_an_axis(self):
        for axis in (1, -1):
            exponents = functools.partial(np.sum, axis=axis, keepdims=True)
            self.each("Softmax", lambda x, f=exponents: np.exp(x) / f(np.exp(x)), axis=axis)
            self.each("LogSoftmax", lambda x, f=exponents: x - np.log(f(np.exp(x))), axis=axis)
            self.each("ReduceLogSumExp", lambda x, f=exponents: np.log(f(np.exp(x))), axes=[axis])

    def test_softmax_of_all_axes_from_one_on(self):
        x = random(2, 3, 2, 3, 4)
        powers = np.exp(x)
        self.check_node("Softmax", {"x": x}, powers / powers.sum((2, 3, 4), keepdims=True), opset=12, axis=2)

    def test_slices(self):
        places = {"starts": np.array([1, -1]), "ends": np.array([3, -4]), "axes": np.array([1, 3])}
        self.each("Slice", lambda x: x[:, 1:3, :, :-4:-1], weights={**places, "steps": np.array([1, -1])})

    def test_products_of_matrices(self):
        for one, other in (
            ((2, 3, 2, 3, 4), (2, 3, 2, 4, 5)),
            ((2, 3, 2, 3, 4), (3, 1, 4, 5)),
            ((1, 2, 1, 2, 3, 4), (2, 1, 3, 2, 4, 2)),
        ):
            with self.subTest(one=one, other=other):
                a, b = random(*one), random(*other, seed=1)
                self.check_node("MatMul", {"a": a, "b": b}, a @ b)

    def test_transposes(self):
        x = random(*SHAPES[1])
        self.check_node("Einsum", {"x": x}, x.transpose(0, 1, 2, 4, 5, 3), equation="abcdef->abcefd")

    def test_batch_normalization(self):
        x, factor, zeros = random(2, 3, 4, 4, 4), random(3), np.zeros(3, np.float32)
        for offset in (zeros, random(3, seed=1)):
            statistics = {"factor": factor, "offset": offset, "mean": zeros, "variance": zeros + 1}
            expected = x * factor.reshape(3, 1, 1, 1) + offset.reshape(3, 1, 1, 1)
            self.check_node("BatchNormalization", {"x": x}, expected, statistics, epsilon=0.0)

    def test_sums_of_neighbours(self):
        for shape in ((2, 5, 3), (2, 5, 3, 2, 2)):
            with self.subTest(shape=shape):
                x = random(*shape)
                padded = np.pad(x**2, [(0, 0), (1, 1)] + [(0, 0)] * (len(shape) - 2))
                total = functools.reduce(operator.add, (padded[:, at : at + 5] for at in range(3)))
                self.check_node("LRN", {"x": x}, x / (1 + 1e-4 / 3 * total) ** 0.75, size=3)


if __name__ == "__main__":
    unittest.main()
