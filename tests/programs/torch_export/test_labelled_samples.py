"""Labelled samples and metrics of the user's own."""

import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np
from stage import RefusedError, ask

from stagekit import arrays
from torch_export import labelled_samples, metric

IMAGE = {"name": "image", "shape": [1, 2, 3], "dtype": "float32"}
IDS = {"name": "ids", "shape": [1, 4], "dtype": "int64"}


class FunctionCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "source").mkdir()

    def write(self, text):
        (self.folder / "source" / "data.py").write_text("import numpy as np\nimport torch\n" + textwrap.dedent(text))

    def refused(self, *says, call, **request):
        with self.assertRaises(RefusedError) as caught:
            call(**request)
        self.assertEqual("usage", caught.exception.kind)
        for text in says:
            self.assertIn(text, caught.exception.message)


class Gather(FunctionCase):
    def gather(self, *inputs, data=None):
        files = {"source": str(self.folder / "source")}
        if data is not None:
            (self.folder / "data.txt").write_text(data)
            files["data"] = str(self.folder / "data.txt")
        message = {
            "id": "1",
            "operation": "gather",
            "parameters": {"module": "data", "callable": "labelled", "inputs": list(inputs) or [IMAGE], "seed": 0},
            "inputs": files,
            "outputs": {"samples": "samples.npz", "labels": "labels.npz"},
        }
        self.assertEqual({}, ask(labelled_samples, message, self.folder / "out"))
        out = self.folder / "out"
        return arrays.read(out / "samples.npz"), arrays.read(out / "labels.npz")["labels"]

    def test_pairs_of_a_sample_and_its_label(self):
        self.write(
            """
            def labelled(data):
                for word in data.read_text().split():
                    yield torch.full((1, 2, 3), float(word)), int(word)
            """
        )
        samples, labels = self.gather(data="3 1")
        self.assertEqual(["image"], list(samples))
        self.assertEqual((2, 1, 2, 3), samples["image"].shape)
        self.assertEqual([3, 1], samples["image"][:, 0, 0, 0].tolist())
        self.assertEqual([3, 1], labels.tolist())

    def test_several_inputs_and_labels_that_are_arrays(self):
        self.write(
            """
            def labelled():
                image = np.zeros((1, 2, 3), np.float32)
                return [({"ids": np.arange(4).reshape(1, 4), "image": image}, torch.ones(5))]
            """
        )
        samples, labels = self.gather(IMAGE, IDS)
        self.assertEqual([0, 1, 2, 3], samples["ids"][0, 0].tolist())
        self.assertEqual((1, 5), labels.shape)

    def test_what_the_function_does_wrong(self):
        image = "np.zeros((1, 2, 3), np.float32)"
        cases = {
            "return 3": "labelled gives a value of type int, no samples",
            "return []": "labelled yields no sample",
            f"yield {image}": "sample 0 of labelled is no pair of a sample and its label",
            f"yield {image}, 'seven'": "its label is no number",
            f"yield {image}, float('nan')": "its label is no number",
            f"yield {image}, 1; yield {image}, [1, 2]": "its label is [2] of int64, the first one [] of int64",
            "yield np.zeros(3), 1": "input 'image' is [1, 2, 3] of float32, the sample [3] of float64",
            "raise ValueError('no')": "labelled fails: ValueError: no (data.py:4)",
        }
        for body, says in cases.items():
            with self.subTest(body):
                self.write(f"def labelled():\n    {body}\n")
                self.refused(says, call=self.gather)
        self.write("def labelled(data): ...\n")
        self.refused("labelled can't be called with 0 argument(s)", call=self.gather)


class Metric(FunctionCase):
    def score(self, *outputs, names=("loss",)):
        files = {"source": str(self.folder / "source"), "labels": str(self.folder / "labels.npz")}
        arrays.write(self.folder / "labels.npz", {"labels": np.array([1.0, 2.0])})
        for at, values in enumerate(outputs):
            path = self.folder / f"outputs_{at}.npz"
            arrays.write(path, {"y": np.array(values)})
            files[path.stem] = str(path)
        parameters = {"metrics": [{"module": "data", "callable": name} for name in names], "outputs": len(outputs)}
        message = {
            "id": "1",
            "operation": "score",
            "parameters": dict(parameters, seed=0),
            "inputs": files,
            "outputs": {},
        }
        return ask(metric, message, self.folder / "out")["scores"]

    def test_a_number_for_each_of_the_outputs_and_metrics(self):
        self.write(
            """
            def loss(outputs, labels):
                return np.abs(outputs["y"] - labels).sum()
            def count(outputs, labels):
                return len(labels)
            """
        )
        self.assertEqual([[0.0, 2.0], [1.5, 2.0]], self.score([1.0, 2.0], [2.5, 2.0], names=("loss", "count")))

    def test_what_is_no_metric(self):
        for body, says in {
            "return 'good'": "loss gives 'good', no number",
            "return float('nan')": "loss gives nan, no number",
            "return outputs['z']": "loss fails: KeyError: 'z' (data.py:4)",
        }.items():
            with self.subTest(body):
                self.write(f"def loss(outputs, labels):\n    {body}\n")
                self.refused(says, call=lambda: self.score([1.0, 2.0]))
        self.write("def loss(outputs): ...\n")
        self.refused("loss can't be called with 2 argument(s)", call=lambda: self.score([1.0, 2.0]))
