"""What onnxruntime's own optimizers make of a small transformer and of a small convolutional network."""

import math
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from lowered import MICROSOFT, assert_same
from onnx import helper
from onnxruntime.transformers import optimizer

HIDDEN, HEADS, LENGTH, WORDS = 32, 4, 8, 12
IDS = {
    "input_ids": np.arange(LENGTH)[None],
    "token_type_ids": np.array([[0, 0, 0, 1, 1, 1, 1, 1]]),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 0, 0]]),
}
IMAGE = {"x": np.random.default_rng(1).standard_normal((1, 3, 16, 16)).astype("float32")}


class Network:
    """A graph at opset 13, built operator by operator."""

    def __init__(self):
        self.nodes, self.weights, self.random = [], [], np.random.default_rng(0)

    def __getattr__(self, op_type):
        def add(*inputs, **attributes):
            output = f"{op_type}_{len(self.nodes)}"
            self.nodes.append(helper.make_node(op_type, inputs, [output], name=output, **attributes))
            return output

        return add

    def constant(self, numbers):
        self.weights.append(onnx.numpy_helper.from_array(np.asarray(numbers), f"c{len(self.weights)}"))
        return self.weights[-1].name

    def weight(self, *shape):
        return self.constant(self.random.standard_normal(shape).astype("float32") * np.float32(0.2))

    def dense(self, x, width, out):
        return self.Add(self.MatMul(x, self.weight(width, out)), self.weight(out))

    def model(self, inputs):
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in inputs.items()
        ]
        graph = helper.make_graph(self.nodes, "net", values, [], self.weights)
        graph.output.append(onnx.ValueInfoProto(name=self.nodes[-1].output[0]))
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
        return onnx.shape_inference.infer_shapes(made)


def transformer():
    """Two layers of BERT, as exporters of its time wrote it."""
    net = Network()
    number = {
        value: net.constant(np.float32(value)) for value in (1, 2, 0.5, 1e-12, -10000, math.sqrt(2), math.sqrt(8))
    }

    def normalized(x):
        centred = net.Sub(x, net.ReduceMean(x, axes=[-1]))
        variance = net.ReduceMean(net.Pow(centred, number[2]), axes=[-1])
        scaled = net.Mul(net.Div(centred, net.Sqrt(net.Add(variance, number[1e-12]))), net.weight(HIDDEN))
        return net.Add(scaled, net.weight(HIDDEN))

    def sizes(x, *rest):
        shape = net.Shape(x)
        kept = [net.Unsqueeze(net.Gather(shape, net.constant(at)), net.constant([0])) for at in (0, 1)]
        return net.Concat(*kept, *(net.constant([size]) for size in rest), axis=0)

    def by_head(x, perm):
        projected = net.dense(x, HIDDEN, HIDDEN)
        return net.Transpose(net.Reshape(projected, sizes(projected, HEADS, HIDDEN // HEADS)), perm=perm)

    embedded = net.Add(
        net.Gather(net.weight(WORDS, HIDDEN), "input_ids"), net.Gather(net.weight(2, HIDDEN), "token_type_ids")
    )
    x = normalized(net.Add(embedded, net.Gather(net.weight(LENGTH, HIDDEN), net.constant(np.arange(LENGTH)[None]))))
    mask = net.Unsqueeze(net.Unsqueeze("attention_mask", net.constant([1])), net.constant([2]))
    mask = net.Mul(net.Sub(number[1], net.Cast(mask, to=onnx.TensorProto.FLOAT)), number[-10000])
    for _ in range(2):
        query, key, value = (by_head(x, perm) for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
        scores = net.Add(net.Div(net.MatMul(query, key), number[math.sqrt(8)]), mask)
        attended = net.Transpose(net.MatMul(net.Softmax(scores, axis=-1), value), perm=[0, 2, 1, 3])
        attended = net.Reshape(attended, sizes(attended, HIDDEN))
        x = normalized(net.Add(net.dense(attended, HIDDEN, HIDDEN), x))
        wide = net.dense(x, HIDDEN, 2 * HIDDEN)
        bent = net.Add(net.Erf(net.Div(wide, number[math.sqrt(2)])), number[1])
        x = normalized(net.Add(net.dense(net.Mul(net.Mul(wide, bent), number[0.5]), 2 * HIDDEN, HIDDEN), x))
    return net.model(IDS)


def convolutional():
    net = Network()
    first = net.Relu(net.Conv("x", net.weight(8, 3, 3, 3), net.weight(8), pads=[1, 1, 1, 1]))
    second = net.LeakyRelu(net.Conv(first, net.weight(16, 8, 3, 3), net.weight(16), strides=[2, 2]), alpha=0.1)
    third = net.Conv(second, net.weight(16, 16, 1, 1), net.weight(16))
    net.GlobalAveragePool(net.Relu(net.Add(third, second)))
    return net.model(IMAGE)


def saved(proto, folder):
    """The model as onnxruntime saves it with all optimizations that every processor can run."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(Path(folder, "saved.onnx"))
    onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return onnx.load(options.optimized_model_filepath)


def fused(proto):
    return {node.op_type for node in proto.graph.node if node.domain == MICROSOFT}


class Optimized(unittest.TestCase):
    def test_a_transformer_that_onnxruntime_saved(self):
        with tempfile.TemporaryDirectory() as folder:
            made = saved(transformer(), folder)
        self.assertEqual(fused(made), {"FusedMatMul", "Gelu", "SkipLayerNormalization"})
        assert_same(made, IDS, 2e-6)

    def test_a_transformer_of_the_transformer_optimizer(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "given.onnx")
            onnx.save(transformer(), path)
            # Its nodes are in no order, as onnxruntime allows.
            made = optimizer.optimize_model(str(path), "bert", num_heads=HEADS, hidden_size=HIDDEN, opt_level=0).model
        self.assertEqual(fused(made), {"Attention", "BiasGelu", "SkipLayerNormalization"})
        # The first of its normalizations has no sum before it, and ONNX has none at opset 13.
        self.assertIn(("", "LayerNormalization"), {(node.domain, node.op_type) for node in made.graph.node})
        assert_same(made, IDS, 2e-6)

    def test_a_convolutional_network(self):
        with tempfile.TemporaryDirectory() as folder:
            made = saved(convolutional(), folder)
        self.assertEqual(fused(made), {"FusedConv"})
        assert_same(made, IMAGE, 2e-6)
