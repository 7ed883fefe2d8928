"""The stock lowering by onnx-tf 1.10, which gives outputs their names."""

import numpy as np
from lowered import LoweredTest, model, random
from onnx import TensorProto, helper

from onnx_translate import translate
from stagekit import StageError

X = random(2, 3)


class Stock(LoweredTest):
    def test_outputs_are_those_of_their_names(self):
        for names in (("zed", "alpha"), ("output_1", "output_0"), ("a.b", "1")):
            with self.subTest(names):
                nodes = [helper.make_node(op, ["x"], [name]) for op, name in zip(("Relu", "Neg"), names)]
                onnx_model = model(nodes, {"x": X}, names)
                for output in onnx_model.graph.output:
                    output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, X.shape))
                result, _, found = self.translate(onnx_model, {"x": X}, "stock")
                self.assertEqual(list(names), [output["name"] for output in result["outputs"]])
                self.assertEqual(list(names), [output["key"] for output in result["outputs"]])
                self.close(found[names[0]], np.maximum(X, 0))
                self.close(found[names[1]], -X)

    def test_a_refusal_is_the_reason_alone(self):
        image = random(1, 1, 4, 4)
        node = helper.make_node(
            *("Resize", ["x", "", "scales"], ["y"]),
            mode="linear",
            coordinate_transformation_mode="pytorch_half_pixel",
        )
        scales = {"scales": np.float32([1, 1, 2, 2])}
        onnx_model = model([node], {"x": image}, [], scales, opset=13)
        onnx_model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 8, 8)))
        with self.assertRaises(StageError) as caught:
            self.translate(onnx_model, {"x": image}, "stock")
        self.assertRegex(caught.exception.message, r"as it is: RuntimeError: Resize [^\n]*pytorch_half_pixel[^\n]*$")

    def test_there_is_no_other_lowering(self):
        self.assertEqual(["stock"], list(translate.LOWERINGS))
        with self.assertRaises(StageError) as caught:
            self.translate(model([], {"x": X}, ["x"]), {"x": X})
        self.assertIn("no lowering 'nhwc'", caught.exception.message)


del LoweredTest
