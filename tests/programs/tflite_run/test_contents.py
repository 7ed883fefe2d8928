"""What is said of a file: its tensors and operators, and what each costs, counted by hand."""

import json
import tempfile
import unittest
from pathlib import Path

import built
import integer_net
import numpy as np
import tiny
from built import File, Graph, Operator, Tensor

from stagekit import Request, StageError
from tflite_run import contents, infer, parts


class Contents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def of(self, content):
        path = self.folder / "model.tflite"
        path.write_bytes(content)
        return json.loads(json.dumps(contents.of(parts.read(path)), allow_nan=False))

    def graph(self, content):
        (graph,) = self.of(content)["graphs"]
        return graph

    def test_the_operation_writes_them(self):
        (self.folder / "model.tflite").write_bytes(tiny.model())
        message = {"id": "1", "operation": "inspect", "parameters": {}}
        files = {"inputs": {"model": "model.tflite"}, "outputs": {"contents": "contents.json"}}
        self.assertEqual({}, infer.OPERATIONS["inspect"](Request({**message, **files}, self.folder, self.folder)))
        found = json.loads((self.folder / "contents.json").read_text())
        self.assertEqual(["ADD", "ADD"], [each["kind"] for each in found["graphs"][0]["operators"]])

    def test_each_operator_has_its_cost(self):
        operators = self.graph(built.content(integer_net.file()))["operators"]
        keys = ("kind", "version", "macs", "parameters", "weights", "memory", "alive")
        self.assertEqual(
            [
                # Its input is [1, 8, 8, 4], its output [1, 4, 4, 8], the kernel [8, 3, 3, 4], the bias 8 of int32.
                ("CONV_2D", 3, 4 * 4 * 8 * 36, 288 + 8, 288 + 32, 256 + 128, 256 + 128),
                ("MAX_POOL_2D", 2, 0, 0, 0, 128 + 32, 128 + 32),
                # Two numbers of int32 are the shape.
                ("RESHAPE", 1, 0, 0, 8, 64, 64),
                ("FULLY_CONNECTED", 4, 5 * 32, 160 + 5, 160 + 20, 32 + 5, 32 + 5),
                ("SOFTMAX", 2, 0, 0, 0, 10, 10),
            ],
            [tuple(each[key] for key in keys) for each in operators],
        )

    def test_the_file_has_what_all_keep(self):
        found = self.of(built.content(integer_net.file()))
        self.assertEqual((288 + 8 + 160 + 5, 288 + 32 + 8 + 160 + 20), (found["parameters"], found["weights"]))
        self.assertEqual([{"name": "image", "tensor": 0}], found["signatures"][0]["inputs"])

    def test_tensors_say_what_they_hold(self):
        x, kernel, bias, *_ = self.graph(built.content(integer_net.file()))["tensors"]
        self.assertEqual(
            ("int8", [1, 8, 8, 4], 256, False), tuple(x[key] for key in ("type", "shape", "size", "constant"))
        )
        self.assertAlmostEqual(0.02, x["scale"], places=6)
        self.assertEqual((3, 1), (x["zero_point"], x["channels"]))
        self.assertEqual((8, True, 288), (kernel["channels"], kernel["constant"], kernel["size"]))
        self.assertEqual(32, bias["size"])

    def test_a_size_that_is_open_counts_as_the_file_has_it(self):
        graph = self.graph(tiny.model(rows=-1, custom="Mine"))
        x, *_ = graph["tensors"]
        self.assertEqual(([1, 3], [0], 12), (x["shape"], x["open"], x["size"]))
        self.assertEqual("CUSTOM Mine", graph["operators"][1]["kind"])

    def test_what_waits_for_a_later_operator_is_in_use(self):
        # x and its negative wait for the sum: three of 40 bytes are in use when the second operator runs.
        tensors = [Tensor(name, (10,)) for name in ("x", "negative", "exp", "sum")]
        operators = [Operator("NEG", (0,), (1,)), Operator("EXP", (1,), (2,)), Operator("ADD", (2, 0), (3,))]
        found = self.graph(built.content(File([Graph(tensors, operators, (0,), (3,))])))["operators"]
        self.assertEqual([80, 120, 120], [each["alive"] for each in found])
        self.assertEqual([80, 80, 120], [each["memory"] for each in found])

    def test_outputs_stay_and_states_are_always_there(self):
        tensors = [Tensor(name, (10,)) for name in ("x", "first", "second", "third")]
        tensors.append(Tensor("state", (100,), variable=True))
        operators = [Operator("NEG", (at,), (at + 1,)) for at in range(3)]
        found = self.graph(built.content(File([Graph(tensors, operators, (0,), (1, 3))])))["operators"]
        self.assertEqual([480, 480, 520], [each["alive"] for each in found])

    def test_an_operator_that_reads_a_tensor_twice_counts_it_once(self):
        tensors = [Tensor("x", (10,)), Tensor("square", (10,))]
        (found,) = self.graph(built.content(File([Graph(tensors, [Operator("MUL", (0, 0), (1,))], (0,), (1,))])))[
            "operators"
        ]
        self.assertEqual((80, 80), (found["memory"], found["alive"]))

    def test_constants_that_several_share_count_once_in_all(self):
        three = np.array([1, 2, 3], np.float32)
        tensors = [Tensor("x", (3,)), Tensor("c", (3,), data=three), Tensor("y", (3,)), Tensor("z", (3,))]
        operators = [Operator("ADD", (0, 1), (2,)), Operator("MUL", (2, 1), (3,))]
        found = self.of(built.content(File([Graph(tensors, operators, (0,), (3,))])))
        self.assertEqual((3, 12), (found["parameters"], found["weights"]))
        self.assertEqual([3, 3], [each["parameters"] for each in found["graphs"][0]["operators"]])

    def test_scales_that_are_no_numbers_are_left_out(self):
        content = built.content(integer_net.tensor(integer_net.X, scales=[float("nan")]))
        self.assertIsNone(self.graph(content)["tensors"][0]["scale"])

    def test_a_file_that_is_cut_off_is_refused(self):
        whole = built.content(integer_net.file())
        for length in range(8, len(whole) - 16, 48):
            with self.subTest(length=length), self.assertRaises(StageError) as caught:
                self.of(whole[:length])
            self.assertEqual("usage", caught.exception.kind)


if __name__ == "__main__":
    unittest.main()
