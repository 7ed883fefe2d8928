"""The table of passes, and what they share. What each pass mends is in the files of its variants: test_variants.py."""

import pkgutil
import unittest

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_variants import Stage, network

from tflite_convert import flatbuffer, passes, variants
from tflite_convert.passes import PASSES, Place, editing

OPERATORS = schema.BuiltinOperator
# What passes share.
HELPERS = {"editing", "ranges", "relevance", "weight_steps"}


class Table(unittest.TestCase):
    def test_every_module_has_one_row(self):
        found = sorted(each.name for each in pkgutil.iter_modules(passes.__path__))
        rows = [each.module.__name__.rpartition(".")[2] for each in PASSES]
        self.assertEqual(sorted([*rows, *HELPERS]), found)

    def test_rows_stand_in_the_order_in_which_a_file_gets_there(self):
        order = list(Place)
        first = [order.index(each.places[0]) for each in PASSES]
        self.assertEqual(first, sorted(first))

    def test_every_place_and_every_variant_is_one_that_there_is(self):
        for each in PASSES:
            self.assertLessEqual(set(each.variants), set(variants.VARIANTS), each.module)
            self.assertLessEqual(set(each.places), set(Place), each.module)

    def test_a_variant_has_its_own_passes_alone(self):
        def chosen(place, variant):
            return [each.module.__name__.rpartition(".")[2] for each in passes._chosen(place, variant)]

        eight = ["pad_constants", "requantization", "overflowing_multipliers", "unreached_limits"]
        self.assertEqual(chosen(Place.QUANTIZED, "int8"), ["dense_scales", *eight])
        sixteen = ["subtracted_constants", "zero_constants", "lacking_kernels"]
        self.assertEqual(chosen(Place.QUANTIZED, "int16x8"), ["dense_scales", *sixteen, *eight])
        self.assertEqual(chosen(Place.TO_QUANTIZE, "int8"), [])


class Applied(Stage):
    def test_a_file_in_which_nothing_is_wrong_keeps_its_bytes(self):
        self.save(network)
        self.convert("float32")
        content = self.content("float32")
        self.assertIs(passes.applied(content, Place.TO_CALIBRATE), content)
        self.assertIs(passes.applied(content, Place.TO_QUANTIZE, "int8"), content)

    def test_the_rows_of_passes_that_changed_something(self):
        self.save(network)
        self.convert("float32")
        model = flatbuffer.unpacked(self.content("float32"))
        limits = {int(model.subgraphs[0].outputs[0]): (-np.inf, np.inf)}
        self.assertEqual(passes.apply(model, Place.CALIBRATED, limits=limits), [])
        bias = next(self.biases(model))
        bias.shape = np.array([1, *bias.shape], np.int32)
        (found,) = passes.apply(model, Place.CALIBRATED, limits=limits)
        self.assertIs(found.module, passes.bias_shapes)
        self.assertEqual(len(bias.shape), 1)

    def biases(self, model):
        for graph, operator, kind in editing.operators(model):
            if kind in editing.WEIGHTED:
                yield graph.tensors[operator.inputs[editing.WEIGHTED[kind][2]]]


class Editing(Stage):
    def setUp(self):
        super().setUp()
        self.save(network)
        self.convert("float32")
        self.model = flatbuffer.unpacked(self.content("float32"))
        (self.graph,) = self.model.subgraphs

    def test_who_reads_and_who_makes_a_tensor(self):
        readers, makers = editing.readers(self.graph), editing.makers(self.graph)
        for graph, operator, _ in editing.operators(self.model):
            self.assertIs(graph, self.graph)
            for position, tensor in enumerate(operator.inputs):
                self.assertIn((operator, position), readers[tensor])
            self.assertIs(makers[operator.outputs[0]], operator)
        self.assertEqual([], readers[self.graph.outputs[0]])
        self.assertNotIn(self.graph.inputs[0], makers)

    def test_a_kind_is_listed_once(self):
        count = len(self.model.operatorCodes)
        self.assertEqual(editing.code(self.model, self.model.operatorCodes[0].builtinCode), 0)
        self.assertEqual(editing.code(self.model, OPERATORS.FLOOR_MOD), count)
        self.assertEqual(editing.code(self.model, OPERATORS.FLOOR_MOD), count)
        self.assertEqual(editing.add_code(self.model, OPERATORS.FLOOR_MOD, 2), count + 1)
        self.assertEqual(self.model.operatorCodes[-1].version, 2)

    def test_a_constant_that_is_set_is_no_other_tensors(self):
        one = editing.add_constant(self.model, self.graph, b"one", np.array([[1, 2]], np.int32))
        tensor, other = self.graph.tensors[one], editing.add_tensor(self.graph, b"other", [1, 2])
        self.graph.tensors[other].buffer = tensor.buffer
        self.assertEqual((list(tensor.shape), tensor.type), ([1, 2], schema.TensorType.INT32))
        editing.set_numbers(self.model, tensor, np.array([3, 4], np.int16))
        self.assertEqual(editing.numbers(self.model, tensor).tolist(), [3, 4])
        self.graph.tensors[other].type = schema.TensorType.INT32
        self.assertEqual(editing.numbers(self.model, self.graph.tensors[other]).tolist(), [1, 2])
        self.assertIsNone(editing.numbers(self.model, self.graph.tensors[self.graph.outputs[0]]))

    def test_an_operator_can_be_put_behind_the_last_one(self):
        """The negative of the first output."""
        negated = editing.operator(
            editing.code(self.model, OPERATORS.NEG),
            [self.graph.outputs[0]],
            editing.add_tensor(self.graph, b"negated", self.graph.tensors[self.graph.outputs[0]].shape),
            schema.NegOptionsT(),
        )
        last = self.graph.operators[-1]
        editing.replace_operators(self.graph, lambda each: [each, negated] if each is last else [each])
        self.graph.outputs = [*self.graph.outputs, negated.outputs[0]]
        opened = tf.lite.Interpreter(model_content=flatbuffer.packed(self.model))
        opened.allocate_tensors()
        for fed in opened.get_input_details():
            opened.set_tensor(fed["index"], np.ones(fed["shape"], fed["dtype"]))
        opened.invoke()
        plain, *_, negative = (opened.get_tensor(detail["index"]) for detail in opened.get_output_details())
        self.assertGreater(np.abs(plain).max(), 0)
        np.testing.assert_array_equal(-plain, negative)
