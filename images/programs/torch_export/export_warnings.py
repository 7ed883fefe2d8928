"""The warnings of torch's exporter, and which of them a user has to see: those by which a result may be wrong."""

import contextlib
import re
import sys
import warnings
from pathlib import Path

import torch

from . import traced_code

EXPORTER = Path(torch.onnx.__file__).parent

# The beginnings of warnings that are harmless here.
HARMLESS = (
    # Where a value depends on the inputs, frozen_values says so; else the trace is right.
    "Converting a tensor to a ",
    "torch\\S* results are registered as constants in the trace",
    # Shapes are fixed.
    "Iterating over a tensor might cause the trace to be incorrect",
    "Using len to get tensor shape might cause the trace to be incorrect",
    "ONNX export (un)?squeeze with negative axis",
    "This model contains a squeeze operation on dimension",
    # Of TorchScript, whose inputs are given by position.
    "no signature found for ",
    "Model has no forward function",
    # The graph says the shapes that were traced.
    "The shape inference of \\S+ type is missing",
    "Exporting a model to ONNX with a batch_size other than 1",
    "Export of embedding_bag with dynamic input/offsets shape",
    # An error follows that says so.
    "ONNX export failed on ",
)
HARMLESS_ONE = re.compile("|".join(HARMLESS))


class Caught:
    """``messages`` are those of all warnings, ``doubts`` lines on those that say that a result may be wrong."""

    def __init__(self):
        self.messages = []
        self.doubts = []


@contextlib.contextmanager
def caught(code):
    """While this context is entered, warnings are gathered, and go to the log when it is left.

    Those of the exporter and of the tracer are doubts, unless they are harmless; those of other code are its own.
    """
    found = Caught()
    log = {}

    def show(message, category, filename, *_):
        text = " ".join(str(message).split())
        found.messages.append(text)
        log["{}: {}".format(category.__name__, text)] = None
        torchs = category is torch.jit.TracerWarning or EXPORTER in Path(filename).parents
        if torchs and not issubclass(category, DeprecationWarning) and not HARMLESS_ONE.match(text):
            line = traced_code.exported(code)
            doubt = "{}torch's exporter says: {}".format(line and line + ": ", text)
            if doubt not in found.doubts:
                found.doubts.append(doubt)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        try:
            yield found
        finally:
            for line in log:
                sys.stderr.write(line + "\n")
