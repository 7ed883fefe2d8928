"""Running a model as its file has it: what comes out is what everything after it is compared with."""

from typing import Callable, NamedTuple

import onnx_ir as ir
import onnxruntime

from stagekit import StageError

from .source_model import one_line

ERRORS_ONLY = 3


class Reference(NamedTuple):
    """``name`` is the runtime with its version, ``run`` takes arrays by input and returns them by output."""

    name: str
    run: Callable


def of(model):
    """The model in onnxruntime, on one thread: how many cores a machine has must not decide in which order it adds."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    except Exception as error:
        raise _refused("can't load the model", error) from error
    names = [output.name for output in session.get_outputs()]

    def run(samples):
        try:
            return dict(zip(names, session.run(names, samples)))
        except Exception as error:
            raise _refused("can't run the model", error) from error

    return Reference("onnxruntime-{}".format(onnxruntime.__version__), run)


def _refused(what, error):
    return StageError(
        "model",
        "onnxruntime {} {}: {}".format(onnxruntime.__version__, what, one_line(error)),
        "replace the operator that it names, or its data type, in the model",
    )
