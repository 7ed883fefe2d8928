"""The tables of rewrites. What each does is tested by the graphs that come out: test_onnx_rewrites.py and others."""

import pkgutil
import unittest

from onnx_nhwc import graph_def_rewrites, onnx_rewrites

# What rewrites share.
HELPERS = {onnx_rewrites: ["onnx_graph", "weighted_nodes"], graph_def_rewrites: ["graph_def"]}


class Tables(unittest.TestCase):
    def test_every_module_has_one_row(self):
        for package, helpers in HELPERS.items():
            found = sorted(each.name for each in pkgutil.iter_modules(package.__path__))
            rows = [each.module.__name__.rpartition(".")[2] for each in package.REWRITES]
            self.assertEqual(sorted([*rows, *helpers]), found)
