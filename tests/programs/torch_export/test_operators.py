"""Operators that torch 1.7.1 can't export: named, with their place and what to do."""

from stage import StageCase


class Operators(StageCase):
    def test_every_missing_operator_is_named_with_its_line(self):
        self.write_model(
            "x = torch.lgamma(x)\nreturn x + torch.histc(x).sum() + torch.inverse(x.T @ x + torch.eye(3)).sum()"
        )
        refusal = self.refused("model", "opset 12", "lgamma (net.py:11)", "histc (net.py:12)", "inverse (net.py:12)")
        self.assertIn("lgamma: write it with operators that ONNX has", refusal.hint)
        self.assertIn("inverse: invert the matrix before", refusal.hint)

    def test_newer_opset(self):
        self.write_model("return torch.round(x)")
        self.refused("model", "opset 9: round (net.py:11)", opset=9, hint="round: convert with --opset 11")
        self.write_model("return torch.cumsum(x, 1)")
        self.refused("model", "opset 9: cumsum (net.py:11)", opset=9, hint="cumsum: convert with --opset 11")

    def test_operator_refused_for_its_arguments(self):
        self.write_model("return x.repeat_interleave((x[0] * 3).long(), 1)")
        refusal = self.refused("model", "repeat_interleave (net.py:11)", "computed by the model", hint="repeat by")
        self.assertNotIn("Please", refusal.message)
        self.write_model("return ~(x * 3).int()")
        self.refused("model", "bitwise_not (net.py:11)", "non-bool tensor")

    def test_detector_that_chooses_boxes(self):
        self.write(
            """
            from torch import nn
            from torchvision.models.detection.anchor_utils import AnchorGenerator
            from torchvision.models.detection.retinanet import RetinaNet

            class Backbone(nn.Conv2d):
                out_channels = 4

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    anchors = AnchorGenerator(((8,),), ((1.0,),))
                    self.detector = RetinaNet(Backbone(3, 4, 8, 8), 2, 32, 32, anchor_generator=anchors)

                def forward(self, x):
                    return self.detector(list(x))[0]
            """
        )
        self.refused(
            "model", "can't export", "the detector RetinaNet", "how many boxes", shape=(1, 3, 32, 32), hint="heads"
        )

    def test_any_other_failure_of_the_exporter(self):
        self.write_model("if torch.onnx.is_in_onnx_export():\n    raise KeyError('mode')\nreturn x * 2")
        self.refused("model", "KeyError: 'mode' (net.py:12)")
