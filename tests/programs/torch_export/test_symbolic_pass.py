"""The pass that runs the symbolics, over parts of a graph: what it makes is what torch's pass makes of the whole."""

import io
import unittest
from unittest import mock

import torch
from torch import nn
from torch.onnx import utils

import torch_symbolics.aided  # noqa: F401 - it puts the pass in its place
from torch_symbolics import registry, symbolic_pass

LAYERS = 60


@torch.jit.script
def turned(x):
    for at in range(3):
        x = x * 2 if bool(x.sum() > at) else x - 1
    return x


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x * 2

    @staticmethod
    def symbolic(graph, x):
        return graph.op("Add", x, x)


class Net(nn.Module):
    """Weights, lists, a Function's own symbolic, branches, and values that are read far behind."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(LAYERS))
        self.unread = nn.Parameter(torch.zeros(3))

    def forward(self, x, _):
        y = x
        for layer in self.layers:
            y = nn.functional.dropout(layer(Doubled.apply(y)).relu(), training=self.training)
        first, second = torch.chunk(y, 2, 1)
        return turned(first) + x[:, :2], second, self.layers[0].weight, torch.max(y, 1)[1]


class SymbolicPass(unittest.TestCase):
    def exported(self, model, inputs, make):
        registry.register(12, model.state_dict())
        written = io.BytesIO()
        with mock.patch.object(torch._C, "_jit_pass_onnx", make):
            torch.onnx.export(model, inputs, written, opset_version=12, input_names=["x", "unused"])
        return written.getvalue()

    def test_the_bytes_are_those_of_the_whole_pass(self):
        torch.manual_seed(0)
        model, inputs = Net().eval(), (torch.rand(2, 4), torch.rand(1))
        whole = self.exported(model, inputs, symbolic_pass.whole)
        self.assertEqual(whole, self.exported(model, inputs, symbolic_pass.by_parts))

    def test_no_node_is_given_all_values_of_a_long_model(self):
        sizes, run = [], utils._run_symbolic_function

        def counted(graph, node, inputs, values, *arguments):
            sizes.append(len(values))
            return run(graph, node, inputs, values, *arguments)

        model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4 * LAYERS))).eval()
        with mock.patch.object(utils, "_run_symbolic_function", counted):
            self.exported(model, (torch.rand(1, 4),), torch._C._jit_pass_onnx)
        self.assertGreater(len(sizes), 4 * LAYERS)
        self.assertLess(max(sizes), 4 * symbolic_pass.LARGEST)

    def test_values_have_no_names_in_a_trace(self):
        names = []

        def seen(graph, *arguments):
            names.extend(value.debugName() for node in graph.nodes() for value in node.outputs())
            return symbolic_pass.by_parts(graph, *arguments)

        self.exported(nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval(), (torch.rand(1, 4),), seen)
        self.assertEqual([], [name for name in names if not name.isdigit()])


if __name__ == "__main__":
    unittest.main()
