"""Sizes and numbers that are folded, and those that are not."""

import time
import unittest

import numpy as np
import onnx_ir as ir
from lowered import assert_same, model, operators
from onnx import TensorProto, helper

from onnx_adapt import constant_folding

X = {"x": np.arange(24, dtype="float32").reshape(2, 3, 4)}


def node(op_type, inputs, outputs="y", **attributes):
    return helper.make_node(op_type, inputs.split(",") if inputs else [], outputs.split(","), **attributes)


def folded(proto):
    made = ir.from_proto(proto)
    constant_folding.settle(made)
    return made


def left(made):
    return [each.op_type for each in made.graph if each.op_type != "Constant"]


class Folding(unittest.TestCase):
    def test_sizes_that_are_computed(self):
        """[N, C, L] to [N, C * L], as PyTorch's exporter writes it."""
        nodes = [
            node("Shape", "x", "s"),
            node("Gather", "s,zero", "n"),
            node("Unsqueeze", "n,axes", "m"),
            node("Concat", "m,rest", "to", axis=0),
            node("Reshape", "x,to"),
        ]
        proto = model(nodes, X, {"zero": np.int64(0), "axes": [0], "rest": [-1]})
        self.assertEqual(left(folded(proto)), ["Reshape"])
        assert_same(proto, X)

    def test_sizes_of_what_a_folded_size_makes(self):
        nodes = [
            node("Shape", "x", "s", start=1),
            node("Slice", "s,one,two", "k"),
            node("Expand", "z,k", "e"),
            node("Shape", "e", "n"),
            node("ConstantOfShape", "n", "c"),
            node("Add", "x,c"),
        ]
        proto = model(nodes, X, {"one": [1], "two": [2], "z": np.float32(3)})
        self.assertEqual(left(folded(proto)), ["Add"])
        assert_same(proto, X)

    def test_sequences_are_left_as_they_are(self):
        nodes = [node("SequenceConstruct", "one,two", "s"), node("SequenceAt", "s,zero", "c"), node("Add", "x,c")]
        proto = model(nodes, X, {"one": np.float32([1]), "two": np.float32([2]), "zero": np.int64(0)})
        self.assertEqual(left(folded(proto)), ["Add"])

    def test_branches_that_are_taken(self):
        """Each has names of its own in its place, though both have the same."""
        branches = {}
        for name, op_type in (("then_branch", "Add"), ("else_branch", "Sub")):
            weight = helper.make_tensor("w", TensorProto.FLOAT, [], [2])
            branches[name] = helper.make_graph(
                [node(op_type, "x,w", "t")], name, [], [helper.make_tensor_value_info("t", 1, [2, 3, 4])], [weight]
            )
        nodes = [
            node("Size", "x", "n"),
            node("Equal", "n,size", "is"),
            node("If", "is", "a", **branches),
            node("Not", "is", "not"),
            node("If", "not", "b", **branches),
            node("Mul", "a,b"),
        ]
        proto = model(nodes, X, {"size": np.int64(24)})
        self.assertEqual(left(folded(proto)), ["Add", "Identity", "Sub", "Identity", "Mul"])
        assert_same(proto, X)

    def test_starts_and_ends_of_shapes(self):
        for given in ({"start": -2}, {"end": 1}, {"start": 1, "end": 9}, {"start": 2, "end": 1}):
            with self.subTest(**given):
                proto = model([node("Shape", "x", **given)], X, opset=15)
                self.assertEqual(left(folded(proto)), [])
                assert_same(proto, X)

    def test_a_size_of_nothing(self):
        x = {"x": np.zeros((2, 0, 4), "float32")}
        for op_type in ("Shape", "Size"):
            assert_same(model([node(op_type, "x")], x), x)

    def test_open_sizes_stay_open(self):
        nodes = [
            node("Shape", "x", "s"),
            node("Gather", "s,zero", "n"),
            node("Gather", "s,one", "c"),
            node("Concat", "n,c", "to", axis=0),
            node("Expand", "w,to"),
        ]
        made = folded(model(nodes, X, {"zero": [0], "one": [1], "w": [2.0]}, shapes={"x": ["batch", 3, 4]}))
        self.assertEqual(left(made), ["Shape", "Gather", "Concat", "Expand"])

    def test_shapes_that_the_file_says_of_other_inputs_are_forgotten(self):
        proto = model([node("Neg", "x", "a"), node("Shape", "a")], X)
        proto.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [7, 3, 4]))
        self.assertEqual(ir.convenience.get_const_tensor(folded(proto).graph.outputs[0]).numpy().tolist(), [2, 3, 4])
        assert_same(proto, X)

    def test_a_declared_output_keeps_its_shape(self):
        proto = model([helper.make_node("Unknown", ["x"], ["y"], domain="com.microsoft")], X)
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3]))
        self.assertEqual(folded(proto).graph.outputs[0].shape, [2, 3])

    def test_an_output_that_is_constant(self):
        nodes = [node("Shape", "x", "y"), node("Neg", "x", "z")]
        made = assert_same(model(nodes, X, outputs=["y", "z"]), X)
        self.assertEqual(operators(made), ["Neg"])

    def test_one_value_that_is_an_output_and_used(self):
        nodes = [
            node("Shape", "x", "s"),
            node("Cast", "s", "y", to=1),
            node("ReduceSum", "y", "z"),
            node("Mul", "x,z", "w"),
        ]
        assert_same(model(nodes, X, outputs=["y", "w"]), X)

    def test_nodes_of_bodies(self):
        body = [node("Shape", "x", "s"), node("ConstantOfShape", "s", "z"), node("Add", "x,z", "t")]
        other = [node("Neg", "x", "t")]
        branches = {
            name: helper.make_graph(nodes, name, [], [helper.make_tensor_value_info("t", TensorProto.FLOAT, [2, 3, 4])])
            for name, nodes in (("then_branch", body), ("else_branch", other))
        }
        proto = model([node("If", "c", **branches)], X | {"c": np.array(True)})
        inner = [each.op_type for graph in folded(proto).graphs() for each in graph if each.op_type != "Constant"]
        self.assertEqual(inner, ["If", "Neg", "Add"])


class NotFolding(unittest.TestCase):
    def test_random_numbers(self):
        proto = model([node("RandomNormalLike", "w", "r"), node("Add", "x,r")], X, {"w": np.zeros((2, 3, 4), "f")})
        self.assertEqual(left(folded(proto)), ["RandomNormalLike", "Add"])

    def test_what_grows(self):
        proto = model([node("ConstantOfShape", "s", "c"), node("Add", "x,c")], X, {"s": [100000, 1, 3, 4]})
        self.assertEqual(left(folded(proto)), ["ConstantOfShape", "Add"])

    def test_quantized_weights(self):
        constants = {"w": np.ones((2, 3, 4), "int8"), "s": np.float32(0.5)}
        proto = model([node("DequantizeLinear", "w,s", "c"), node("Add", "x,c")], X, constants)
        self.assertEqual(left(folded(proto)), ["DequantizeLinear", "Add"])

    def test_what_no_runtime_can_compute(self):
        proto = model([node("Reshape", "w,to", "c"), node("Add", "x,c")], X, {"w": [1.0, 2.0], "to": [3, -1]})
        self.assertEqual(left(folded(proto)), ["Reshape", "Add"])


class Speed(unittest.TestCase):
    def test_a_model_of_2400_nodes_takes_less_than_a_second(self):
        nodes = []
        for at in range(600):
            last = f"y{at - 1}" if at else "x"
            names = {"a": last, "b": f"m{at}", "s": f"s{at}", "r": f"r{at}", "y": f"y{at}"}
            nodes += [
                node("Mul", "{a},w".format(**names), names["b"]),
                node("Shape", names["b"], names["s"]),
                node("Reshape", "{b},{s}".format(**names), names["r"]),
                node("Relu", names["r"], names["y"]),
            ]
        made = ir.from_proto(model(nodes, X, {"w": np.float32(1)}))
        started = time.process_time()
        constant_folding.settle(made)
        self.assertLess(time.process_time() - started, 1)
        self.assertEqual(left(made), ["Mul", "Reshape", "Relu"] * 600)
