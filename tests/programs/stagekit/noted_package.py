"""A package in a folder of its own, whose modules note in ``loaded.names`` that they are loaded."""

import importlib
import sys
import tempfile
import unittest
from pathlib import Path


class NotedPackage(unittest.TestCase):
    def make(self, files):
        """Write files, their texts by their paths in the package, in which {0} is its name; that name. What a test adds
        in front of the import system is taken away at its end.
        """
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        name = f"noted{id(self)}"
        for file, text in files.items():
            path = Path(folder.name, name, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(name))
        Path(folder.name, "loaded.py").write_text("names = []\n")
        sys.path.insert(0, folder.name)
        self.addCleanup(sys.path.remove, folder.name)
        self.addCleanup(sys.modules.pop, "loaded", None)
        self.addCleanup(sys.meta_path.__delitem__, 0)
        importlib.invalidate_caches()
        return name
