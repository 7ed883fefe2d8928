"""A torch.autograd.Function, by both of today's exporters."""

import io

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from stage import StageCase
from test_autograd_functions import START

# What forward returns; a branch on the data is an error to the dynamo exporter.
EXPRESSIONS = {
    "Twice.apply(checkpoint.checkpoint(swish, x, use_reentrant=True))": "dynamo",
    "Foreign.apply(Shift.apply(x * 2))": "dynamo",
    "Foreign.apply(swish(x)) if x.sum() > -99 else x": "torchscript",
}


class Functions(StageCase):
    def test_a_function_is_exported_as_what_it_computes(self):
        for expression, exporter in EXPRESSIONS.items():
            with self.subTest(expression):
                self.write(
                    f"{START}\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return {expression}\n"
                )
                result = self.export(opset=20)
                self.assertEqual(exporter, result["exporter"])
                session = ReferenceEvaluator(onnx.load(io.BytesIO(result["model"])))
                np.testing.assert_allclose(
                    result["arrays"]["output"], session.run(None, result["samples"])[0], atol=1e-6
                )
