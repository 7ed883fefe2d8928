"""Reading models: their tensors wherever they are, and what is no model or none that anybody knows."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from onnx_adapt import model_writing, source_model
from stagekit import StageError

W = np.arange(4, dtype=np.float32)
X, Y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy")
RELU = helper.make_node("Relu", ["x"], ["y"])


def model(*nodes, weights=(), functions=(), opsets=(("", 18),), ir_version=10):
    graph = helper.make_graph(nodes, "main", [X], [Y], weights)
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=ir_version)


def stored(**place):
    """W in a file, at a place: location, and offset and length as they are given."""
    tensor = TensorProto(name="w", dims=W.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": "w.bin", **place}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def constant(tensor):
    return helper.make_node("Constant", [], ["w"], value=tensor)


ADD = helper.make_node("Add", ["x", "w"], ["y"])
LOCAL = (("", 18), ("local", 1))


def calling(*body):
    imports = [helper.make_opsetid("", 18)]
    function = helper.make_function("local", "f", ["x"], ["y"], [*body, ADD], imports)
    return model(helper.make_node("f", ["x"], ["y"], domain="local"), functions=[function], opsets=LOCAL)


class Modules(unittest.TestCase):
    def test_what_the_dynamo_exporter_has_noted(self):
        add, relu = helper.make_node("Add", ["x", "a.b.weight"], ["z"], "node_add"), onnx.NodeProto()
        relu.CopyFrom(helper.make_node("Relu", ["z"], ["y"], "node_relu"))
        for node, scopes in ((add, "['', 'add']"), (relu, "['', 'act', 'relu']")):
            node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
        found = source_model.modules(
            ir.from_proto(model(add, relu, weights=[numpy_helper.from_array(W, "a.b.weight")]))
        )
        self.assertEqual({"node_add": ["a.b"], "node_relu": ["act"], "y": ["act"]}, found)

    def test_a_file_of_another_exporter(self):
        self.assertEqual({}, source_model.modules(ir.from_proto(model(RELU))))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, content):
        """What is read of a folder with these bytes, or this model, as model.onnx."""
        file = self.folder / "model.onnx"
        file.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return source_model.read(self.folder)

    def refuses(self, words, content, kind="usage"):
        with self.assertRaisesRegex(StageError, words) as error:
            source_model.check(self.read(content))
        self.assertEqual(error.exception.kind, kind)
        self.assertTrue(error.exception.hint)


class Tensors(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "w.bin").write_bytes(b"\1" * 8 + W.tobytes() + b"\1" * 8)

    def test_are_in_memory_wherever_they_are(self):
        tensor = stored(offset=8, length=16)
        within = numpy_helper.from_array(W, "w")
        for made in (
            lambda given: model(ADD, weights=[given]),
            lambda given: model(constant(given), ADD),
            lambda given: calling(constant(given)),
        ):
            whole = self.folder / "whole.onnx"
            model_writing.write(self.read(made(tensor)), whole)
            alone = self.folder / "alone.onnx"
            model_writing.write(self.read(made(within)), alone)
            self.assertEqual(whole.read_bytes(), alone.read_bytes())

    def test_without_a_length_are_as_long_as_their_shape_says(self):
        (found,) = self.read(model(ADD, weights=[stored(offset=8)])).graph.initializers.values()
        np.testing.assert_array_equal(found.const_value.numpy(), W)

    def test_that_are_not_all_there_are_refused(self):
        for place, words in (
            ({"offset": 17}, "buffer is smaller|not a multiple"),
            ({"offset": 1000}, "greater than buffer|no greater"),
            ({"offset": -4}, "non-negative"),
            ({"offset": "x"}, "invalid literal"),
            ({"length": 12}, "'w' has 12 bytes in 'w.bin', by its shape it has 16"),
            ({"location": "absent"}, "No such file"),
            ({"location": "../w.bin"}, "outside"),
            ({"location": "/etc/passwd"}, "outside"),
        ):
            with self.subTest(place):
                self.refuses(words, model(ADD, weights=[stored(**place)]))
                self.refuses(words, calling(constant(stored(**place))))

    def test_of_any_size_and_type_are_those_of_the_file(self):
        numbers = np.arange(9000) % 7
        kinds = ("FLOAT", "INT64", "BOOL", "COMPLEX64", "BFLOAT16", "FLOAT8E4M3FN", "INT4")
        arrays = {kind: numbers.astype(ir.DataType[kind].numpy()).reshape(90, 100) for kind in kinds}
        large = [ir.to_proto(ir.tensor(array, name=kind)) for kind, array in arrays.items()]
        large += [
            helper.make_tensor("numbers", TensorProto.FLOAT, [9000], numbers),
            helper.make_tensor("strings", TensorProto.STRING, [9000], [b"ab"] * 9000),
        ]
        unnamed = numpy_helper.from_array(numbers)
        large += [numpy_helper.from_array(W, "small")]
        found = self.read(model(RELU, weights=[*large, unnamed])).graph.initializers
        self.assertEqual(list(found), [tensor.name for tensor in large])
        for tensor in large:
            wanted = ir.from_proto(tensor)
            self.assertEqual(found[tensor.name].const_value.dtype, wanted.dtype)
            np.testing.assert_array_equal(found[tensor.name].const_value.numpy(), wanted.numpy())

    def test_in_a_file_that_did_not_come_along_are_refused(self):
        path = self.folder / "alone.onnx"
        path.write_bytes(model(ADD, weights=[stored(location="w.bin")]).SerializeToString())
        with self.assertRaisesRegex(StageError, "'w' is in 'w.bin', which is not there"):
            source_model.read(path)

    def test_that_are_sparse_are_refused(self):
        made = model(ADD)
        sparse = made.graph.sparse_initializer.add(dims=[4])
        sparse.values.CopyFrom(numpy_helper.from_array(W[:1], "w"))
        sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64)))
        self.refuses("'w' is sparse", made, "model")


class Refused(Case):
    def test_is_what_is_no_model(self):
        large = numpy_helper.from_array(np.zeros(9000), "w")
        for name, content in {
            "text": b"this is a text\n" * 9,
            "page": b"<!DOCTYPE html><html></html>",
            "archive": b"PK\x03\x04" + bytes(100),
            "pickle": b"\x80\x02}q\x00(X\x06\x00\x00\x00weight.",
            "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "flatbuffer": b"\x18\0\0\0ORTM" + b"\1" * 60,
            "tensor": numpy_helper.from_array(W, "w").SerializeToString(),
            "cut": model(RELU).SerializeToString()[:-9],
            "cut in a tensor": model(RELU, weights=[large]).SerializeToString()[:-9],
            "cut in a length": model(RELU).SerializeToString() + b"\x3a\x80",
        }.items():
            with self.subTest(name):
                self.refuses("this is no ONNX file, or a damaged one: .", content)

    def test_is_a_message_without_a_graph(self):
        for content in (b"", model(RELU).graph.SerializeToString(), onnx.ModelProto(ir_version=8)):
            self.refuses("holds no graph with outputs", content)

    def test_is_a_value_that_is_made_twice(self):
        self.refuses("'y' is redeclared", model(RELU, RELU))

    def test_is_a_model_of_the_future(self):
        self.refuses("opset 99, onnx 1.23.2 knows 1 to 28", model(RELU, opsets=[("", 99)]), "model")
        self.refuses("opset -1", model(RELU, opsets=[("", -1)]), "model")
        self.refuses("IR version 99", model(RELU, ir_version=99), "model")


class Opset(Case):
    def test_is_the_first_opset_where_none_is_said(self):
        self.assertEqual(source_model.opset(self.read(model(RELU, opsets=[("ai.onnx", 18)]))), 18)
        self.assertEqual(source_model.opset(self.read(model(RELU, opsets=[("local", 3)]))), 1)
