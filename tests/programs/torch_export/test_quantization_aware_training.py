"""Quantization-aware training: where a model is fake-quantized, what the training keeps, and what is refused."""

import struct
import unittest

import torch
from test_training import TrainingCase
from torch import nn

from torch_export.quantization_aware_training import FakeQuantized

RUN = "\ndef tune(model):\n    model(torch.rand(4, 3, 8, 8))\n"
TRAIN = """
def tune(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.rand(4, 3, 8, 8)).pow(2).sum().backward()
        optimizer.step()
"""


class Net(nn.Module):
    """A function of the layers ``a``, ``b`` and a tensor."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def seen_twice(y):
    return y + y.relu()


class Places(unittest.TestCase):
    """Which ranges there are, by the names of the operators."""

    def check(self, expected, function):
        quantized = FakeQuantized(Net(function).eval(), [torch.rand(1, 3, 4, 4)])
        self.assertEqual(expected, [name.split("_", 1)[0] for name in quantized.ranges])
        quantized(torch.rand(2, 3, 4, 4))
        return quantized

    def test_the_input_and_every_result(self):
        self.check(["conv2d", "conv2d", "conv2d"], lambda net, x: net.b(net.a(x)))
        self.check(["conv2d", "conv2d", "add"], lambda net, x: x + net.a(x))

    def test_an_activation_that_is_fused(self):
        cases = {
            "relu": (nn.functional.relu, torch.relu, nn.ReLU(inplace=True)),
            "relu6": (nn.functional.relu6,),
            "hardtanh": (nn.ReLU6(), nn.Hardtanh(0, 6)),
        }
        for name, activations in cases.items():
            for activation in activations:
                self.check(["conv2d", name], lambda net, x, of=activation: of(net.a(x)))
        # Two see what the convolution gives.
        self.check(["conv2d", "conv2d", "relu", "add"], lambda net, x: seen_twice(net.a(x)))
        self.check(["conv2d", "conv2d", "hardtanh"], lambda net, x: nn.functional.hardtanh(net.a(x), -3, 3))

    def test_what_moves_values_keeps_their_range(self):
        def moving(net, x):
            y = nn.functional.max_pool2d(net.a(x), 2).permute(0, 2, 3, 1).flatten(1)
            return torch.cat([part[:, :1] for part in y.chunk(2, 1)], 1)

        # What is concatenated has the range of the whole.
        self.check(["conv2d", "cat"], moving)

    def test_an_average_of_values_of_one_range_has_it_too(self):
        quantized = self.check(["conv2d", "conv2d"], lambda net, x: nn.functional.avg_pool2d(net.a(x), 2))
        y = quantized(torch.rand(2, 3, 4, 4))
        steps = y / float(quantized.ranges["conv2d_0"].scale)
        self.assertTrue(torch.allclose(steps, steps.round(), atol=1e-3))

    def test_fixed_ranges(self):
        quantized = self.check(["conv2d", "conv2d"], lambda net, x: net.a(x).sigmoid())
        y = quantized(torch.rand(2, 3, 4, 4)) * 256
        self.assertTrue(torch.allclose(y, y.round(), atol=1e-3))

    def test_operators_that_have_no_integers(self):
        self.check(["conv2d", "conv2d", "conv2d", "conv2d"], lambda net, x: net.b(net.a(x).exp()))

    def test_constants_have_no_range(self):
        self.check(["conv2d", "conv2d", "mul"], lambda net, x: net.a(x) * torch.full((3, 1, 1), 3.0))

    def test_weights_are_on_their_grids_per_channel(self):
        quantized = self.check(["conv2d", "conv2d"], lambda net, x: net.a(x))
        quantized.freeze([torch.rand(1, 3, 4, 4)], "tune")
        weight = quantized.model.a.weight.detach()
        steps = weight / weight.abs().flatten(1).max(1).values.view(-1, 1, 1, 1) * 127
        self.assertTrue(torch.allclose(steps, steps.round(), atol=1e-3))


class Training(TrainingCase):
    def trained_for_int8(self, functions=TRAIN, **training):
        request = self.trained(functions, **training)
        request["training"].update(qat=request["training"]["finetune"], finetune=None)
        return self.export(**request)

    def test_ranges_travel_through_onnx(self):
        result = self.trained_for_int8()
        # The input, two convolutions, the first of them behind its activation, the mean, and the output.
        self.assertEqual(
            5, result["model"].count(b"*\x10DequantizeLinear") or result["model"].count(b'"\x10DequantizeLinear')
        )
        self.assertEqual(["none", "qat"], [step["technique"] for step in result["training"]])

    def test_weights_keep_their_names(self):
        self.assertIn(b"\tdeep.bias", self.trained_for_int8()["model"])

    def test_what_the_other_techniques_left_is_kept(self):
        none, pruned, qat = self.trained_for_int8(prune=0.5)["training"]
        self.assertEqual(0, none["sparsity"])
        self.assertGreaterEqual(qat["sparsity"], pruned["sparsity"])

    def test_shared_values_are_kept(self):
        _, clustered, qat = self.trained_for_int8(prune=0.5, cluster=4)["training"][1:]
        self.assertGreaterEqual(qat["sparsity"], clustered["sparsity"])
        # Each channel has its own scale.
        self.assertLessEqual(qat["layers"][1]["distinct"], 4 * 8)

    def test_a_function_that_does_not_run_the_model(self):
        with self.assertRaises(Exception) as caught:
            self.trained_for_int8("def tune(model): pass")
        self.assertIn("tune does not run the model", caught.exception.message)

    def test_a_model_that_computes_otherwise_in_training(self):
        self.write_model("y = self.conv(x)\nreturn y.exp() if self.training else y", "self.conv = nn.Conv2d(3, 3, 1)")
        with self.assertRaises(Exception) as caught:
            self.trained_for_int8(RUN)
        self.assertIn("does not compute the same at every run: exp where nothing was", caught.exception.message)
        self.assertIn("model.eval()", caught.exception.hint)

    def test_a_model_without_layers_for_it(self):
        self.write_model("return self.words(x.long())", "self.words = nn.Embedding(5, 6)")
        with self.assertRaises(Exception) as caught:
            self.trained_for_int8(RUN)
        self.assertEqual("model", caught.exception.kind)
        self.assertIn("no layer that can be trained for quantization", caught.exception.message)


NOTHING = "\ndef tune(model): pass"


# Of the network in test_training.py: elements, scale and zero point, at numbers that no other part of a model has.
ROWS = {
    "x": (192, 0.01171875, 3),
    "Relu_1": (288, 0.0234375, -128),
    "Conv_2": (128, 0.04296875, 5),
    "ReduceMean_3": (8, 0.03515625, -7),
    "scores": (4, 0.0546875, 11),
}


class EarlierRanges(TrainingCase):
    def begun(self, rows, functions=NOTHING, **others):
        request = self.trained(functions)
        ranges = [
            {"name": name, "elements": elements, "scale": scale, "zero_point": point}
            for name, (elements, scale, point) in rows.items()
        ]
        request["training"].update(qat=request["training"]["finetune"], finetune=None, ranges=ranges)
        return self.export(**request, output_names=["scores"], **others)

    def test_what_is_not_trained_has_them(self):
        result = self.begun(ROWS)
        for _, scale, _ in ROWS.values():
            self.assertIn(struct.pack("<f", scale), result["model"])
        self.assertEqual(["5 of 5 ranges begin with those of --qat-ranges"], result["notes"])

    def test_training_moves_them(self):
        result = self.begun(ROWS, TRAIN)
        for _, scale, _ in ROWS.values():
            self.assertNotIn(struct.pack("<f", scale), result["model"])

    def test_others_are_learnt_and_told(self):
        rows = {name: row for name, row in ROWS.items() if name not in ("Conv_2", "scores")}
        result = self.begun(rows, RUN)
        (note,) = result["notes"]
        self.assertIn("3 of 5 ranges begin with those of --qat-ranges; that file has none for conv2d_2, linear_4", note)

    def test_a_tensor_of_another_size_is_another_tensor(self):
        (note,) = self.begun(dict(ROWS, Relu_1=(289, 0.0234375, -128)), RUN)["notes"]
        self.assertIn("that file has none for relu_1", note)

    def test_the_file_of_another_model_is_refused(self):
        request = {"Conv_7": ROWS["Conv_2"], "x": ROWS["x"]}
        with self.assertRaises(Exception) as caught:
            self.begun(request)
        self.assertEqual("usage", caught.exception.kind)
        self.assertIn("no tensor of the file is one that the model computes", caught.exception.message)
        self.assertIn("of this model with --variant int8", caught.exception.hint)
