import tempfile
import unittest
from pathlib import Path

import numpy as np

from stagekit import Request, StageError, arrays, samples

FLOAT = {"name": "x", "shape": [2, 3], "dtype": "float32"}
INT = {"name": "ids", "shape": [4], "dtype": "int64"}


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "arrays.npz"

    def test_names_order_and_values_survive(self):
        given = {"z": np.arange(6.0).reshape(2, 3), "file": np.array(7), "a/b:0": np.ones((2, 0), np.int8)}
        arrays.write(self.path, given)
        found = arrays.read(self.path)
        self.assertEqual(list(found), list(given))
        for name, array in given.items():
            np.testing.assert_array_equal(found[name], array)
            self.assertEqual(found[name].dtype, array.dtype)

    def test_the_same_arrays_give_the_same_bytes(self):
        given = np.arange(12.0).reshape(3, 4)
        arrays.write(self.path, {"x": given})
        first = self.path.read_bytes()
        arrays.write(self.path, {"x": np.asfortranarray(given)})
        self.assertEqual(self.path.read_bytes(), first)

    def test_numpy_reads_what_is_written(self):
        arrays.write(self.path, {"x": np.ones(3)})
        with np.load(str(self.path)) as archive:
            np.testing.assert_array_equal(archive["x"], np.ones(3))


class Seeded(unittest.TestCase):
    def test_follows_the_seed_and_the_specs(self):
        mask = {"name": "mask", "shape": [], "dtype": "bool"}
        made = arrays.seeded([FLOAT, INT, mask], 3)
        self.assertEqual(arrays.describe(made), [FLOAT, INT, mask])
        np.testing.assert_array_equal(made["x"], arrays.seeded([FLOAT], 3)["x"])
        self.assertFalse((made["x"] == arrays.seeded([FLOAT], 4)["x"]).all())
        self.assertTrue(((made["x"] >= 0) & (made["x"] <= 1)).all())
        self.assertTrue(((made["ids"] >= 0) & (made["ids"] < 10)).all())

    def test_integers_of_a_mask_are_0_and_1(self):
        inputs = [{"name": name, "shape": [50], "dtype": "int64"} for name in ("attention_mask", "Mask", "ids")]
        made = arrays.seeded(inputs, 0, {"Mask": 1})
        self.assertEqual([array.max() for array in made.values()], [1, 0, 9])

    def test_refuses_what_no_machine_has_room_for(self):
        for shape in [2**40, 2**40], [2**20, 2**11]:
            with self.assertRaisesRegex(StageError, "more than 4 GiB"):
                arrays.seeded([dict(FLOAT, shape=shape)], 0)

    def test_refuses_a_dtype_without_numbers(self):
        with self.assertRaisesRegex(StageError, "'x'.*object"):
            arrays.seeded([dict(FLOAT, dtype="object")], 0)


class Matching(unittest.TestCase):
    def test_gives_the_order_of_the_inputs(self):
        given = arrays.seeded([INT, FLOAT], 0)
        self.assertEqual(list(arrays.matching(given, [FLOAT, INT])), ["x", "ids"])

    def test_an_open_size_takes_any(self):
        arrays.matching({"x": np.ones((7, 3), np.float32)}, [dict(FLOAT, shape=[None, 3])])

    def test_says_what_does_not_fit(self):
        for array, words in (
            (np.ones((2, 4), np.float32), r"\[2, 3\] of float32, its sample \[2, 4\]"),
            (np.ones((2, 3)), "of float64"),
            (np.ones((2, 3, 1), np.float32), r"\[2, 3, 1\]"),
        ):
            with self.subTest(words), self.assertRaisesRegex(StageError, words) as caught:
                arrays.matching({"x": array}, [FLOAT])
            self.assertEqual(caught.exception.kind, "usage")
        with self.assertRaisesRegex(StageError, "named y, the inputs x"):
            arrays.matching({"y": np.ones((2, 3), np.float32)}, [FLOAT])


class OfARequest(unittest.TestCase):
    def request(self, inputs):
        message = {"id": "1", "operation": "check", "parameters": {"inputs": inputs, "seed": 0}, "inputs": {}}
        return Request(dict(message, outputs={}), "/", "/")

    def test_seeded_when_it_brings_none(self):
        self.assertEqual(arrays.describe(samples.of(self.request([]), [FLOAT])), [FLOAT])

    def test_an_open_size_must_be_given(self):
        specs = [dict(FLOAT, shape=[None, 3])]
        with self.assertRaisesRegex(StageError, r"x.*\?x3") as caught:
            samples.of(self.request([]), specs)
        self.assertEqual((caught.exception.kind, caught.exception.hint), ("usage", "give it, e.g. --input x=1x3"))
        self.assertEqual(samples.of(self.request([FLOAT]), specs)["x"].shape, (2, 3))

    def test_the_others_are_the_model_s(self):
        specs = [FLOAT, {"name": "k", "shape": [None], "dtype": "int64"}]
        found = samples.of(self.request([dict(specs[1], shape=[5])]), specs)
        self.assertEqual([("x", (2, 3)), ("k", (5,))], [(name, array.shape) for name, array in found.items()])

    def test_a_given_input_must_be_one_of_the_model_s(self):
        with self.assertRaisesRegex(StageError, "--input names 'q', the inputs of the model are x") as caught:
            samples.of(self.request([dict(FLOAT, name="q")]), [FLOAT])
        self.assertEqual("usage", caught.exception.kind)

    def test_a_given_shape_must_fit(self):
        with self.assertRaisesRegex(StageError, r"\[2, 3\] of float32, its sample \[1, 3\]"):
            samples.of(self.request([dict(FLOAT, shape=[1, 3])]), [FLOAT])
