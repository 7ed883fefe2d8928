"""Running a model in onnxruntime."""

import inspect

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from stagekit import StageError
from stagekit.errors import pass_on

from . import casts, conv_transpose_padding, left_out
from .model_file import one_line

# onnxruntime's exceptions have no class of their own in common; what C++ throws besides them becomes RuntimeError.
FAILURES = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
)
ERRORS_ONLY = 3
# What changes a model's meaning: (1 / a) * b of integers becomes b / a, which
# findings/onnxruntime_divides_integers_late.sh shows, and a Transpose that moves nothing counts as one that does.
# onnxruntime 1.6 does neither, and takes no such list.
WRONG = ["DivMulFusion", "GemmTransposeFusion"]
TAKES_A_LIST = "kwargs" in inspect.signature(onnxruntime.InferenceSession).parameters
WITHOUT = {"disabled_optimizers": WRONG} if TAKES_A_LIST else {}


def session(model, optimized_path=None):
    """A session of a ModelProto, as `opened` says."""
    return opened(meant(model).SerializeToString(), optimized_path)


def opened(model, optimized_path=None):
    """A session of a model as bytes, or of the file of a name, whose graph it may write once it is optimized.

    Basic optimizations are those that leave standard ONNX: constants folded, BatchNormalization fused into Conv. One
    thread, because outputs are kept by their bytes: how many cores a machine has must not decide in which order
    onnxruntime adds. A model is run once here, so that it costs little.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    if optimized_path is not None:
        options.optimized_model_filepath = str(optimized_path)
    try:
        return onnxruntime.InferenceSession(model, options, **WITHOUT)
    except FAILURES as error:
        raise _refused("can't load the model", error) from error


def meant(model):
    """The model, changed where this version of onnxruntime would compute something else than it says, or die."""
    return conv_transpose_padding.spelled_out(casts.apart(left_out.spelled_out(model)))


def run(session, samples):
    """The outputs by name, in the model's order."""
    names = [output.name for output in session.get_outputs()]
    try:
        values = session.run(names, samples)
    except FAILURES as error:
        raise _refused("can't run the model", error) from error
    for name, value in zip(names, values):
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiubc":
            raise StageError("model", "output {!r} is no tensor of numbers".format(name), "return tensors only")
    return dict(zip(names, values))


def _refused(what, error):
    pass_on(error)
    return StageError(
        "model",
        "onnxruntime {} {}: {}".format(onnxruntime.__version__, what, one_line(error)),
        "replace the operator that it names, or its data type, in the model",
    )
