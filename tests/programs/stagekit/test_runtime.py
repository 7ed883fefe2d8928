import unittest
from pathlib import Path

import numpy as np

from stagekit import runtime


class Measured(unittest.TestCase):
    def test_the_shared_libraries_of_a_package_are_counted_and_nothing_else_of_it(self):
        found = runtime.measured("numpy")
        self.assertEqual((found["package"], found["version"]), ("numpy", np.__version__))
        self.assertGreater(found["libraries"], 5)
        self.assertGreater(found["size"], Path(np.core._multiarray_umath.__file__).stat().st_size)

    def test_a_package_of_python_alone_has_none(self):
        found = runtime.measured("six")
        self.assertEqual((found["libraries"], found["size"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
