"""Small files in a browser: what it computes, what it refuses, and in which words."""

import os
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

import built
import numpy as np
import tiny
from built import File, Graph, Operator, Tensor

from stagekit import Request, StageError, arrays
from web_run import web, web_interpreter
from web_run.browser import Browser, PageError

X = np.array([[1, 2, 3]], np.float32)
ADDED = np.array([1, 2, 3], np.float32)


def unary(kind, dtype="float32", shape=(1, 4), **options):
    """A file of one operator without options."""
    tensors = [Tensor("x", shape, dtype), Tensor("y", shape, dtype)]
    return built.content(File([Graph(tensors, [Operator(kind, (0,), (1,), **options)], (0,), (1,))]))


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, content, samples, **parameters):
        (self.folder / "model.tflite").write_bytes(content)
        arrays.write(self.folder / "given.npz", samples)
        parameters = {"inputs": [], "outputs": [], "threads": 1, **parameters}
        outputs = {"outputs": "outputs.npz"} if operation == "infer" else {}
        inputs = {"model": "model.tflite", "samples": "given.npz"}
        message = {"id": "1", "operation": operation, "parameters": parameters, "inputs": inputs, "outputs": outputs}
        return web.OPERATIONS[operation](Request(message, self.folder, self.folder))

    def refused(self, words, content, samples):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call("infer", content, samples)
        self.assertEqual(caught.exception.kind, "model")
        self.assertTrue(caught.exception.hint)


class Infer(Stage):
    def test_outputs_and_operator_counts(self):
        result = self.call("infer", tiny.model(), {"x": X})
        self.assertEqual([each["name"] for each in result["outputs"]], ["first", "second"])
        self.assertEqual(result["ops"], {"ADD": 2})
        outputs = arrays.read(self.folder / "outputs.npz")
        np.testing.assert_array_equal(outputs["first"], X + ADDED)
        np.testing.assert_array_equal(outputs["second"], X + 2 * ADDED)

    def test_a_signature_names_tensors_in_another_order(self):
        self.call("infer", tiny.model(signed=({"given": 0}, {"b": 3, "a": 2})), {"given": X})
        outputs = arrays.read(self.folder / "outputs.npz")
        self.assertEqual(list(outputs), ["a", "b"])
        np.testing.assert_array_equal(outputs["a"], X + ADDED)
        np.testing.assert_array_equal(outputs["b"], X + 2 * ADDED)

    def test_it_answers_again_in_the_same_page(self):
        for factor in (1, 2):
            self.call("infer", tiny.model(), {"x": X * factor})
            np.testing.assert_array_equal(arrays.read(self.folder / "outputs.npz")["first"], X * factor + ADDED)

    def test_types_that_no_page_has(self):
        for dtype in ("int8", "int64"):
            words = f"inputs and outputs of float32, int32, uint8 alone: x is {dtype}, y is {dtype}"
            self.refused(words, unary("RELU", dtype), {"x": np.ones((1, 4), dtype)})

    def test_an_operator_that_it_lacks(self):
        self.refused("unresolved custom op: Strange", tiny.model(custom="Strange"), {"x": X})
        # The page is still there.
        self.call("infer", tiny.model(), {"x": X})

    def test_sizes_are_fixed(self):
        self.refused(
            "LiteRT.js has no tensors of open sizes: the input x is not to be 2x3",
            tiny.model(-1),
            {"x": np.concatenate([X, X])},
        )


class Time(Stage):
    def test_as_many_invocations_as_there_is_time_for(self):
        for least, most, seconds, runs in ((2, 2, 0, 2), (3, 9, 0, 3), (1, 7, 60, 7)):
            found = self.call("time", tiny.model(), {"x": X}, least=least, most=most, seconds=seconds)
            latency = found["latency_ms"]
            self.assertEqual((latency["runs"], latency["threads"]), (runs, 1))
            self.assertLessEqual(latency["min"], latency["median"])
            self.assertEqual(found["warnings"], [])


class ThePage(unittest.TestCase):
    def setUp(self):
        self.browser = Browser()
        self.addCleanup(self.browser._end)

    def test_nobody_else_is_answered(self):
        server = self.browser._server
        host = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(server.address) as answer:
            self.assertEqual(answer.headers["Cross-Origin-Opener-Policy"], "same-origin")
        for place in ("/page.html", "/another/page.html", "/another/next", f"/{server.secret}/npm/../web.py"):
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(host + place)

    def test_a_page_that_has_crashed_is_told(self):
        with self.assertRaises(PageError):
            self.browser.ask("open", model="absent")
        renderers = subprocess.check_output(
            ["pgrep", "--full", f"type=renderer.*{self.browser._profile}"], text=True
        ).split()
        with self.assertRaisesRegex(MemoryError, "the page in the browser does not answer any more"):
            for renderer in renderers:
                os.kill(int(renderer), signal.SIGKILL)
            self.browser.ask("open", model="0")

    def test_a_long_path_of_temporary_files(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch("tempfile.tempdir", str(Path(folder, "long" * 30))):
            Path(tempfile.tempdir).mkdir()
            browser = Browser()
            self.addCleanup(browser._end)
            with self.assertRaisesRegex(PageError, "Failed to load"):
                browser.ask("open", model="absent")

    def test_what_the_browser_takes_is_counted(self):
        self.assertGreater(web_interpreter._BROWSER.taken(), 2**26)


if __name__ == "__main__":
    unittest.main()
