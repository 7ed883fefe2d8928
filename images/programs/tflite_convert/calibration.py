"""The ranges of a file's tensors, by TensorFlow's calibrator: one for each share of the samples, and the ranges joined.

Of two ranges the calibrator takes over what is lower or larger in the second, sample by sample. So it is done with
shares, in their order: of zeros the sign of the first one stays.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.optimize import calibrator

from stagekit import StageError

from . import flatbuffer, shares


def opened(content):
    """TensorFlow's calibrator. It reads the bytes as long as it lives, and does not keep them."""
    return calibrator.Calibrator(content)._calibrator  # noqa: SLF001 - no public way


def ranged(content, order, samples):
    """The bytes of a file with the ranges of its tensors on samples, dicts of arrays by name; ``order`` are the names
    of its inputs. Raises a StageError of kind ``usage`` for samples that the model can't run on.
    """

    def calibrated(share, first):
        made = opened(content)
        made.Prepare([list(samples[0][name].shape) for name in order])
        for sample in share:
            made.FeedTensor([np.ascontiguousarray(sample[name]) for name in order])
        found = made.Calibrate()
        return found if first == 0 else _ends(found)

    try:
        found, *others = shares.each(samples, calibrated, apart=flatbuffer.runs_apart(flatbuffer.unpacked(content)))
    except (RuntimeError, ValueError) as error:
        message = "the model can't run on the calibration samples: {}".format(" ".join(str(error).split()))
        raise StageError("usage", message, "give samples that the model takes") from error
    return _joined(found, others) if others else found


def _joined(content, others):
    """The bytes of a file whose ranges are joined with `_ends` of others."""
    found = bytearray(content)
    for other in others:
        for (low, high), (lower, larger) in zip(_ends(found), other):
            np.copyto(low, lower, where=lower < low)
            np.copyto(high, larger, where=larger > high)
    return bytes(found)


def _ends(content):
    """[(lowest, largest)] of the tensors of a file that have ranges: arrays in the file's own memory."""
    graph = schema.Model.GetRootAsModel(content, 0).Subgraphs(0)
    quantization = [graph.Tensors(at).Quantization() for at in range(graph.TensorsLength())]
    return [(each.MinAsNumpy(), each.MaxAsNumpy()) for each in quantization if each is not None and each.MinLength()]
