"""Modules by what exporters write of nodes."""

import unittest

from stagekit import module_names


class OfScopes(unittest.TestCase):
    def test_the_module_of_the_call_and_those_of_the_weights(self):
        scopes = "['', 'features', 'features.3', 'conv2d_3']"
        self.assertEqual(["features.3"], module_names.of_scopes(scopes, []))
        self.assertEqual(["features.3", "norm"], module_names.of_scopes(scopes, ["norm.weight", "val_3"]))
        self.assertEqual([], module_names.of_scopes("['', 'add']", []))

    def test_what_is_no_list_of_names_says_nothing(self):
        for text in (None, "", "[", "7", "{}", "[1, 2, 3]", "__import__('os')", "[" * 10000, "[]"):
            self.assertEqual([], module_names.of_scopes(text, []))


class OfPath(unittest.TestCase):
    def check(self, expected, name, weights=()):
        kind = name.rpartition("/")[2].partition("_")[0]
        self.assertEqual(expected, module_names.of_path(name, kind, weights))

    def test_modules_in_one_another(self):
        self.check(["layer1.0.conv1"], "/layer1/layer1.0/conv1/Conv_2")
        self.check(["features.1.conv.0.0"], "/features/features.1/conv/conv.0/conv.0.0/Conv")
        self.check(["head"], "/head/Gemm")

    def test_a_list_that_is_not_called_itself(self):
        self.check(["blocks.3.attn"], "/blocks.3/attn/Add_1")
        self.check(["trunk.blocks.3"], "/trunk/blocks.3/Add")

    def test_weights_tell_a_module_that_the_path_has_not(self):
        self.check(["conv", "stages.a.conv"], "/conv/Conv", ["stages.a.conv.weight", "onnx::Conv_12"])

    def test_other_names_say_nothing(self):
        for name in ("Conv_12", "/Conv", "model/conv/Conv", "/conv/Relu6", "", "/"):
            self.assertEqual([], module_names.of_path(name, "Conv", []))


if __name__ == "__main__":
    unittest.main()
