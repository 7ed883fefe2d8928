import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np
from PIL import Image
from stage import RefusedError, ask

from stagekit import arrays
from torch_export import representative_dataset

IMAGE = {"name": "image", "shape": [1, 3, 4, 6], "dtype": "float32"}
IDS = {"name": "ids", "shape": [2, 5], "dtype": "int64"}


class CalibrateCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.source = self.folder / "source"
        self.source.mkdir()

    def calibrate(self, kind, *inputs, data=None, **parameters):
        """The preparation and the samples."""
        settings = {"kind": kind, "module": "data", "callable": "samples", "mean": [], "std": [], "seed": 0}
        message = {
            "id": "1",
            "operation": "calibrate",
            "parameters": dict(settings, inputs=list(inputs), **parameters),
            "inputs": dict({"source": str(self.source)}, **({"data": str(data)} if data else {})),
            "outputs": {"samples": "samples.npz"},
        }
        result = ask(representative_dataset, message, self.folder / "out")
        return result["preparation"], arrays.read(self.folder / "out" / "samples.npz")

    def refused(self, *says, **request):
        with self.assertRaises(RefusedError) as caught:
            self.calibrate(request.pop("kind"), *request.pop("inputs"), **request)
        self.assertEqual("usage", caught.exception.kind)
        for text in says:
            self.assertIn(text, caught.exception.message)
        return caught.exception


class Functions(CalibrateCase):
    def write(self, body):
        text = "import numpy as np\nimport random\nimport torch\n\n\ndef samples():\n"
        (self.source / "data.py").write_text(text + textwrap.indent(textwrap.dedent(body), "    "))

    def yielded(self, body, *inputs):
        self.write(body)
        preparation, samples = self.calibrate("python", *inputs)
        self.assertEqual(preparation, "")
        return samples

    def test_a_function_with_a_parameter_gets_the_path_of_the_data(self):
        path = self.folder / "data.npy"
        np.save(str(path), np.full([1, 3, 4, 6], 7, np.float32))
        (self.source / "data.py").write_text(
            "import numpy as np\n\n\ndef samples(data, times=2):\n    return [np.load(str(data))] * times\n\n\n"
            "def plain(times=3):\n    return [np.zeros([1, 3, 4, 6], np.float32)] * times\n"
        )
        _, samples = self.calibrate("python", IMAGE, data=path)
        self.assertEqual((2, 7), (len(samples["image"]), samples["image"].max()))
        _, samples = self.calibrate("python", IMAGE, data=path, callable="plain")
        self.assertEqual(3, len(samples["image"]))
        said = self.refused("samples wants arguments", kind="python", inputs=(IMAGE,))
        self.assertIn("--data", said.hint)

    def refused_for(self, body, *says, inputs=(IMAGE,)):
        self.write(body)
        return self.refused(*says, kind="python", inputs=inputs)

    def test_dicts_by_name_and_tuples_in_order(self):
        for body in (
            "for n in range(3): yield {'ids': torch.full((2, 5), n), 'image': torch.ones(1, 3, 4, 6)}",
            "for n in range(3): yield torch.ones(1, 3, 4, 6), np.full((2, 5), n)",
        ):
            samples = self.yielded(body, IMAGE, IDS)
            self.assertEqual(list(samples), ["image", "ids"])
            self.assertEqual(samples["image"].shape, (3, 1, 3, 4, 6))
            np.testing.assert_array_equal(samples["ids"][:, 0, 0], [0, 1, 2])

    def test_single_arrays_with_and_without_the_batch_and_several_at_once(self):
        body = """
            yield torch.zeros(3, 4, 6)
            yield np.ones((1, 3, 4, 6), np.float32)
            yield torch.full((2, 3, 4, 6), 2.0, requires_grad=True)
        """
        samples = self.yielded(body, IMAGE)["image"]
        np.testing.assert_array_equal(samples[:, 0, 0, 0, 0], [0, 1, 2, 2])

    def test_a_number_is_a_sample_of_an_input_that_is_one(self):
        samples = self.yielded(
            "return [np.float32(2), torch.tensor(3.0)]", {"name": "s", "shape": [], "dtype": "float32"}
        )
        np.testing.assert_array_equal(samples["s"], [2, 3])

    def test_what_is_drawn_at_random_is_the_seeds(self):
        body = "return [torch.rand(3, 4, 6) + random.random() + float(np.random.rand()) for _ in range(2)]"
        first, again = (self.yielded(body, IMAGE)["image"] for _ in range(2))
        np.testing.assert_array_equal(first, again)

    def test_samples_that_do_not_fit_are_named(self):
        self.refused_for("yield {'picture': 1}", "sample 0", "is of picture, the inputs are image")
        self.refused_for("yield 1, 2", "2 values for 1 inputs")
        self.refused_for("yield torch.zeros(3, 4, 6)\nyield torch.zeros(3, 4, 4)", "sample 1", "[3, 4, 4]")
        self.refused_for("yield np.zeros((3, 4, 6))", "of float64")
        self.refused_for("yield {}", "is of , the inputs are image")
        self.refused_for("yield torch.zeros(3, 5, dtype=torch.int64)", "[3, 5]", inputs=(IDS,))
        self.refused_for("yield 'words'", "[]")

    def test_functions_that_are_none_of_samples(self):
        self.refused_for("return []", "yields no sample")
        self.refused_for("return 3", "a value of type int, no samples")
        self.refused_for("raise OSError('no such file')", "OSError: no such file", "data.py:7")
        self.refused_for("yield torch.zeros(3, 4, 6)\nraise ValueError('late')", "ValueError: late", "data.py:8")
        (self.source / "data.py").write_text("def samples(count): ...\n\n\nnumber = 3\n")
        self.refused("wants arguments", kind="python", inputs=[IMAGE])
        self.refused("can't be called", kind="python", inputs=[IMAGE], callable="number")
        self.refused("has no absent", kind="python", inputs=[IMAGE], callable="absent")
        self.refused("no module other", kind="python", inputs=[IMAGE], module="other")


class Images(CalibrateCase):
    def save(self, name, height, width, colour=(255, 128, 0), mode="RGB"):
        Image.new(mode, (width, height), colour).save(str(self.source / name))

    def test_pixels_become_the_input(self):
        self.save("b.png", 4, 6)
        self.save("a.jpg", 40, 60, (0, 0, 0))
        preparation, samples = self.calibrate("images", IMAGE, mean=[0.5, 0.5, 0.5], std=[0.25])
        self.assertEqual(samples["image"].shape, (2, 1, 3, 4, 6))
        self.assertEqual(samples["image"].dtype, np.float32)
        np.testing.assert_array_equal(samples["image"][0], np.full((1, 3, 4, 6), -2))
        np.testing.assert_allclose(samples["image"][1, 0, :, 1, 1], [2, (128 / 255 - 0.5) * 4, -2], rtol=1e-6)
        for words in ("2 images as RGB", "6x4", "bilinear", "less 0.5, 0.5, 0.5", "over 0.25"):
            self.assertIn(words, preparation)

    def test_another_shape_is_cut_around_the_centre(self):
        picture = np.zeros((8, 24, 3), np.uint8)
        picture[:, 4:20] = 255
        Image.fromarray(picture).save(str(self.source / "wide.png"))
        _, samples = self.calibrate("images", IMAGE)
        # The 12 columns in the middle have the proportions of the input; those are white, and some beside them.
        np.testing.assert_array_equal(samples["image"], np.ones((1, 1, 3, 4, 6), np.float32))

    def test_grey_inputs_palettes_and_channels_last(self):
        self.save("a.png", 4, 6)
        self.save("b.gif", 4, 6, 3, "P")
        _, samples = self.calibrate("images", dict(IMAGE, shape=[1, 1, 4, 6]))
        self.assertEqual(samples["image"].shape, (2, 1, 1, 4, 6))
        _, samples = self.calibrate("images", dict(IMAGE, shape=[1, 4, 6, 3]))
        np.testing.assert_allclose(samples["image"][0, 0, 1, 1], [1, 128 / 255, 0], rtol=1e-6)

    def test_inputs_that_are_the_pixels(self):
        self.save("a.png", 4, 6)
        preparation, samples = self.calibrate("images", dict(IMAGE, shape=[1, 4, 6, 3], dtype="uint8"))
        np.testing.assert_array_equal(samples["image"][0, 0, 1, 1], np.array([255, 128, 0], np.uint8))
        self.assertEqual("uint8", str(samples["image"].dtype))
        self.assertIn("scaled to [0, 255]", preparation)
        self.refused("the pixels themselves", kind="images", inputs=[dict(IMAGE, dtype="uint8")], mean=[0.5])

    def test_images_beyond_the_last_whole_batch_are_left_out(self):
        for number in range(5):
            self.save(f"{number}.png", 4, 6, (number, 0, 0))
        preparation, samples = self.calibrate("images", dict(IMAGE, shape=[2, 3, 4, 6]))
        np.testing.assert_allclose(samples["image"][:, :, 0, 0, 0] * 255, [[0, 1], [2, 3]], atol=1e-4)
        self.assertIn("4 images", preparation)
        self.refused("less than one batch of 8", kind="images", inputs=[dict(IMAGE, shape=[8, 3, 4, 6])])

    def test_what_is_no_image_is_named(self):
        self.save("a.png", 4, 6)
        (self.source / "b.png").write_bytes((self.source / "a.png").read_bytes()[:40])
        self.refused("b.png can't be read", kind="images", inputs=[IMAGE])

    def test_models_that_take_no_image(self):
        self.save("a.png", 4, 6)
        for inputs in ([IMAGE, IDS], [IDS], [dict(IMAGE, dtype="int64")], [dict(IMAGE, shape=[1, 5, 4, 6])], []):
            self.refused("image", kind="images", inputs=inputs)
        self.refused("--mean has 2 numbers", kind="images", inputs=[IMAGE], mean=[1, 2])


if __name__ == "__main__":
    unittest.main()
