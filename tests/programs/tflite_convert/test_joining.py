import tempfile
import unittest
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from stagekit import Request, StageError, arrays
from tflite_convert import convert, file_tables, flatbuffer, joining, newer_operators, signature
from tflite_convert.passes import editing

TABLE = np.random.RandomState(0).rand(64, 32).astype(np.float32)


def converted(function, **shapes):
    """The file of a function, with its names as the signature."""
    specs = [tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()]
    made = tf.function(function).get_concrete_function(*specs)
    content = tf.lite.TFLiteConverter.from_concrete_functions([made]).convert()
    opened = tf.lite.Interpreter(model_content=content)
    fed = {each["name"].partition(":")[0]: each for each in opened.get_input_details()}
    given = {f"y{at}": each for at, each in enumerate(opened.get_output_details())}
    return signature.head(content, fed, given) + content


def encoder(x):
    return tf.matmul(x, TABLE) + 1.0


def decoder(x, state):
    return tf.matmul(tf.tanh(x), TABLE) * state


def branches(x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: x - 1.0)


def called(content):
    """The graphs that each IF of a file calls."""
    model = flatbuffer.unpacked(content)
    return [
        (operator.builtinOptions.thenSubgraphIndex, operator.builtinOptions.elseSubgraphIndex)
        for _, operator, kind in editing.operators(model)
        if kind == schema.BuiltinOperator.IF
    ]


def graph_of(name, content):
    """The signature of this name, as the file has it: its graph, and its names by side."""
    model = schema.Model.GetRootAsModel(content, 0)
    for at in range(model.SignatureDefsLength()):
        found = model.SignatureDefs(at)
        # Called so since TensorFlow 2.5.
        if found.MethodName().decode() == name:
            field = found._tab.Offset(12)
            sides = [
                [getattr(found, side)(place).Name().decode() for place in range(getattr(found, side + "Length")())]
                for side in ("Inputs", "Outputs")
            ]
            return (int.from_bytes(content[found._tab.Pos + field :][:4], "little") if field else 0), sides
    raise KeyError(name)


class Joined(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.encoder = converted(encoder, x=[1, 64])
        cls.decoder = converted(decoder, x=[1, 64], state=[1, 32])
        cls.branches = converted(branches, x=[2])

    def test_each_signature_has_its_names_and_its_graph(self):
        joined = joining.Joined({"encode": self.encoder, "step": self.decoder})
        self.assertEqual(joined.graphs, {"encode": [0, 1], "step": [1, 2]})
        self.assertEqual(graph_of("encode", joined.content), (0, [["x"], ["y0"]]))
        self.assertEqual(graph_of("step", joined.content), (1, [["x", "state"], ["y0"]]))
        graphs = file_tables.File(joined.content).graphs
        self.assertEqual([graph.table.Name() for graph in graphs], [b"encode", b"step"])

    def test_weights_in_common_are_there_once(self):
        joined = joining.Joined({"encode": self.encoder, "step": self.decoder})
        model = flatbuffer.unpacked(joined.content)
        sizes = [buffer.data.nbytes for buffer in model.buffers if buffer.data is not None]
        self.assertEqual(sizes.count(TABLE.nbytes), 1)
        self.assertEqual(len(joined.content) < len(self.encoder) + 2000, True)
        self.assertEqual(joined.saved >= TABLE.nbytes, True)

    def test_equal_bytes_of_other_types_stay_apart(self):
        other = flatbuffer.unpacked(self.encoder)
        for graph in other.subgraphs:
            for tensor in graph.tensors:
                if list(tensor.shape) == [32, 64]:
                    tensor.type = schema.TensorType.INT32
        joined = joining.Joined({"one": self.encoder, "two": flatbuffer.packed(other)})
        sizes = [each.data.nbytes for each in flatbuffer.unpacked(joined.content).buffers if each.data is not None]
        self.assertEqual(sizes.count(TABLE.nbytes), 2)

    def test_the_same_files_give_the_same_bytes_in_their_order(self):
        files = {"encode": self.encoder, "step": self.decoder}
        self.assertEqual(joining.Joined(files).content, joining.Joined(files).content)
        turned = joining.Joined(dict(reversed(list(files.items()))))
        self.assertEqual(turned.graphs, {"step": [0, 1], "encode": [1, 2]})

    def test_branches_follow_their_graph(self):
        joined = joining.Joined({"encode": self.encoder, "choose": self.branches, "again": self.branches})
        self.assertEqual(joined.graphs, {"encode": [0, 1], "choose": [1, 4], "again": [4, 7]})
        (one, other), *rest = called(self.branches)
        self.assertEqual((sorted([one, other]), rest), ([1, 2], []))
        self.assertEqual(called(joined.content), [(one + 1, other + 1), (one + 4, other + 4)])

    def test_the_first_signature_computes_the_same(self):
        for name, file, x in (("step", self.encoder, np.ones([1, 64])), ("choose", self.branches, np.array([1, -3.0]))):
            made = []
            for content in (file, joining.Joined({name: file, "other": self.decoder}).content):
                opened = tf.lite.Interpreter(model_content=content)
                opened.allocate_tensors()
                opened.set_tensor(opened.get_input_details()[0]["index"], x.astype(np.float32))
                opened.invoke()
                made.append(opened.get_tensor(opened.get_output_details()[0]["index"]))
            np.testing.assert_array_equal(*made)

    def test_options_that_this_tensorflow_does_not_know_are_kept(self):
        for approximate in (False, True):
            model = flatbuffer.unpacked(self.encoder)
            graph = model.subgraphs[0]
            written = editing.add_tensor(graph, b"gelu", graph.tensors[graph.outputs[0]].shape)
            code = editing.add_code(model, newer_operators.GELU)
            options = newer_operators.GeluOptionsT(approximate)
            graph.operators.append(editing.operator(code, [graph.outputs[0]], written, options))
            joined = joining.Joined({"encode": self.encoder, "gelu": flatbuffer.packed(model)})
            table = schema.Model.GetRootAsModel(joined.content, 0).Subgraphs(1)
            found = table.Operators(table.OperatorsLength() - 1)
            self.assertEqual(found.BuiltinOptionsType(), newer_operators.GeluOptionsT.TYPE)
            self.assertEqual(newer_operators.gelu_options(found)._approximate, approximate)


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "encode").write_bytes(converted(encoder, x=[1, 64]))
        (self.folder / "step").write_bytes(converted(decoder, x=[1, 64], state=[1, 32]))
        arrays.write(self.folder / "x.npz", {"x": np.ones([1, 64], np.float32)})

    def ask(self, operation, parameters, inputs, outputs):
        message = {"id": operation, "operation": operation, "parameters": parameters}
        asked = Request(dict(message, inputs=inputs, outputs=outputs), self.folder, self.folder)
        return convert.OPERATIONS[operation](asked)

    def infer(self, key, graphs):
        parameters = {"inputs": [], "outputs": [], "threads": 1, "signature": {"key": key, "graphs": graphs}}
        files = {"model": "model.float32.tflite", "samples": "x.npz"}
        return self.ask("infer", parameters, files, {"outputs": "outputs.npz"})

    def test_join_and_run(self):
        files = {name: name for name in ("encode", "step")}
        answer = self.ask("join", {"signatures": ["encode", "step"]}, files, {"model": "model.float32.tflite"})
        self.assertEqual(answer["graphs"], {"encode": [0, 1], "step": [1, 2]})
        self.assertRegex(answer["notes"][0], r"^model.float32.tflite has 8,\d+ bytes of constants once that")
        found = self.infer("encode", [0, 1])
        self.assertEqual(found["ops"], {"FULLY_CONNECTED": 1})
        # TensorFlow 2.4.1 knows of no signatures.
        with self.assertRaises(StageError) as caught:
            self.infer("step", [1, 2])
        self.assertEqual(caught.exception.kind, "model")
        self.assertIn("runs the first signature of a file alone, and not step", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
