import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from stagekit import runtime_package


class Measured(unittest.TestCase):
    def test_the_shared_libraries_of_a_package_are_counted_and_nothing_else_of_it(self):
        found = runtime_package.measured("numpy")
        self.assertEqual((found["package"], found["version"]), ("numpy", np.__version__))
        self.assertGreater(found["libraries"], 5)
        self.assertGreater(found["size"], Path(np.core._multiarray_umath.__file__).stat().st_size)

    def test_a_package_of_python_alone_has_none(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(sys, "path", [*sys.path, folder]):
            described = Path(folder) / "plain-1.0.dist-info"
            described.mkdir()
            (described / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n")
            (described / "RECORD").write_text("plain.py,,4\n")
            (Path(folder) / "plain.py").write_text("one\n")
            found = runtime_package.measured("plain")
        self.assertEqual((found["version"], found["libraries"], found["size"]), ("1.0", 0, 0))


if __name__ == "__main__":
    unittest.main()
