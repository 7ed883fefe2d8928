import tempfile
import unittest
from pathlib import Path

import numpy as np

from stagekit import Request, arrays, profiles

SAMPLES = {
    "x": np.zeros((1, 3, 16, 16), np.float32),
    "ids": np.zeros((1, 64), np.int64),
    "mask": np.zeros((2, 64), bool),
    "scalar": np.array(0.5, np.float32),
}


class Seeded(unittest.TestCase):
    def setUp(self):
        self.made = profiles.seeded(SAMPLES, 0)

    def test_each_profile_has_each_input_as_the_model_takes_it(self):
        self.assertEqual(list(self.made), ["normal", "zeros", "ties", "large"])
        for name, profile in self.made.items():
            with self.subTest(name):
                self.assertEqual(arrays.describe(profile), arrays.describe(SAMPLES))

    def test_floats(self):
        normal, zeros, ties, large = (self.made[name]["x"] for name in profiles.NAMES)
        self.assertFalse(zeros.any())
        self.assertEqual(set(ties.ravel()), {-1, -0.5, 0, 0.5, 1})
        for array, deviation in ((normal, 1), (large, 1000)):
            self.assertAlmostEqual(array.std() / deviation, 1, delta=0.1)
            self.assertAlmostEqual(array.mean() / deviation, 0, delta=0.1)
            # No subnormal ones, which runtimes may take for 0.
            self.assertGreater(np.abs(array[array != 0]).min(), np.finfo(np.float32).tiny)

    def test_integers_are_ids_that_any_embedding_has(self):
        ids = {name: set(profile["ids"].ravel()) for name, profile in self.made.items()}
        self.assertEqual((ids["zeros"], ids["ties"]), ({0}, {0, 1}))
        for name in ("normal", "large"):
            self.assertTrue(ids[name] <= set(range(10)) and len(ids[name]) > 5)
        self.assertFalse(np.array_equal(self.made["normal"]["ids"], self.made["large"]["ids"]))
        masks = {name: set(profile["mask"].ravel()) for name, profile in self.made.items()}
        self.assertEqual(masks, {"normal": {0, 1}, "zeros": {0}, "ties": {0, 1}, "large": {0, 1}})

    def test_pixels_have_all_values_of_theirs(self):
        made = profiles.seeded({"image": np.zeros((1, 16, 16, 3), np.uint8)}, 0, {"image": 256})
        self.assertGreater(made["normal"]["image"].max(), 200)
        self.assertEqual({0, 1}, set(made["ties"]["image"].ravel()))

    def test_a_seed_makes_the_same_ones_and_another_seed_others(self):
        again, other = profiles.seeded(SAMPLES, 0), profiles.seeded(SAMPLES, 1)
        np.testing.assert_array_equal(again["normal"]["x"], self.made["normal"]["x"])
        self.assertFalse(np.array_equal(other["normal"]["x"], self.made["normal"]["x"]))
        profiles.seeded(SAMPLES, 2**32 - 1)

    def test_large_samples_have_none(self):
        self.assertEqual(profiles.seeded({"x": np.zeros((5000, 5000), np.float32)}, 0), {})


class Each(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def answer(self, run, seconds=0.0, given=None, outputs=("profiled",)):
        message = {"id": "1", "operation": "run", "parameters": {"seed": 0}, "inputs": {}}
        if given is not None:
            arrays.write(self.folder / "given.npz", given)
            message["inputs"]["profiles"] = "given.npz"
        request = Request(dict(message, outputs={name: name for name in outputs}), self.folder, self.folder)
        profiles.each(request, {"x": np.ones(3, np.float32)}, run, seconds)
        return arrays.read(self.folder / "profiled")

    def test_given_ones_are_run_each(self):
        given = {"ties/a/b": np.ones(2), "ties/c": np.zeros(2), "large/a/b": np.full(2, 5.0), "large/c": np.ones(2)}
        found = self.answer(lambda sample: {"sum": sample["a/b"] + sample["c"]}, given=given)
        self.assertEqual(
            {name: list(array) for name, array in found.items()}, {"ties/sum": [1, 1], "large/sum": [6, 6]}
        )

    def test_where_they_are_a_role_out_they_are_made_and_kept_whole(self):
        found = self.answer(lambda sample: {"y": sample["x"]}, outputs=("profiles", "profiled"))
        made = arrays.read(self.folder / "profiles")
        self.assertEqual([*made], ["normal/x", "zeros/x", "ties/x", "large/x"])
        for name in profiles.NAMES:
            np.testing.assert_array_equal(found[name + "/y"], made[name + "/x"])

    def test_what_a_model_does_not_take_is_left_out(self):
        def run(sample):
            if not sample["x"].any():
                raise IndexError("out of range")
            return {"y": sample["x"]}

        found = self.answer(run, outputs=("profiles", "profiled"))
        self.assertEqual([*found], ["normal/y", "ties/y", "large/y"])

    def test_a_slow_model_is_run_on_fewer(self):
        runs = []
        found = self.answer(lambda sample: runs.append(1) or sample, seconds=0.3, outputs=("profiles", "profiled"))
        self.assertEqual((found, runs), ({}, []))
        # All the same they are made: what later stages are given must not depend on time.
        self.assertEqual(len(arrays.read(self.folder / "profiles")), 4)
        self.assertEqual(len(self.answer(lambda sample: sample, seconds=0.2, outputs=("profiles", "profiled"))), 4)

    def test_nobody_asks(self):
        request = Request({"id": "1", "operation": "run", "parameters": {}, "inputs": {}, "outputs": {}}, ".", ".")
        profiles.each(request, {}, self.fail, 0.0)
