"""Local functions: inlined, or refused in words."""

import unittest

import numpy as np
import onnx
import onnx_ir as ir
from lowered import assert_same, lowered, model, operators
from onnx import helper

from onnx_adapt import domains, functions
from stagekit import StageError

LOCAL = "local"
X = {"x": np.array([[-2.0, -1.0], [1.0, 3.0]], "float32")}


def function(name, nodes, inputs="x", outputs="y", domain=LOCAL, opset=17, **given):
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(LOCAL, 1)]
    return helper.make_function(domain, name, inputs.split(","), outputs.split(","), nodes, opsets, **given)


def call(name, inputs="x", outputs="y", domain=LOCAL, **attributes):
    return helper.make_node(name, inputs.split(","), outputs.split(","), domain=domain, **attributes)


def of(nodes, *local, **given):
    return model(nodes, X, functions=local, domains=[LOCAL, "com.microsoft"], **given)


class Inlining(unittest.TestCase):
    def test_functions_in_functions(self):
        inner = function("Inner", [helper.make_node("Neg", ["x"], ["y"])])
        outer = function(
            "Outer", [call("Inner", "x", "t"), call("Inner", "t", "u"), helper.make_node("Exp", ["u"], ["y"])]
        )
        made = assert_same(of([call("Outer", "x", "a"), call("Outer", "a", "y")], inner, outer), X)
        self.assertEqual(operators(made), ["Neg", "Neg", "Exp"] * 2)

    def test_attributes(self):
        """One that a call gives, and one at its default."""
        leaky = helper.make_node("LeakyRelu", ["x"], ["t"])
        leaky.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
        scaled = helper.make_node("Elu", ["t"], ["y"])
        scaled.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="bend", type=onnx.AttributeProto.FLOAT))
        bent = function(
            "Bent", [leaky, scaled], attributes=["slope"], attribute_protos=[helper.make_attribute("bend", 0.5)]
        )
        assert_same(of([call("Bent", slope=0.3)], bent), X)

    def test_an_input_that_is_left_out(self):
        clipped = function("Clipped", [helper.make_node("Clip", ["x", "low", "high"], ["y"])], "x,low,high")
        assert_same(of([call("Clipped", "x,,top")], clipped, constants={"top": np.float32(0.5)}), X)

    def test_a_call_in_a_branch(self):
        branches = [
            helper.make_graph([call("Twice", "x", "t")], "then", [], [onnx.ValueInfoProto(name="t")]),
            helper.make_graph([helper.make_node("Neg", ["x"], ["t"])], "else", [], [onnx.ValueInfoProto(name="t")]),
        ]
        twice = function("Twice", [helper.make_node("Add", ["x", "x"], ["y"])])
        nodes = [
            helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
            helper.make_node("Greater", ["s", "zero"], ["c"]),
            helper.make_node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1]),
        ]
        proto = of(nodes, twice, constants={"zero": np.float32(0)})
        made = ir.from_proto(proto)
        functions.inline(made)
        self.assertEqual({node.domain for node in made.graph.all_nodes()}, {""})
        self.assertFalse(made.functions)

    def test_one_of_an_opset_with_the_same_operators(self):
        assert_same(of([call("Minus")], function("Minus", [helper.make_node("Neg", ["x"], ["y"])], opset=18)), X)

    def test_onnxruntimes_own_operators_come_first(self):
        """Those that have the name of one that it knows are never called."""
        wrong = [helper.make_node("Neg", ["x"], ["y"])]
        for domain, name in (("", "Relu"), ("com.microsoft", "Gelu")):
            with self.subTest(name):
                assert_same(of([call(name, domain=domain)], function(name, wrong, domain=domain)), X)

    def test_one_that_nobody_calls(self):
        broken = function("Broken", [call("Nowhere")])
        made = lowered(of([helper.make_node("Neg", ["x"], ["y"])], broken))
        self.assertEqual((operators(made), len(made.functions)), (["Neg"], 0))


class Refusals(unittest.TestCase):
    def refused(self, words, proto):
        made = ir.from_proto(proto)
        with self.assertRaisesRegex(StageError, words) as caught:
            functions.inline(made)
            domains.check(made)
        self.assertEqual(caught.exception.kind, "model")
        self.assertTrue(caught.exception.hint)

    def test_a_circle(self):
        to_b, to_a = (function(name, [call(other)]) for name, other in (("A", "B"), ("B", "A")))
        self.refused("in a circle: (A -> B -> A|B -> A -> B)", of([call("A")], to_b, to_a))
        self.refused("in a circle: A -> A", of([call("A")], function("A", [call("A")])))

    def test_functions_that_multiply(self):
        chain = [helper.make_node("Neg", ["x"], ["y"])]
        local = [function("F0", chain)]
        for depth in range(1, 8):
            steps = [call(f"F{depth - 1}", f"t{at}", f"t{at + 1}") for at in range(10)]
            local.append(function(f"F{depth}", steps, "t0", "t10"))
        self.refused("10000000 operators", of([call("F7")], *local))

    def test_another_opset_with_another_operator(self):
        summed = function("Summed", [helper.make_node("ReduceSum", ["x"], ["y"])], opset=12)
        self.refused("Summed is of opset 12.*ReduceSum", of([call("Summed")], summed))

    def test_a_domain_that_nobody_knows(self):
        self.refused("TRTBatchedNMS .*'mmdeploy': nobody", of([call("TRTBatchedNMS", domain="mmdeploy")]))

    def test_domains_that_are_known_for_what_they_are(self):
        for domain, words in (
            ("ai.onnx.ml", "machine learning"),
            ("com.microsoft.nchwc", "one processor"),
            ("org.pytorch.aten", "PyTorch's own"),
            ("ai.onnx.preview.training", "trains"),
        ):
            with self.subTest(domain):
                self.refused(f"Some .*{words}", of([call("Some", domain=domain)]))

    def test_one_with_more_inputs_than_it_has(self):
        self.refused(
            "can't be inlined", of([call("Minus", "x,x")], function("Minus", [helper.make_node("Neg", ["x"], ["y"])]))
        )
