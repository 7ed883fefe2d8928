"""What operators of .tflite files cost, counted by hand, and what is counted of files that make no sense."""

import unittest

from stagekit import file_cost
from stagekit.file_cost import Operand


def operands(*shapes):
    return [None if shape is None else Operand(shape) for shape in shapes]


# The shapes of what an operator reads and gives, and its multiplications.
COUNTED = {
    "CONV_2D": (operands((1, 8, 8, 4), (8, 3, 3, 4), (8,)), operands((1, 4, 4, 8)), 4 * 4 * 8 * 36),
    "DEPTHWISE_CONV_2D": (operands((1, 8, 8, 6), (1, 3, 3, 6)), operands((1, 8, 8, 6)), 8 * 8 * 6 * 9),
    "CONV_3D": (operands((1, 4, 4, 4, 2), (3, 3, 3, 2, 5)), operands((1, 2, 2, 2, 5)), 8 * 5 * 54),
    "FULLY_CONNECTED": (operands((4, 7), (5, 7), None), operands((4, 5)), 4 * 5 * 7),
    "TRANSPOSE_CONV": (operands((4,), (5, 2, 2, 3), (1, 4, 4, 3)), operands((1, 8, 8, 5)), 48 * 20),
    "BATCH_MATMUL": (operands((2, 3, 4), (2, 4, 6)), operands((2, 3, 6)), 2 * 3 * 6 * 4),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (
        [*operands((1, 9, 3), (5, 3), (5, 5), (5,)), Operand((1, 5), variable=True)],
        operands((1, 9, 5)),
        9 * (15 + 25),
    ),
    "SVDF": (
        [*operands((1, 10), (8, 10), (8, 6), None), Operand((1, 48), variable=True)],
        operands((1, 8)),
        8 * 10 + 8 * 6,
    ),
    "ADD": (operands((1, 3), (3,)), operands((1, 3)), 0),
    "CUSTOM Mine": ([], [], 0),
}


class FileCost(unittest.TestCase):
    def test_each_kind_is_counted(self):
        for kind, (reads, gives, macs) in COUNTED.items():
            with self.subTest(kind):
                self.assertEqual(macs, file_cost.macs(kind, reads, gives))

    def test_a_product_may_transpose_its_first_matrix(self):
        reads, gives = operands((2, 4, 3), (2, 4, 6)), operands((2, 3, 6))
        self.assertEqual(2 * 3 * 6 * 4, file_cost.macs("BATCH_MATMUL", reads, gives, transposes_first=True))

    def test_an_operator_without_what_it_needs_has_none(self):
        for kind, (reads, gives, _) in COUNTED.items():
            for broken in ([], [None] * len(reads), operands(*[()] * len(reads))):
                with self.subTest(kind, broken=broken):
                    self.assertGreaterEqual(file_cost.macs(kind, broken, gives), 0)
                    self.assertEqual(0, file_cost.macs(kind, broken, []))

    def test_sizes_of_no_machine_have_an_end(self):
        self.assertEqual(file_cost.MOST, file_cost.size([2**31 - 1] * 100_000))
        self.assertEqual(0, file_cost.size([-5, 7]))
        self.assertEqual(1, file_cost.size([]))

    def test_parameters_are_floats_and_integers_with_scales(self):
        counted = [("float32", 0), ("bfloat16", 0), ("int8", 1), ("int32", 64)]
        self.assertEqual([True] * 4, [file_cost.are_parameters(*each) for each in counted])
        self.assertEqual([False] * 2, [file_cost.are_parameters(*each) for each in (("int32", 0), ("string", 0))])


if __name__ == "__main__":
    unittest.main()
