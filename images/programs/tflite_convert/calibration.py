"""Integers for numbers: a .tflite file, the ranges of its tensors on samples, and the files that follow from both.

The converter calibrates anew for each variant, which takes longer than all else. Its two halves are called apart here,
so that variants share the first; between them ranges are set right. The bytes are the converter's where nothing is.
"""

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.optimize import calibrator

from stagekit import StageError, interpreter

from . import biases, flatbuffer, hard_swish, masking, multipliers, padding, requantization, sums, unseen

LEAVE_OUT = (
    "TensorFlow {} knows no more of it: leave this variant out; or, if it is the ranges, calibrate on other samples"
).format(tf.__version__)
GETS_WRONG = (
    "the quantizer of TensorFlow {} gets {} wrong, and the stock lowering leaves it so: --lowering nhwc does not, "
    "where the toolchain has it"
)
SHARED = "biases that several operators share"


class Calibrated:
    """A .tflite file of floats that has run on samples.

    ``content`` are its bytes, ``inputs`` the interpreter's details by the samples' names, in any order; ``samples`` are
    dicts of arrays by name. Files are the quantizer's own where they are to be ``as_written``. Raises a StageError of
    kind ``usage`` for samples that the model can't run on.
    """

    def __init__(self, content, inputs, samples, *, as_written=False):
        order = [detail["index"] for detail in tf.lite.Interpreter(model_content=content).get_input_details()]
        # The calibrator knows no names: it wants them as the file has them.
        fed = sorted(inputs, key=lambda name: order.index(inputs[name]["index"]))
        content = calibrator.add_intermediate_tensors(content if as_written else hard_swish.in_steps(content))
        # It reads the bytes as long as it lives, and does not keep them.
        calibrated = _calibrator(content)
        calibrated.Prepare([list(samples[0][name].shape) for name in fed])
        try:
            for sample in samples:
                calibrated.FeedTensor([np.ascontiguousarray(sample[name]) for name in fed])
        except (RuntimeError, ValueError) as error:
            message = "the model can't run on the calibration samples: {}".format(" ".join(str(error).split()))
            raise StageError("usage", message, "give samples that the model takes") from error
        # The file with its ranges: whatever is quantized from here on needs no samples any more.
        self._ranged = calibrated.Calibrate()
        model = flatbuffer.unpacked(self._ranged)
        limits = masking.relevant(model, _largest(content, masking.rows(model), inputs, samples))
        self._as_written = as_written
        self._unseen = unseen.told(model)
        wrong = {
            "masks of a softmax": masking.cut(model, limits),
            "tensors that are 0 in all calibration samples": unseen.widen(model, limits),
            SHARED: biases.separate(model),
        }
        self._wrong = [what for what, is_wrong in wrong.items() if is_wrong]
        if not as_written and (biases.flatten(model) or self._wrong):
            self._ranged = flatbuffer.packed(model)

    def warnings(self, *, biases_apart=False):
        """Lines on what the samples don't show, and on what the quantizer gets wrong in files that stay as written.

        ``biases_apart`` says that it gives each operator a bias of its own.
        """
        wrong = [what for what in self._wrong if not (biases_apart and what == SHARED)]
        told = [GETS_WRONG.format(tf.__version__, " and ".join(wrong))] if self._as_written and wrong else []
        return [*self._unseen, *told]

    def quantized(self, activations, io="float32"):
        """A file with int8 weights and activations of int8 or int16, where operators have them.

        ``io`` is the dtype of the inputs and outputs that are floats in the model.
        """
        if self._as_written:
            return _quantized(self._ranged, activations, io)
        content = self._of_sixteen_bits(io) if activations == "int16" else _quantized(self._ranged, activations, io)
        return multipliers.that_fit(requantization.fused(padding.in_integers(content)))

    def _of_sixteen_bits(self, io):
        ranged, model = self._ranged, flatbuffer.unpacked(self._ranged)
        if sums.off_powers(model):
            ranged = flatbuffer.packed(model)
        try:
            content = _quantized(ranged, "int16", io)
        except StageError:
            # Here it may want to know the range of all that is computed, of integers and truths, too.
            content = _quantized(flatbuffer.packed(unseen.with_every_range(model)), "int16", io)
        return sums.of_one_kind(content, ranged)


def _largest(content, rows, inputs, samples):
    """For each of `masking.rows` the largest number of every row on all samples, an array."""
    found = {each: [] for each in rows}
    if rows:
        model = flatbuffer.unpacked(content)
        # With the file's own outputs: XNNPACK may end the process where an operator's result is nobody's.
        model.subgraphs[0].outputs = sorted({each.tensor for each in rows} | set(model.subgraphs[0].outputs))
        opened = tf.lite.Interpreter(model_content=flatbuffer.packed(model))
        for sample in samples:
            interpreter.feed(opened, inputs, sample)
            interpreter.invoke(opened)
            for each in rows:
                found[each].append(each.largest(opened.get_tensor(each.tensor)))
    return {each: np.concatenate(numbers) for each, numbers in found.items()}


def _quantized(content, activations, io):
    try:
        return _calibrator(content).QuantizeModel(_number(io), _number(io), True, _number(activations))
    except RuntimeError as error:
        raise refused(error) from error


def refused(error):
    """The StageError for what the quantizer raises."""
    message = "the model can't be quantized: {}".format(" ".join(str(error).split()))
    return StageError("model", message, LEAVE_OUT)


def _calibrator(content):
    return calibrator.Calibrator(content)._calibrator  # noqa: SLF001 - no public way


def _number(dtype):
    return np.dtype(dtype).num
