"""How a stage program refuses, and what is no refusal."""

import errno
import os

NO_ROOM = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT)))
# As torch, C++ and TensorFlow say it, in exceptions of many types.
NO_MEMORY = ("can't allocate memory", "std::bad_alloc", "OOM when allocating")


class StageError(Exception):
    """A refusal that the user can act on.

    ``kind`` decides the exit status: ``usage`` (the request can't be met as asked: 2), ``model`` (this model can't be
    converted: 3).
    """

    KINDS = ("usage", "model")

    def __init__(self, kind, message, hint=""):
        if kind not in self.KINDS:
            raise ValueError("a StageError is of one of the kinds {}, not {!r}".format(self.KINDS, kind))
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint


def pass_on(error):
    """Raise a lack of memory or room as what it is, a MemoryError or an OSError; return at any other exception.

    For those who take whatever a library raises as said of the model: the machine that lacks something is not it.
    """
    message = str(error)
    if isinstance(error, MemoryError):
        raise error
    if any(text in message for text in NO_MEMORY):
        raise MemoryError(message) from error
    if any(text in message for text in NO_ROOM):
        raise OSError(message) from error
