"""Operators that torch 1.7.1 can't export: named, with their place and what to do."""

from stage import StageCase


class Operators(StageCase):
    def test_every_missing_operator_is_named_with_its_line(self):
        self.write_model("x = x.repeat_interleave(2, 1)\nreturn torch.roll(F.silu(x), 1, 1)")
        refusal = self.refused(
            "model", "opset 12", "repeat_interleave (net.py:11)", "silu (net.py:12)", "roll (net.py:12)"
        )
        self.assertIn("repeat_interleave: write x.unsqueeze(dim + 1), repeat and view", refusal.hint)
        self.assertIn("silu: write x * torch.sigmoid(x)", refusal.hint)

    def test_newer_opset(self):
        self.write_model("return torch.round(x)")
        self.refused("model", "opset 9: round (net.py:11)", opset=9, hint="round: convert with --opset 11")
        self.write_model("return torch.cumsum(x, 1)")
        self.refused("model", "opset 9: cumsum (net.py:11)", opset=9, hint="cumsum: convert with --opset 11")

    def test_operator_refused_for_its_arguments(self):
        self.write_model("return F.adaptive_avg_pool2d(x, 3)")
        refusal = self.refused(
            "model", "adaptive_avg_pool2d (net.py:11)", "not factor of input size", shape=(1, 3, 7, 7), hint="divides"
        )
        self.assertNotIn("Please", refusal.message)
        self.write_model("return ~(x * 3).int()")
        self.refused("model", "bitwise_not (net.py:11)", "non-bool tensor")

    def test_autograd_function(self):
        self.write(
            """
            import torch

            class Double(torch.autograd.Function):
                @staticmethod
                def forward(ctx, x):
                    return x * 2

            class Net(torch.nn.Module):
                def forward(self, x):
                    return Double.apply(x)
            """
        )
        self.refused("model", "the autograd.Function Double (net.py:11)", hint="symbolic")

    def test_any_other_failure_of_the_exporter(self):
        self.write_model("return x.norm(3, dim=1)")
        self.refused("model", "opset 12 the model: RuntimeError: ONNX export only p-norms", hint="opset 12")
        self.write_model("if torch.onnx.is_in_onnx_export():\n    raise KeyError('mode')\nreturn x * 2")
        self.refused("model", "KeyError: 'mode' (net.py:12)")
