import errno
import os
import unittest

from stagekit.errors import pass_on


class PassOn(unittest.TestCase):
    def test_a_lack_of_memory_or_room_is_raised_as_what_it_is(self):
        for error, kind in [
            (MemoryError("of Python"), MemoryError),
            (
                RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
                MemoryError,
            ),
            (ValueError("std::bad_alloc"), MemoryError),
            (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.onnx"), OSError),
            (RuntimeError("model.onnx; " + os.strerror(errno.EDQUOT)), OSError),
        ]:
            with self.assertRaises(kind) as caught:
                pass_on(error)
            self.assertIn(str(error), str(caught.exception))

    def test_what_is_said_of_the_model_is_not(self):
        for error in [RuntimeError("no operator foo"), FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "a")]:
            self.assertIsNone(pass_on(error))
