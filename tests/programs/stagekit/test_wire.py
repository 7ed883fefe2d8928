import tempfile
import unittest
from pathlib import Path

from stagekit import wire


class MappedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "model")

    def test_the_bytes_are_there(self):
        for expected in (b"", b"model"):
            self.path.write_bytes(expected)
            with wire.mapped(self.path) as content:
                self.assertEqual(expected, bytes(content))

    def test_an_error_is_told_while_something_looks_at_the_bytes(self):
        self.path.write_bytes(b"model")
        with self.assertRaisesRegex(OSError, "no space"), wire.mapped(self.path) as content:
            self.seen = memoryview(content)
            raise OSError("no space")
        self.assertEqual(b"model", bytes(self.seen))


if __name__ == "__main__":
    unittest.main()
