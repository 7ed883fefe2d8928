"""Samples shared among processors: however many there are, the same comes out."""

import os
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf
from test_methods import windows
from test_variants import Stage, placeholder, weights

from stagekit import memory
from tflite_convert import calibration, conversion, flatbuffer, shares

METHODS = (
    {},
    {"equalize": True, "correct_bias": True},
    {"ranges": "percentile=99", "symmetric": True},
    {"round": "adaptive"},
)


def processors(count):
    return mock.patch.object(os, "sched_getaffinity", return_value=set(range(count)))


def masked():
    """Rows of which a softmax sees a part."""
    x = placeholder("x", 1, 4, 8)
    mask = tf.constant(np.float32([0, 0, 0, 0, 0, -1e4, -1e4, -1e4]))
    return {"x": x}, {"scores": tf.nn.softmax(tf.matmul(x, weights(8, 8)) + mask, name="scores")}


def doubled():
    x = placeholder("x", 1, 2)
    return {"x": x}, {"y": tf.add(x, x, name="y")}


class Shares(unittest.TestCase):
    def test_each_share_has_a_process_and_its_place(self):
        with processors(3):
            found = shares.each([*"abcdefg"], lambda share, first: (share, first, os.getpid()))
        self.assertEqual([([*"ab"], 0), ([*"cd"], 2), ([*"efg"], 4)], [(share, first) for share, first, _ in found])
        self.assertEqual(os.getpid(), found[0][2])
        self.assertEqual(3, len({process for _, _, process in found}))

    def test_no_more_shares_than_samples_and_one_of_samples_that_belong_together(self):
        with processors(5):
            self.assertEqual(2, len(shares.each([1, 2], lambda *share: share)))
            self.assertEqual([([1, 2, 3], 0)], shares.each([1, 2, 3], lambda *share: share, apart=False))

    def test_a_share_whose_process_ends_is_worked_on_here(self):
        here = os.getpid()

        def work(share, _):
            return sum(share) if os.getpid() == here else os._exit(1)

        with processors(2):
            self.assertEqual([3, 7], shares.each([1, 2, 3, 4], work))

    def test_the_memory_of_each_process_counts(self):
        size = 64 * 2**20
        before = memory.peak()

        def work(_, first):
            if first:
                np.ones(size, np.uint8)
            return first

        with processors(3):
            self.assertEqual([0, 1, 2], shares.each([1, 2, 3], work))
        # Pages of libraries that a process meets meanwhile are not its own.
        self.assertGreater(memory.peak(), before + 1.9 * size)
        self.assertLess(memory.peak(), before + 3 * size)

    def test_what_a_share_raises_is_raised_here(self):
        with processors(2), self.assertRaisesRegex(ZeroDivisionError, "division by zero"):
            shares.each([1, 0], lambda share, _: 1 / share[0])


class Calibrations(Stage):
    def test_the_bytes_of_variants(self):
        for build in (windows, masked):
            self.setUp()
            self.save(build)
            samples = self.seeded(7)
            for variant in ("int8", "int16x8"):
                for method in METHODS if build is windows else METHODS[:1]:
                    with self.subTest(build.__name__, variant=variant, **method):
                        made = []
                        for count in (1, 2, 3):
                            conversion.opened.cache_clear()
                            with processors(count):
                                self.convert(variant, samples, **({"quantization": method} if method else {}))
                            made.append(self.content(variant))
                        self.assertEqual(made[:1] * 3, made)

    def test_the_sign_of_zeros_is_that_of_the_first(self):
        self.save(doubled)
        self.convert("float32")
        for zeros in ([0.0, -0.0, -0.0], [-0.0, 0.0, 0.0], [-0.0, 0.0, -1.0]):
            made = []
            for count in (1, 2, 3):
                samples = [{"x": np.full((1, 2), zero, np.float32)} for zero in zeros]
                with processors(count):
                    made.append(calibration.ranged(self.content("float32"), ["x"], samples))
            self.assertEqual(made[:1] * 3, made)

    def test_files_that_keep_state_or_have_other_operators_see_all_samples_in_a_row(self):
        self.save(windows)
        self.convert("float32")
        model = flatbuffer.unpacked(self.content("float32"))
        self.assertTrue(flatbuffer.runs_apart(model))
        model.subgraphs[0].tensors[-1].isVariable = True
        self.assertFalse(flatbuffer.runs_apart(model))
        model.subgraphs[0].tensors[-1].isVariable = False
        model.operatorCodes[-1].customCode = b"FlexErf"
        self.assertFalse(flatbuffer.runs_apart(model))


if __name__ == "__main__":
    unittest.main()
