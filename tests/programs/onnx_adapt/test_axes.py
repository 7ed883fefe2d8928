import unittest

import lowered
import numpy as np
from onnx import helper


class Axes(unittest.TestCase):
    def test_of_a_transpose_may_be_counted_from_the_last_one(self):
        """torch.onnx.export(dynamo=False) writes them as x.permute(0, -2, -1, 1) does."""
        nodes = [
            helper.make_node("Transpose", ["x"], ["turned"], perm=[0, -2, -1, 1]),
            helper.make_node("Trilu", ["turned"], ["y"]),
        ]
        inputs = {"x": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)}
        made = lowered.assert_same(lowered.model(nodes, inputs), inputs)
        self.assertEqual(
            [list(node.attribute[0].ints) for node in made.graph.node if node.op_type == "Transpose"], [[0, 2, 3, 1]]
        )


if __name__ == "__main__":
    unittest.main()
