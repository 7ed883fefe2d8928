import unittest

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2, graph_pb2, tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2

from stagekit import light_graph, wire


def message():
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [1, 300], name="x")
        weights = tf.constant(np.arange(300 * 100, dtype=np.float32).reshape(300, 100), name="weights")
        tf.nn.bias_add(tf.matmul(x, weights), tf.constant(np.ones(100, np.float32), name="bias"), name="y")
    made = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta_graph = made.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    meta_graph.graph_def.CopyFrom(graph.as_graph_def())
    return made


class Split(unittest.TestCase):
    def test_large_constants_lose_their_values_and_all_else_stays(self):
        whole = message()
        content = whole.SerializeToString()
        light, ((start, end, constants),) = light_graph.split(content)
        self.assertLess(len(light), 10_000)
        self.assertEqual(graph_pb2.GraphDef.FromString(content[start:end]), whole.meta_graphs[0].graph_def)
        for node in whole.meta_graphs[0].graph_def.node:
            if node.name == "weights":
                self.check_constant(content, constants.pop("weights"), node.attr["value"])
                del node.attr["value"]
        self.assertEqual(saved_model_pb2.SavedModel.FromString(light), whole)
        self.assertEqual(constants, {})

    def check_constant(self, content, found, value):
        self.assertEqual(attr_value_pb2.AttrValue.FromString(content[slice(*found.value)]), value)
        self.assertEqual(content[slice(*found.numbers)], value.tensor.tensor_content)
        tensor = tensor_pb2.TensorProto.FromString(found.tensor)
        self.assertEqual((tensor.dtype, tensor.tensor_shape), (value.tensor.dtype, value.tensor.tensor_shape))
        self.assertEqual(tensor.tensor_content, b"")

    def test_numbers_one_by_one_have_no_place(self):
        whole = message()
        for node in whole.meta_graphs[0].graph_def.node:
            if node.name == "weights":
                tensor = node.attr["value"].tensor
                tensor.float_val.extend(np.frombuffer(tensor.tensor_content, np.float32))
                tensor.ClearField("tensor_content")
        content = whole.SerializeToString()
        _, (place,) = light_graph.split(content)
        self.assertIsNone(place.constants["weights"].numbers)

    def test_a_graph_in_two_pieces_has_no_place(self):
        # Readers put the fields of a message together that come twice.
        content = message().SerializeToString()
        _, ((start, end, _),) = light_graph.split(content)
        key = wire.framed(light_graph.GRAPH_DEF, content[start:end])
        twice = wire.framed(light_graph.META_GRAPHS, key + key)
        light, places = light_graph.split(twice)
        self.assertEqual((light, places), (twice, [None]))

    def test_what_is_no_message(self):
        content = message().SerializeToString()
        for damaged in (content[:-5], b"\x12\xff\xff\xff", b"nonsense", b"\x12" + b"\xff" * 12):
            with self.subTest(damaged[:8]), self.assertRaises(ValueError):
                light_graph.split(damaged)


if __name__ == "__main__":
    unittest.main()
