"""Whether a processor runs these programs; what an emulator says is asked of a stand-in for the interpreter."""

import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tflite_run import emulator, infer


class EmulatorTest(unittest.TestCase):
    def test_this_is_a_processor(self):
        self.assertEqual(emulator.name(), "")

    def test_an_emulator_says_its_version_and_times_nothing(self):
        said = '[ "$QEMU_VERSION" = 1 ] && echo "qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7)"'
        with tempfile.TemporaryDirectory() as folder:
            python = Path(folder, "python")
            python.write_text(f"#!/bin/sh\n{said}\n")
            python.chmod(0o755)
            with mock.patch.object(sys, "executable", os.fspath(python)):
                self.assertEqual(emulator.name(), "qemu-user 7.2.22")
                timed = infer.time(None)
        self.assertIsNone(timed["latency_ms"])
        (note,) = timed["notes"]
        self.assertIn("is not timed: qemu-user 7.2.22 takes the processor's place", note)


if __name__ == "__main__":
    unittest.main()
