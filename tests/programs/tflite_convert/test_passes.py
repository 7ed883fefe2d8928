"""The table of passes, and what they share. What each pass mends is in the files of its variants: test_variants.py."""

import math
import pkgutil
import unittest

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_variants import Stage, network, placeholder, weights

from stagekit import StageError, interpreter
from tflite_convert import file_tables, flatbuffer, passes, signature, variants
from tflite_convert.passes import PASSES, Place, editing

OPERATORS = schema.BuiltinOperator
# What passes share.
HELPERS = {"editing", "functions_of_elements", "ranges", "relevance", "scaled_layers", "weight_steps"}


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


HAS = ("gelu", "grouped-convolutions")


def gelu(x):
    """As the lowering spells it out."""
    z = x * x * 0.038678907
    curve = (tf.math.squared_difference(z, -0.68320913) + 0.16937943) * (
        tf.math.squared_difference(z, 1.2116932) + 1.0400851
    )
    return x * tf.sigmoid(x * curve)


def erf(x):
    """As the lowering spells it out where it is no part of GELU."""
    x = tf.clip_by_value(x, -3.9, 3.9)
    square, polynomial = x * x, 1.5895056e-7
    for coefficient in (-5.9855572e-6, 8.9711933e-5, -6.2571817e-4, -1.8438501e-4, 0.10276548, 1.1283797):
        polynomial = polynomial * square + coefficient
    return tf.tanh(x * polynomial)


GELUS = {
    "by sigmoid": gelu,
    "by tanh, lowered": lambda x: x * tf.sigmoid(x * (x * x * 0.07135481 + 1.5957691)),
    "halved first": lambda x: (x * 0.5) * (erf(x * np.float32(0.5**0.5)) + 1.0),
    "halved last": lambda x: x * (1.0 + erf(x / np.float32(2**0.5))) * 0.5,
    "in a row": lambda x: x * (tf.reshape(erf(tf.reshape(x * np.float32(0.5**0.5), [-1])), x.shape) * 0.5 + 0.5),
    "by tanh": lambda x: 0.5 * x * (1.0 + tf.tanh(np.float32((2 / np.pi) ** 0.5) * (x + 0.044715 * (x * x * x)))),
    "by tanh of a power": lambda x: x * (0.5 + 0.5 * tf.tanh(0.7978846 * (x + 0.044715 * tf.pow(x, 3.0)))),
}
OTHERS = {
    "a swish": lambda x: x * (0.5 + 0.5 * tf.tanh(x * 0.851)),
    "another coefficient": lambda x: 0.5 * x * (1.0 + tf.tanh(0.7978846 * (x + 0.0445 * (x * x * x)))),
    "of another tensor": lambda x: (tf.abs(x) * 0.5) * (erf(x * np.float32(0.5**0.5)) + 1.0),
    "with a number for each channel": lambda x: (x * 0.5) * (erf(x * weights(8)) + 1.0),
}


# Two groups: [outputs, rows, columns, inputs of a group].
GROUP_WEIGHTS = np.random.RandomState(0).normal(size=[12, 3, 3, 4]).astype(np.float32)


def convolved(images):
    """A convolution of both groups, given as images of their own."""
    biases = np.split(np.linspace(-1, 1, 12, dtype=np.float32), 2)
    found = [
        tf.nn.conv2d(image, kernel.transpose(1, 2, 3, 0), 1, "SAME")
        for image, kernel in zip(images, np.split(GROUP_WEIGHTS, 2))
    ]
    return tf.concat([tf.nn.relu(tf.nn.bias_add(*each)) for each in zip(found, biases)], 3)


def grouped(x):
    return convolved(tf.split(x, 2, 3))


def steps(tensor):
    scales = tensor.quantization and tensor.quantization.scale
    return () if scales is None else tuple(scales)


class Finished(Stage):
    """Forms of operators that the runtimes of a target have, and TensorFlow 2.4 has not."""

    def made(self, function, variant="float32", shape=(1, 4, 4, 8), has=HAS):
        def build():
            x = placeholder("x", *shape)
            return {"x": x}, {"y": tf.identity(function(x), "y")}

        self.save(build)
        samples = self.seeded(8) if variant in passes.INTEGERS else None
        self.result = self.convert(variant, samples, has=has)
        return flatbuffer.unpacked(self.content(variant))

    def kinds(self, model):
        return [file_tables.KINDS[editing.kind(model, operator)] for operator in model.subgraphs[0].operators]

    def each(self, functions):
        for name, function in functions.items():
            with self.subTest(name):
                self.setUp()
                yield name, function

    def test_gelu_is_one_operator_however_it_is_written(self):
        for name, function in self.each(GELUS):
            model = self.made(lambda x, of=function: of(tf.nn.relu(x) - 1.0) + 3.0)
            self.assertEqual(self.kinds(model)[-2:], ["GELU", "ADD"], name)
            self.assertLess(len(model.subgraphs[0].operators), 5)
            (code,) = [each for each in model.operatorCodes if each.builtinCode == 150]
            self.assertEqual((code.deprecatedBuiltinCode, code.version), (127, 1))
            self.assertEqual(self.is_approximate(), "tanh" in name)

    def test_a_runtime_that_has_no_such_operator_is_said_to_lack_it(self):
        self.made(GELUS["halved first"])
        with self.assertRaisesRegex(StageError, "the TFLite runtime can't run.*out of range: 150") as caught:
            interpreter.load(tf.lite.Interpreter, self.folder / "float32.tflite", 1)
        self.assertEqual(caught.exception.kind, "model")

    def is_approximate(self):
        """What the options of the file's GELU say, which this TensorFlow's schema can't read."""
        graphs = file_tables.File(self.content("float32")).graphs
        (found,) = [each.table for graph in graphs for each in graph.operators if each.kind == "GELU"]
        self.assertEqual(found.BuiltinOptionsType(), 116)
        table = found.BuiltinOptions()
        place = table.Offset(4)
        return bool(place and table.Get(flatbuffers.number_types.BoolFlags, place + table.Pos))

    def test_what_is_nearly_gelu_stays_as_it_is(self):
        for name, function in self.each(OTHERS):
            self.assertNotIn("GELU", self.kinds(self.made(function)), name)

    def test_nothing_changes_where_the_target_has_no_such_operators(self):
        model = self.made(lambda x: GELUS["halved first"](grouped(x)), has=["dense-channels"])
        self.assertFalse({"GELU"}.intersection(self.kinds(model)))
        self.assertIn("SPLIT", self.kinds(model))

    def test_what_else_reads_of_a_gelu_stays(self):
        def branching(x):
            inner = erf(x * np.float32(0.5**0.5))
            return (x * 0.5) * (inner + 1.0) + inner

        kinds = self.kinds(self.made(branching))
        self.assertIn("GELU", kinds)
        self.assertIn("TANH", kinds)

    def test_gelu_has_the_type_of_what_is_around_it(self):
        for variant, dtype in (("int8", "INT8"), ("int8-only", "INT8"), ("int16x8", "INT16"), ("float16", "FLOAT32")):
            with self.subTest(variant):
                self.setUp()
                model = self.made(lambda x: gelu(tf.nn.conv2d(x, weights(1, 1, 8, 8), 1, "SAME")) * 2.0, variant)
                (graph,) = model.subgraphs
                (found,) = [each for each in graph.operators if editing.kind(model, each) == 150]
                x, y = graph.tensors[found.inputs[0]], graph.tensors[found.outputs[0]]
                self.assertEqual([x.type, y.type], [getattr(schema.TensorType, dtype)] * 2)
                self.assertEqual(model.operatorCodes[found.opcodeIndex].version, 2 if dtype == "INT8" else 1)
                self.assertNotIn("LOGISTIC", self.kinds(model))

    def test_integers_compute_gelu_to_a_few_steps(self):
        """In floats it takes the ninth power of x."""
        for variant in ("int8", "int8-only"):
            with self.subTest(variant):
                self.setUp()
                self.made(lambda x: gelu(x * 6.0), variant, has=())
                self.assertIn(OPERATORS.LOGISTIC, self.codes(variant))
                (sample,) = self.seeded(1).values()
                found = self.run_variant(variant, self.result, {"x": sample[0]})["y"]
                x = sample[0].astype(np.float64) * 6
                expected = x * (1 + np.vectorize(math.erf)(x / 2**0.5)) / 2
                step = (expected.max() - expected.min()) / 255
                self.assertLess(np.abs(found - expected).max(), 2.5 * step)

    def test_a_model_that_was_trained_for_int8_keeps_the_roundings_within(self):
        def ranged(x):
            return tf.quantization.fake_quant_with_min_max_vars(x, -4.0, 3.96875)

        def rounding(x):
            inner = ranged(erf(ranged(x) * np.float32(0.5**0.5)))
            return ranged(x * 0.5 * (inner + 1.0))

        self.assertIn("TANH", self.kinds(self.made(rounding, "int8")))
        self.setUp()
        model = self.made(lambda x: ranged(GELUS["halved first"](ranged(x))), "int8")
        self.assertEqual(self.kinds(model), ["QUANTIZE", "GELU", "DEQUANTIZE"])

    def dense(self, x):
        return tf.nn.bias_add(tf.matmul(tf.reshape(x, [16, 8]), weights(8, 64)), weights(64, seed=1))

    def test_gelu_of_a_dense_layer_is_found_though_the_layer_has_taken_its_factors(self):
        for name, function in self.each(GELUS):
            # A power has no integers.
            for variant in ("float32", "int8") if "power" in name else variants.VARIANTS:
                self.setUp()
                has = [*HAS, "dequantize-channels", "int4"]
                model = self.made(lambda x, of=function: of(self.dense(x)), variant, has=has)
                kinds = [kind for kind in self.kinds(model) if kind not in ("QUANTIZE", "DEQUANTIZE", "RESHAPE")]
                self.assertEqual(kinds, ["FULLY_CONNECTED", "GELU"], (name, variant))
                (graph,) = model.subgraphs
                (found,) = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.FULLY_CONNECTED]
                _, kernel, _ = (graph.tensors[at] for at in found.inputs)
                if variant in ("float32", "int8", "int16x8"):
                    numbers = editing.numbers(model, kernel).reshape(kernel.shape).astype(np.float32)
                    numbers = numbers if variant == "float32" else numbers * kernel.quantization.scale[0]
                    error = 1e-6 if variant == "float32" else 0.01
                    np.testing.assert_allclose(numbers, weights(8, 64).numpy().T, atol=error)

    def test_a_dense_layer_that_others_read_keeps_its_numbers(self):
        def shared(x):
            layer = self.dense(x)
            half = layer * 0.5
            return half * (erf(layer * np.float32(0.5**0.5)) + 1.0) + tf.exp(half)

        kinds = self.kinds(self.made(shared))
        self.assertNotIn("GELU", kinds)

    def test_a_convolution_in_groups_is_one_operator(self):
        for variant in variants.VARIANTS:
            with self.subTest(variant):
                self.setUp()
                model = self.made(grouped, variant, has=[*HAS, "dequantize-channels", "int4"])
                (graph,) = model.subgraphs
                left = [kind for kind in self.kinds(model) if kind not in ("QUANTIZE", "DEQUANTIZE")]
                self.assertEqual(left, ["CONV_2D"])
                (found,) = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.CONV_2D]
                self.assertEqual(model.operatorCodes[found.opcodeIndex].version, 6)
                x, kernel, bias = (graph.tensors[at] for at in found.inputs)
                self.assertEqual([[*each.shape] for each in (x, kernel, bias)], [[1, 4, 4, 8], [12, 3, 3, 4], [12]])
                self.assertEqual(found.builtinOptions.fusedActivationFunction, schema.ActivationFunctionType.RELU)
                self.assertEqual([entry["shape"] for entry in self.result["outputs"]], [[1, 4, 4, 12]])
                _, ((name, at),) = signature.signed(self.content(variant))
                self.assertEqual((name, graph.tensors[at].name.decode()), ("y", self.result["outputs"][0]["tensor"]))

    def test_groups_beside_other_parts_of_a_concatenation(self):
        """The converter makes one concatenation of two."""
        for variant in ("float32", "int8", "int16x8"):
            self.setUp()
            model = self.made(lambda x: tf.concat([x, grouped(x), x], 3), variant)
            (graph,) = model.subgraphs
            self.assertEqual([kind for kind in self.kinds(model) if "QUANT" not in kind], ["CONV_2D", "CONCATENATION"])
            (found,) = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.CONCATENATION]
            self.assertEqual([graph.tensors[at].shape[3] for at in found.inputs], [8, 12, 8])
            self.assertEqual(len({steps(graph.tensors[at]) for at in (*found.inputs, *found.outputs)}), 1)

    def test_an_image_that_is_transposed_in_parts_is_transposed_once(self):
        def transposed(x):
            return convolved([tf.transpose(part, [0, 2, 3, 1]) for part in tf.split(x, 2, 1)])

        model = self.made(transposed, shape=(1, 8, 4, 4))
        self.assertEqual(self.kinds(model), ["TRANSPOSE", "CONV_2D"])
        (graph,) = model.subgraphs
        self.assertEqual([*graph.tensors[graph.operators[0].outputs[0]].shape], [1, 4, 4, 8])

    def test_a_convolution_in_groups_has_the_weights_of_all(self):
        for variant, step in (("float32", 0), ("int8", 1 / 127), ("int16x8", 1 / 127)):
            self.setUp()
            model = self.made(grouped, variant)
            (graph,) = model.subgraphs
            (found,) = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.CONV_2D]
            kernel = graph.tensors[found.inputs[1]]
            numbers = editing.numbers(model, kernel).reshape(kernel.shape).astype(np.float32)
            if step:
                self.assertEqual(len(kernel.quantization.scale), 12)
                numbers = numbers * np.reshape(kernel.quantization.scale, [-1, 1, 1, 1])
                bias = graph.tensors[found.inputs[2]]
                scale = graph.tensors[found.inputs[0]].quantization.scale[0]
                np.testing.assert_allclose(bias.quantization.scale, kernel.quantization.scale * scale, rtol=1e-6)
            self.assertLess(np.abs(numbers - GROUP_WEIGHTS).max(), step * np.abs(GROUP_WEIGHTS).max() + 1e-7)

    def test_parts_that_are_used_elsewhere_stay_parts(self):
        def with_part(x):
            one, other = tf.split(x, 2, 3)
            first, second = (tf.nn.conv2d(each, weights(3, 3, 4, 6), 1, "SAME") for each in (one, other))
            return tf.concat([first, second], 3) + tf.concat([first, first], 3)

        def turned(x):
            other, one = tf.split(x, 2, 3)
            return tf.concat([tf.nn.conv2d(each, weights(3, 3, 4, 6), 1, "SAME") for each in (one, other)], 3)

        def of_two_dilations(x):
            one, other = tf.split(x, 2, 3)
            narrow = tf.nn.conv2d(one, weights(3, 3, 4, 6), 1, "SAME")
            return tf.concat([narrow, tf.nn.conv2d(other, weights(3, 3, 4, 6), 1, "SAME", dilations=2)], 3)

        others = {"read twice": with_part, "turned": turned, "of two dilations": of_two_dilations}
        for name, function in self.each(others):
            self.assertGreater(self.kinds(self.made(function)).count("CONV_2D"), 1, name)
