"""Files that are written piece by piece, and what is imported before."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from lowered import model, run
from onnx import helper

from onnx_adapt import model_writing

X = {"x": np.arange(6, dtype="float32").reshape(2, 3)}


class Writing(unittest.TestCase):
    def test_tensors_of_every_size_and_type(self):
        constants = {
            "w": np.arange(6000, dtype="float32").reshape(3, 2000),
            "small": np.float32(2),
            "ids": np.arange(2000) % 7,
            "half": np.ones((40, 100), "float16"),
            "bits": np.arange(6000) % 2 == 0,
        }
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Mul", ["a", "small"], ["y"]),
            *(helper.make_node("Identity", [name], ["the_" + name]) for name in ("ids", "half", "bits")),
        ]
        outputs = ["y", "the_ids", "the_half", "the_bits"]
        proto = model(nodes, X, constants, opset=13, outputs=outputs)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("one.onnx", "two.onnx")]
            for path in files:
                model_writing.write(ir.from_proto(proto), path)
            made = onnx.load(files[0])
            self.assertEqual(files[0].read_bytes(), files[1].read_bytes())
        found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
        self.assertEqual(found.keys(), constants.keys())
        for name, array in constants.items():
            np.testing.assert_array_equal(found[name], array)
        for wanted, got in zip(run(proto, X), run(made, X), strict=True):
            np.testing.assert_array_equal(got, wanted)


class Imports(unittest.TestCase):
    def test_sympy_is_imported_when_sizes_are_computed_with(self):
        code = (
            "import sys, onnx_adapt.adapt, onnx_ir as ir\n"
            "before = 'sympy.core' in sys.modules\n"
            "size = (ir.SymbolicDim('n') + 1) * 2\n"
            "print(before, size, 'sympy.core' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "False 2*n + 2 True")

    def test_protobuf_formats_are_imported_when_models_are_text(self):
        code = (
            "import sys, onnx_adapt.adapt, onnx\n"
            "known = lambda: 'Parse' in vars(sys.modules['google.protobuf.text_format'])\n"
            "before = known()\n"
            "model = onnx.ModelProto(ir_version=8)\n"
            "for form in (onnx.serialization.registry.get(each) for each in ('textproto', 'json')):\n"
            "    assert form.deserialize_proto(form.serialize_proto(model), onnx.ModelProto()) == model\n"
            "print(before, known())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "False True")
