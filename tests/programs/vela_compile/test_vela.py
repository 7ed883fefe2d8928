"""Small files compiled by Vela: what is on the NPU, what is not and why, and that nothing of it there is told."""

import json
import tempfile
import unittest
from pathlib import Path

import built
import integer_net
import tiny

from stagekit import Request, StageError
from tflite_run import parts
from vela_compile import placement, vela

# Of the net's convolution and its dense layer.
MACS = [4 * 4 * 8 * 3 * 3 * 4, 0, 0, 5 * 32, 0]
LOGS = built.Operator("LOG_SOFTMAX", (integer_net.DENSE,), (integer_net.SCORES,), "LogSoftmaxOptions", {}, 2)


def ending_in_logarithms():
    return built.content(integer_net.file(operators=[*integer_net.OPERATORS[:4], LOGS]))


class Compile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compiled(self, content, macs=MACS, accelerator="ethos-u55-128", name="compiled.tflite"):
        (self.folder / "model.tflite").write_bytes(content)
        (self.folder / "operators.json").write_text(json.dumps({"operators": [{"macs": each} for each in macs]}))
        message = {"id": "1", "operation": "compile", "parameters": {"accelerator": accelerator}}
        inputs = {"model": "model.tflite", "operators": "operators.json"}
        request = Request(dict(message, inputs=inputs, outputs={"compiled": name}), self.folder, self.folder)
        return vela.OPERATIONS["compile"](request)

    def test_a_net_of_integers_is_all_on_the_npu(self):
        found = self.compiled(built.content(integer_net.file()))
        self.assertEqual((found["on"], found["off"], found["warnings"]), (5, [], []))
        self.assertEqual((found["macs"], found["macs_on"]), (sum(MACS), sum(MACS)))
        self.assertGreater(found["sram"], 256)
        self.assertGreater(found["off_chip_flash"], 8 * 3 * 3 * 4)
        self.assertGreater(found["milliseconds"], 0)
        self.assertEqual(found["compiler"], "ethos-u-vela 5.2.0")
        (graph,) = parts.read(self.folder / "compiled.tflite").graphs
        self.assertEqual([operator.kind for operator in graph.operators], [placement.NPU])

    def test_what_stays_on_the_processor_has_a_reason(self):
        found = self.compiled(ending_in_logarithms())
        left = {"number": 4, "operator": "LOG_SOFTMAX", "tensor": "scores", "reason": "Unsupported opType"}
        self.assertEqual((found["on"], found["off"], found["warnings"]), (4, [left], []))
        self.assertEqual(found["macs_on"], found["macs"])

    def test_multiplications_on_the_processor_are_a_warning(self):
        found = self.compiled(ending_in_logarithms(), macs=[0, 0, 0, 60, 40])
        self.assertEqual((found["macs"], found["macs_on"]), (100, 60))
        (warning,) = found["warnings"]
        self.assertIn("only 60.0% of its multiply-adds run on ethos-u55-128; on the processor: ", warning)
        self.assertIn("LOG_SOFTMAX 4 (Unsupported opType)", warning)

    def test_nothing_on_the_npu_is_a_warning(self):
        found = self.compiled(tiny.model(), macs=[0, 0])
        self.assertEqual((found["on"], found["macs_on"], found["milliseconds"]), (0, 0, None))
        self.assertEqual([each["operator"] for each in found["off"]], ["ADD", "ADD"])
        (warning,) = found["warnings"]
        self.assertIn("nothing of it runs on ethos-u55-128, all 2 operators on the processor: ADD 0 (", warning)
        self.assertIn("unsupported DataType Float32", warning)

    def test_every_accelerator_of_its_list(self):
        content = built.content(integer_net.file())
        for accelerator in ("ethos-u55-32", "ethos-u65-512", "ethos-u85-2048"):
            found = self.compiled(content, accelerator=accelerator, name=f"{accelerator}.tflite")
            self.assertEqual(found["on"], 5)
        self.assertGreater(found["dram"], 0)

    def test_the_same_bytes_again(self):
        content = built.content(integer_net.file())
        one, two = (self.compiled(content, name=name) for name in ("one.tflite", "two.tflite"))
        self.assertEqual(one, two)
        self.assertEqual((self.folder / "one.tflite").read_bytes(), (self.folder / "two.tflite").read_bytes())

    def test_what_it_can_not_compile_is_refused_in_its_words(self):
        with self.assertRaisesRegex(StageError, "Vela can't compile it for ethos-u55-99: .*ethos-u55-99") as caught:
            self.compiled(built.content(integer_net.file()), accelerator="ethos-u55-99")
        self.assertEqual(caught.exception.kind, "model")
        with self.assertRaisesRegex(StageError, "no TFLite file"):
            self.compiled(b"no file of TFLite's")


class Reasons(unittest.TestCase):
    def test_lines_after_a_reason_belong_to_it(self):
        said = [
            "Warning (supported operators) operator: CONV_2D, ofm: 'it's a name'",
            "Reason: stride out of range",
            "must be 1x1",
            "",
            "must be something else",
        ]
        self.assertEqual(placement.reasons(said), {"it's a name": "stride out of range; must be 1x1"})
