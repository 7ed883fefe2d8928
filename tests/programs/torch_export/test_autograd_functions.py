"""A torch.autograd.Function is exported as its forward is written, or by its symbolic; training has its backward."""

from stage import StageCase
from test_training import TrainingCase

START = """
import torch
from torch.autograd import Function
from torch import nn
from torch.utils import checkpoint


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.factor = 1
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad * s * (1 + x * (1 - s))


class Round(Function):
    @staticmethod
    def forward(ctx, x, steps):
        return torch.clamp(torch.round(x * steps), -steps, steps - 1) / steps

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class Shift(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x += 1
        return x


class Several(Function):
    @staticmethod
    def forward(ctx, x):
        best = x.argmax(1)
        ctx.mark_non_differentiable(best)
        return x.relu(), best


class Twice(Function):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            return Swish.apply(swish(x)) * (2 if ctx.needs_input_grad[0] else 3)


class Foreign(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def symbolic(g, x):
        return g.op("Relu", g.op("mine::Double", x))


class Unknown(Foreign):
    @staticmethod
    def symbolic(g, x):
        return g.op("Double", x)


class Failing(Foreign):
    @staticmethod
    def symbolic(g, x):
        raise RuntimeError("a symbolic that fails")


class Symbolic(Function):
    @staticmethod
    def forward(ctx, x):
        return x * x.sigmoid() / x.sigmoid()

    @staticmethod
    def symbolic(g, x):
        return g.op("Neg", g.op("Neg", x))


swish = Swish.apply
"""
# What forward returns, and the same without a Function.
PLAIN = {
    "swish(x)": "x * torch.sigmoid(x)",
    "Round.apply(x, 8)": "torch.clamp(torch.round(x * 8), -8, 7) / 8",
    "Shift.apply(x * 2) * 3": "(x * 2).add_(1) * 3",
    "Several.apply(x)": "(lambda best: (x.relu(), best))(x.argmax(1))",
    "Twice.apply(x)": "(lambda y: y * torch.sigmoid(y))(x * torch.sigmoid(x)) * 3",
    "checkpoint.checkpoint(lambda y: swish(y) + 1, x)": "x * torch.sigmoid(x) + 1",
    "Foreign.apply(x)": "x * 2",
    "Unknown.apply(x)": "x * 2",
    "Failing.apply(x)": "x * 2",
    "Foreign.apply(Symbolic.apply(x))": "x * x.sigmoid() / x.sigmoid() * 2",
    "Symbolic.apply(x)": "torch.neg(torch.neg(x))",
}


class AutogradFunctions(StageCase):
    def exported(self, expression):
        self.write(f"{START}\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return {expression}\n")
        return self.export()

    def test_a_function_is_exported_as_its_plain_code(self):
        for expression, plain in PLAIN.items():
            with self.subTest(expression):
                result = self.exported(expression)
                self.assertEqual([], result["warnings"])
                self.assertEqual(self.exported(plain)["model"], result["model"])


class Training(TrainingCase):
    def test_training_has_the_backward_of_a_function(self):
        network = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return Round.apply(self.conv(x), 8)
"""
        self.write(START + network)
        tune = """
def tune(model):
    model(torch.rand(1, 3, 8, 8)).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())
"""
        self.steps(finetune=tune)
