"""Weights of integers beside activations of floats. TensorFlow 2.4.1 itself can't run such files."""

import itertools
import unittest

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_methods import dense
from test_variants import Stage, branching, network, placeholder, weights

from tflite_convert import flatbuffer, passes
from tflite_convert.passes import Place, dense_scales, editing

OPERATORS = schema.BuiltinOperator
HAS = ("dynamic-dense-channels", "dequantize-channels", "int4")


def every_kind():
    """A layer of each kind and a table, of odd sizes; and what is no weights, or not those alone."""
    image, ids = placeholder("image", 1, 7, 7, 13), placeholder("ids", 1, 5, dtype=tf.int32)
    seen = tf.nn.conv2d(image, weights(3, 3, 13, 15), 1, "SAME")
    seen = tf.nn.depthwise_conv2d(seen, weights(9, 9, 15, 1, seed=1), [1, 1, 1, 1], "SAME")
    seen = tf.nn.conv2d_transpose(seen, weights(3, 3, 9, 15, seed=2), [1, 14, 14, 9], 2, "SAME")
    rows = tf.gather(weights(111, 37, seed=3), ids)
    scores = tf.matmul(tf.reshape(rows, [5, 37]), weights(37, 33, seed=4))
    beside = tf.matmul(scores, weights(33, 3, seed=5)) + tf.reduce_sum(weights(5, 300, seed=6) * tf.reduce_max(rows))
    columns = tf.gather(weights(5, 300, seed=7), ids, axis=1)
    return {"image": image, "ids": ids}, {"seen": seen, "beside": beside, "columns": columns}


def shared():
    """A table that is the weights of a layer, too, and one that is added to something."""
    ids, table, more = placeholder("ids", 1, 4, dtype=tf.int32), weights(48, 32), weights(48, 32, seed=1)
    rows = tf.reduce_mean(tf.gather(table, ids), 1)
    others = tf.reduce_mean(tf.gather(more, ids), 1) + tf.reduce_mean(more * tf.reduce_max(rows), 0)
    return {"ids": ids}, {"scores": tf.matmul(rows + others, table, transpose_b=True, name="scores")}


def decoded(model, tensor):
    """The integers of a constant, read number by number."""
    data, count = model.buffers[tensor.buffer].data.tolist(), int(np.prod(tensor.shape))
    bits = 4 if tensor.type == editing.INT4 else 8
    halves = itertools.chain.from_iterable((byte & 15, byte >> 4) for byte in data) if bits == 4 else data
    signed = [number - (1 << bits) if number >= 1 << bits - 1 else number for number in halves]
    assert len(signed) - count in (0, 1), "a byte too many"
    return np.array(signed[:count]).reshape(tensor.shape)


class IntegerWeights(Stage):
    def made(self, variant, has=HAS):
        self.told = self.convert(variant, has=has)
        return flatbuffer.unpacked(self.content(variant))

    def floats(self):
        self.convert("float32")
        model = flatbuffer.unpacked(self.content("float32"))
        return {tensor.name: editing.numbers(model, tensor) for tensor in model.subgraphs[0].tensors}

    def rounded(self, model, before, tensor, last):
        """Assert that a constant is what it was, to half a step of its channel."""
        scales, axis = tensor.quantization.scale, tensor.quantization.quantizedDimension
        self.assertEqual(tensor.shape[axis], len(scales))
        self.assertEqual([0] * len(scales), tensor.quantization.zeroPoint.tolist())
        wanted = before[tensor.name].reshape(tensor.shape)
        spread = scales.reshape([-1 if at == axis else 1 for at in range(wanted.ndim)])
        integers = decoded(model, tensor)
        self.assertEqual(last, np.abs(integers).max())
        np.testing.assert_allclose(integers, np.clip(wanted / spread, -last, last), rtol=0, atol=0.5001)

    def test_weights_and_tables_are_turned_back_before_their_use(self):
        for variant, last, version, number in (
            ("weight-int8", 127, 5, schema.TensorType.INT8),
            ("weight-int4", 7, 6, 17),
        ):
            with self.subTest(variant):
                self.setUp()
                self.save(every_kind)
                before, model = self.floats(), self.made(variant)
                graph, found = model.subgraphs[0], []
                for operator in graph.operators:
                    if editing.kind(model, operator) == OPERATORS.DEQUANTIZE:
                        self.assertEqual(version, model.operatorCodes[operator.opcodeIndex].version)
                        self.assertEqual(number, graph.tensors[operator.inputs[0]].type)
                        self.rounded(model, before, graph.tensors[operator.inputs[0]], last)
                        ((reader, position),) = editing.readers(graph)[operator.outputs[0]]
                        found.append((editing.kind(model, reader), position))
                wanted = [(OPERATORS.CONV_2D, 1), (OPERATORS.DEPTHWISE_CONV_2D, 1), (OPERATORS.TRANSPOSE_CONV, 1)]
                wanted += [(OPERATORS.GATHER, 0), (OPERATORS.FULLY_CONNECTED, 1)]
                self.assertEqual(sorted(wanted), sorted(found))
                names = [(entry["name"], entry["dtype"]) for entry in self.told["inputs"] + self.told["outputs"]]
                sides = [("image", "float32"), ("ids", "int32")]
                self.assertEqual([*sides, *((name, "float32") for name in ("seen", "beside", "columns"))], names)
                self.assertEqual(
                    {"tensors": 5, "per_channel": 5},
                    {key: self.told["quantization"][key] for key in ("tensors", "per_channel")},
                )

    def test_four_bits_take_the_steps_that_change_weights_least(self):
        numbers = np.random.RandomState(0).standard_t(3, size=(8, 200)).astype(np.float32)
        self.save(lambda: _layer(numbers.T))
        model = self.made("weight-int4")
        (weight,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.type == editing.INT4]
        errors = np.square(decoded(model, weight) * weight.quantization.scale[:, None] - numbers).sum(axis=1)
        steps = np.abs(numbers).max(axis=1, keepdims=True) / 7
        widest = np.square(np.round(numbers / steps) * steps - numbers).sum(axis=1)
        self.assertTrue((errors <= widest * 1.0001).all())
        self.assertLess(errors.sum(), 0.8 * widest.sum())

    def test_a_constant_of_several_readers(self):
        self.save(shared)
        model = self.made("weight-int8")
        (once,) = [each for _, each, kind in editing.operators(model) if kind == OPERATORS.DEQUANTIZE]
        readers = [editing.kind(model, reader) for reader, _ in editing.readers(model.subgraphs[0])[once.outputs[0]]]
        self.assertEqual([OPERATORS.GATHER, OPERATORS.FULLY_CONNECTED], readers)

    def test_weights_in_branches(self):
        for variant in ("weight-int4", "dynamic-int4"):
            with self.subTest(variant):
                self.setUp()
                self.save(branching)
                model = self.made(variant)
                types = [tensor.type for graph in model.subgraphs for tensor in graph.tensors]
                self.assertEqual(1, types.count(editing.INT4))

    def test_the_same_file_twice(self):
        self.save(every_kind)
        for variant in ("weight-int4", "dynamic-int4"):
            self.made(variant)
            first = self.content(variant)
            self.made(variant)
            self.assertEqual(first, self.content(variant))

    def test_tables_of_a_dynamic_file_have_one_order(self):
        self.save(every_kind)
        contents = set()
        for _ in range(8):
            self.made("dynamic", has=())
            contents.add(self.content("dynamic"))
        self.assertEqual(1, len(contents))
        model = flatbuffer.unpacked(self.content("dynamic"))
        model.signatureDefs = None
        wanted, (graph,) = flatbuffer.packed(model), model.subgraphs
        first, last = [
            int(each.outputs[0]) for _, each, kind in editing.operators(model) if kind == OPERATORS.DEQUANTIZE
        ]
        swapped = {first: last, last: first}
        graph.tensors[first], graph.tensors[last] = graph.tensors[last], graph.tensors[first]
        for each in (graph, *graph.operators):
            each.inputs, each.outputs = (
                np.array([swapped.get(int(at), at) for at in side], np.int32) for side in (each.inputs, each.outputs)
            )
        content = flatbuffer.packed(model)
        self.assertNotEqual(wanted, content)
        self.assertEqual(wanted, passes.applied(content, Place.DYNAMIC, "dynamic"))

    def test_nothing_to_round_leaves_the_file(self):
        self.save(dense)
        self.convert("float32")
        for variant in ("weight-int8", "weight-int4"):
            self.made(variant)
            self.assertEqual(self.content("float32"), self.content(variant))

    def test_dense_layers_of_a_dynamic_file(self):
        for variant, last, number in (("dynamic", 127, schema.TensorType.INT8), ("dynamic-int4", 7, editing.INT4)):
            with self.subTest(variant):
                self.setUp()
                self.save(every_kind)
                before, model = self.floats(), self.made(variant)
                graph = model.subgraphs[0]
                layers = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.FULLY_CONNECTED]
                wide = [each for each in layers if self.has_channels(graph.tensors[each.inputs[1]])]
                self.assertEqual((2, 1), (len(layers), len(wide)))
                tensor = graph.tensors[wide[0].inputs[1]]
                self.assertEqual(number, tensor.type)
                self.rounded(model, before, tensor, last)
                code = model.operatorCodes[wide[0].opcodeIndex]
                self.assertEqual(dense_scales.VERSION_BESIDE_FLOATS, code.version)
                # Other layers are as in every dynamic file.
                others = [each for each in graph.operators if editing.kind(model, each) == OPERATORS.CONV_2D]
                self.assertEqual(schema.TensorType.INT8, graph.tensors[others[0].inputs[1]].type)

    def test_a_target_without_them_has_the_converters_own_file(self):
        self.save(network)
        self.made("dynamic", has=())
        self.ends_with("dynamic", self.own())

    def has_channels(self, tensor):
        return tensor.quantization.scale is not None and len(tensor.quantization.scale) > 1

    def own(self):
        converter = self.converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def _layer(numbers):
    x = placeholder("x", 1, numbers.shape[0])
    return {"x": x}, {"scores": tf.matmul(x, numbers, name="scores")}


if __name__ == "__main__":
    unittest.main()
