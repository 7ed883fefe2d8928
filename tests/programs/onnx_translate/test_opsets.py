"""Every operator of onnx at every operator set that the pipeline reads, and the ones that onnx-tf leaves out of one."""

import unittest
from types import SimpleNamespace

import numpy as np
from lowered import LoweredTest, model, random
from onnx import TensorProto, defs, helper

from onnx_nhwc import handlers
from onnx_nhwc.handlers import onnx_tf_handlers
from onnx_nhwc.node import Node
from stagekit import StageError

OPSETS = range(7, defs.onnx_opset_version() + 1)

# The operators that have no handler, and why.
WITHOUT = {
    "MaxRoiPool": "of 2017's detectors; PyTorch exports RoiAlign",
    "StringNormalizer": "TFLite has no operator for strings",
    "Unique": "TFLite's UNIQUE neither sorts nor counts",
}


def operators(opset):
    """The names of the operators that a model of this operator set may hold."""
    newest = {}
    for schema in sorted(defs.get_all_schemas_with_history(), key=lambda schema: schema.since_version):
        if schema.domain == defs.ONNX_DOMAIN and schema.since_version <= opset:
            newest[schema.name] = schema
    return {name for name, schema in newest.items() if not schema.deprecated}


def has_handler(name, opset):
    try:
        handlers.choose([Node(helper.make_node(name, ["x"], ["y"]))], {"": opset})
    except StageError:
        return False
    return True


class OpsetsTest(LoweredTest):
    def test_every_operator_has_a_handler(self):
        self.assertEqual(OPSETS[-1], 13)
        for opset in OPSETS:
            with self.subTest(opset=opset):
                missing = {name for name in operators(opset) if not has_handler(name, opset)}
                self.assertEqual(missing, set(WITHOUT) & operators(opset))

    def test_a_version_with_another_form_is_not_handled_as_an_older_one(self):
        # ReduceSum has its axes as an input from 13 on, and its newest before that is 11.
        for versions, expected in (([1, 11], None), ([1, 11, 13], 13)):
            theirs = SimpleNamespace(
                ONNX_OP="ReduceSum", DOMAIN="", SINCE_VERSION=13, get_versions=lambda found=versions: found
            )
            self.assertEqual(onnx_tf_handlers._handled_version(theirs), expected)

    def test_functions(self):
        x = random(2, 5)
        self.check_node("Sigmoid", {"x": x}, 1 / (1 + np.exp(-x)), opset=13)
        self.check_node("Abs", {"x": x}, np.abs(x), opset=13)

    def test_sizes(self):
        x = random(2, 5)
        for op_type, sizes in (("Shape", np.array(x.shape)), ("Size", np.array(x.size))):
            with self.subTest(op_type):
                nodes = [
                    helper.make_node(op_type, ["x"], ["sizes"]),
                    helper.make_node("Cast", ["sizes"], ["added"], to=TensorProto.FLOAT),
                    helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
                    helper.make_node("Add", ["sum", "added"], ["y"]),
                ]
                expected = {"y": (x.sum() + sizes).astype(np.float32)}
                self.check(model(nodes, {"x": x}, ["y"], opset=13), {"x": x}, expected)

    def test_places_that_are_not_zero(self):
        x = np.array([[1, 0, 2], [0, 0, 3]], np.float32)
        self.check_node("NonZero", {"x": x}, np.array(np.nonzero(x)), opset=13)


if __name__ == "__main__":
    unittest.main()
