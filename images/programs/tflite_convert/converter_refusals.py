"""Why TensorFlow's TFLite converter refuses a model, in the words of its operators."""

import re

from stagekit import StageError

from . import saved_model

# error: loc(callsite(callsite("Erf@__inference_f_8" at ...) at ...)): 'tf.Erf' op is neither a custom op nor a flex op
LOCATED = re.compile(r'error: loc\((?:callsite\()*"([^"@]+)[^\n]*?\)+: ([^\n]+)')
ERROR = re.compile(r"error: ([^\n]+)")
UNSUPPORTED = re.compile(r"'tf\.([\w.]+)' op is neither a custom op nor a flex op")
ILLEGAL = re.compile(r"failed to legalize operation '(?:tf\.)?([\w.]+)'")

# TensorFlow 2.4.1 folds the transposes around these operators into them; what comes out is an invalid program, or an
# operator that computes in NCHW, which TFLite does not have.
IN_NCHW = ("does not dominate this use", 'data_format = "NCHW"')
LAYOUT = (*IN_NCHW, "'tf.MaxPool'", "'tf.AvgPool'", "'tf.Conv2D'")

# How the converter lists operators that Select-TF has, and those that it does not have either.
SELECTABLE, FOREIGN = "Ops that can be supported by the flex runtime", "Ops that need custom implementation"

OTHER_OPERATORS = "replace these operators in the model by others that TFLite has"
SELECT_TF = "; or let TensorFlow's in, which not every runtime has: --ops auto"
OTHER_LOWERING = (
    "the model computes in NCHW order, which this converter mishandles: convert it with --lowering nhwc, "
    "where the toolchain has it"
)


def is_for_select_tf(error):
    """Whether all that a converter's exception is about is operators that Select-TF has.

    An operator in NCHW is not one of them: it would convert, and fail on the device.
    """
    text = str(error)
    return SELECTABLE in text and FOREIGN not in text and not any(sign in text for sign in IN_NCHW)


def refusal(error, graph_def):
    """The StageError for a converter's exception, naming the operators that it is about."""
    text = str(error)
    hint = OTHER_LOWERING if any(sign in text for sign in LAYOUT) else OTHER_OPERATORS
    if is_for_select_tf(error):
        hint += SELECT_TF
    unsupported = sorted(set(UNSUPPORTED.findall(text)) | set(ILLEGAL.findall(text)))
    if unsupported:
        return StageError("model", "the TFLite converter has no operator for {}".format(", ".join(unsupported)), hint)
    located = LOCATED.findall(text)
    if located:
        operators = {node.name: node.op for node in saved_model.nodes(graph_def)}
        reasons = sorted({"{} ({}): {}".format(operators.get(name, "?"), name, reason) for name, reason in located})
        return StageError("model", "the TFLite converter fails at {}".format("; ".join(reasons)), hint)
    first = ERROR.search(text)
    reason = first.group(1) if first else " ".join(text.split())[:1000]
    return StageError("model", "the TFLite converter fails: {}".format(reason), hint)
