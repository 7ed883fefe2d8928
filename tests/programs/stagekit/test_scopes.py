import unittest
from types import SimpleNamespace

from stagekit import scopes


def node(name, operator, *outputs):
    return SimpleNamespace(name=name, op_type=operator, output=list(outputs))


class Scopes(unittest.TestCase):
    def test_what_tensorflow_does_not_allow_is_replaced(self):
        self.assertEqual("Conv_0", scopes.allowed("Conv_0"))
        self.assertEqual("layer1_0_conv.weight", scopes.allowed("layer1/0/conv.weight"))
        self.assertEqual("n_x", scopes.allowed("_x"))
        self.assertEqual("n_", scopes.allowed("é"))

    def test_a_node_without_a_name_has_that_of_its_first_output(self):
        self.assertEqual("Split_3", scopes.of_node(node("Split_3", "Split", "a", "b")))
        self.assertEqual("Split_a_0", scopes.of_node(node("", "Split", "a:0", "b")))
        self.assertEqual("Sink", scopes.of_node(node("", "Sink")))
