"""Metadata written into a file and read from it, and the file itself, which stays as it is."""

import io
import json
import tempfile
import unittest
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
from tensorflow_lite_support.metadata import schema_py_generated as schema

from stagekit import Request, StageError
from tflite_metadata import metadata

LABELS = "cat\nröd katt\nbird\n"
PLAIN = {"description": "", "mean": [], "std": [], "image": "", "labelled": False}
TOLD = {
    "name": "net",
    "description": "of a test",
    "labels": "labels.txt",
    "inputs": [
        {**PLAIN, "name": "größe", "tensor": "size"},
        {**PLAIN, "name": "image", "tensor": "x", "mean": [127.5], "std": [64.0], "image": "rgb", "description": "it"},
    ],
    "outputs": [{**PLAIN, "name": "scores", "tensor": "y", "labelled": True}],
}


def tensor(name, shape, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.buffer, made.type = name, shape, buffer, schema.TensorType.FLOAT32
    return made


def content():
    """A file of two inputs, in another order than the model's, with a constant and metadata of another kind."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "made by hand"
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    operator.inputs, operator.outputs = [0, 3], [2]
    graph.tensors = [tensor("x", [1, 2, 2, 3]), tensor("size", [1]), tensor("y", [1, 3]), tensor("c", [3], 1)]
    graph.inputs, graph.outputs, graph.operators = [0, 1], [2], [operator]
    model.operatorCodes, model.subgraphs = [code], [graph]
    model.buffers = [schema.BufferT(), schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.array([1, 2, 3], np.float32).view(np.uint8)
    model.buffers[2].data = np.frombuffer(b"1.5.0", np.uint8)
    other = schema.MetadataT()
    other.name, other.buffer = "min_runtime_version", 2
    model.metadata = [other]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class Metadata(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, given, labels=None, told=TOLD):
        (self.folder / "model.tflite").write_bytes(given)
        inputs = {"model": "model.tflite"}
        if labels is not None:
            (self.folder / "labels.txt").write_text(labels, encoding="utf-8")
            inputs["labels"] = "labels.txt"
        role = {"write": "model", "read": "metadata"}[operation]
        message = {"id": "1", "operation": operation, "parameters": told if operation == "write" else {}}
        message.update(inputs=inputs, outputs={role: "made"})
        metadata.OPERATIONS[operation](Request(message, self.folder, self.folder))
        return (self.folder / "made").read_bytes()

    def written(self, labels=LABELS, told=TOLD):
        return self.call("write", content(), labels, told)

    def test_what_is_written_is_read(self):
        found = json.loads(self.call("read", self.written()))
        self.assertEqual({"labels.txt": LABELS}, found["files"])
        told = found["metadata"]
        self.assertEqual(("net", "of a test"), (told["name"], told["description"]))
        (graph,) = told["subgraph_metadata"]
        image, size = graph["input_tensor_metadata"]
        self.assertEqual(("image", "it", "größe"), (image["name"], image["description"], size["name"]))
        self.assertEqual({"mean": [127.5], "std": [64.0]}, image["process_units"][0]["options"])
        self.assertEqual("RGB", image["content"]["content_properties"].get("color_space"))
        (scores,) = graph["output_tensor_metadata"]
        self.assertEqual("TENSOR_AXIS_LABELS", scores["associated_files"][0]["type"])

    def test_the_files_own_bytes_stay_at_multiples_of_16(self):
        given, made = content(), self.written()
        self.assertEqual(0, made.index(given) % 16)
        model = schema.Model.GetRootAsModel(made, 0)
        names = {model.Metadata(at).Name(): model.Metadata(at).Buffer() for at in range(model.MetadataLength())}
        self.assertEqual({b"min_runtime_version": 2, b"TFLITE_METADATA": 3}, names)
        data = model.Buffers(3).DataAsNumpy()
        place = data.__array_interface__["data"][0] - np.frombuffer(made, np.uint8).__array_interface__["data"][0]
        self.assertEqual(0, place % 16)

    def test_all_else_leads_to_where_it_led(self):
        def told(of):
            model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(of, 0))
            graph = model.subgraphs[0]
            constant = model.buffers[1].data.view(np.float32).tolist()
            names = [each.name for each in graph.tensors]
            return model.version, model.description, len(model.operatorCodes), names, constant, list(graph.inputs)

        self.assertEqual(told(content()), told(self.written()))

    def test_the_same_bytes_again(self):
        self.assertEqual(self.written(), self.written())

    def test_labels_are_a_file_that_any_zip_opens(self):
        with zipfile.ZipFile(io.BytesIO(self.written())) as archive:
            self.assertEqual(LABELS, archive.read("labels.txt").decode())

    def test_without_labels_nothing_follows(self):
        told = {**TOLD, "outputs": [{**TOLD["outputs"][0], "labelled": False}]}
        made = self.written(None, told)
        self.assertTrue(made.endswith(content()))
        self.assertEqual({}, json.loads(self.call("read", made))["files"])

    def test_damaged_metadata_is_refused(self):
        made = self.written()
        at = made.index(b"M001")
        for broken in (made[: at - 4] + b"\xff" * 64 + made[at + 60 :], content()):
            with self.assertRaises(StageError) as caught:
                self.call("read", broken)
            self.assertEqual("usage", caught.exception.kind)


if __name__ == "__main__":
    unittest.main()
