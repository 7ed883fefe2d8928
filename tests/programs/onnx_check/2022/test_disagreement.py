"""What onnx 1.12 raises otherwise than 1.8."""

from onnx import helper
from test_check import Stage, model, value


class Disagreement(Stage):
    def test_shapes_that_do_not_agree(self):
        node = helper.make_node("Relu", ["x"], ["y"])
        self.refused("model", "shapes in the model", "check", model([node], [value("x")], [value("y", (1, 5))]))


del Stage
