"""What the hint for older torches sends people here with: it is imported, and runs."""

import unittest

import torch
from newer_samples import MODELS, MODULES
from torch import nn
from torch.nn import functional

import torch_dynamo.exported  # noqa: F401 - as in the image, before the user's code


class CodeOfToday(unittest.TestCase):
    def test_modules(self):
        for text in MODULES:
            with self.subTest(text):
                exec(text, {"__name__": "net"})

    def test_models(self):
        for init, forward in MODELS:
            with self.subTest(init + forward):
                lines = ["class Net(nn.Module):", "  def __init__(self):", "    super().__init__()", "    " + init]
                lines += ["  def forward(self, x):", *("    " + line for line in forward.splitlines())]
                names = {"torch": torch, "nn": nn, "F": functional}
                exec("\n".join(lines), names)
                self.assertIsInstance(names["Net"]().eval()(torch.rand(1, 3)), torch.Tensor)
