"""Running a model as its file has it: what comes out is what everything after it is compared with."""

from typing import Callable, NamedTuple

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from stagekit import StageError
from stagekit.errors import pass_on

from .source_model import OPENED, one_line, opset

ERRORS_ONLY, NOTHING = 3, 4
# What onnxruntime raises for an operator that it does not know, or has no kernel for.
LACKING = (native.Fail, native.NotImplemented)
ANOTHER_OPERATOR = "replace the operator that it names, or its data type, in the model"


class Reference(NamedTuple):
    """``name`` is the runtime with its version, ``run`` takes arrays by input and returns them by output.

    ``warnings`` are lines that say what may be wrong with the runtime.
    """

    name: str
    run: Callable
    warnings: list


def of(model, path=None):
    """The model in onnxruntime, or in ONNX's own evaluator where onnxruntime lacks an operator of it.

    ``path`` is the model's file, where it is still as the file has it: a runtime reads the weights from there, unless
    it holds sizes that no runtime takes.
    """
    for source in _sources(model, path):
        try:
            session = _session(source, ERRORS_ONLY)
            break
        except LACKING as error:
            lacking = error
        except Exception as error:
            raise _refused("can't load the model", error) from error
    else:
        return _evaluator(source, opset(model), lacking)
    names = [output.name for output in session.get_outputs()]

    def run(samples):
        try:
            return dict(zip(names, session.run(names, samples)))
        except Exception as error:
            raise _refused("can't run the model", error) from error

    return Reference("onnxruntime-{}".format(onnxruntime.__version__), run, [])


def _sources(model, path):
    """What a runtime may read a model from. onnxruntime does not look for axes and sizes in files beside the model."""
    if path and not model.meta.get(OPENED):
        yield str(path)
    yield _serialized(model)


def evaluated(model):
    """The outputs of a ModelProto without inputs, in order; none where no runtime computes them."""
    try:
        return _session(model.SerializeToString(), NOTHING).run(None, {})
    except Exception:  # noqa: BLE001 - what can't be folded stays as it is, whatever the reason
        return []


def _session(source, severity):
    """A session that computes the model as it is, on one thread.

    Even onnxruntime's basic optimizations make other numbers of valid models: findings/onnxruntime_*.sh. How many cores
    a machine has must not decide in which order it adds.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = severity
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _serialized(model):
    ir.external_data.load_to_model(model)
    return ir.to_proto(model).SerializeToString()


def _evaluator(source, version, lacking):
    # Few models need it, and it has a module for every operator.
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    from .old_operators import BROADCASTING, OPERATORS  # noqa: PLC0415

    reason = one_line(lacking)
    try:
        evaluator = ReferenceEvaluator(source, new_ops=OPERATORS if version < BROADCASTING else None)
    except Exception as error:
        pass_on(error)
        raise _refused("can't load the model", lacking) from error
    names = evaluator.output_names

    def run(samples):
        try:
            return {name: np.asarray(array) for name, array in zip(names, evaluator.run(None, samples))}
        except Exception as error:
            pass_on(error)
            message = "neither onnxruntime {} can run the model ({}), nor the evaluator of onnx {}: {}".format(
                onnxruntime.__version__, reason, onnx.__version__, one_line(error)
            )
            raise StageError("model", message, ANOTHER_OPERATOR) from error

    warning = "onnxruntime {} can't run the model ({}): onnx's own evaluator computes what it is compared with".format(
        onnxruntime.__version__, reason
    )
    return Reference("onnx.reference-{}".format(onnx.__version__), run, [warning])


def _refused(what, error):
    pass_on(error)
    message = "onnxruntime {} {}: {}".format(onnxruntime.__version__, what, one_line(error))
    return StageError("model", message, ANOTHER_OPERATOR)
