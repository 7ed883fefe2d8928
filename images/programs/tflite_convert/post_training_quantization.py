"""Post-training quantization: a .tflite file, the ranges of its tensors on samples, and the files made of both.

The converter calibrates anew for each variant, which takes longer than all else. Its two halves are called apart here,
so that variants share the first; passes set right what goes in and what comes out. Where they find nothing to do, the
bytes are the converter's.
"""

import functools
import itertools
from typing import NamedTuple, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.optimize import calibrator

from stagekit import StageError

from . import (
    adaptive_rounding,
    bias_correction,
    calibration,
    equalization,
    flatbuffer,
    kept_floats,
    kept_int16,
    layer_inputs,
    layer_names,
    observation,
    passes,
    range_methods,
    weight_ranges,
)
from .passes import Place, dense_scales, editing, empty_ranges, relevance, weight_steps

ACTIVATIONS = {"int8": "int8", "int8-only": "int8", "int16x8": "int16"}
LEAVE_OUT = (
    "TensorFlow {} knows no more of it: leave this variant out; or, if it is the ranges, calibrate on other samples"
).format(tf.__version__)
SHARED = "--round adaptive leaves weights that several layers share rounded to the nearest: {}"
WITHOUT_BRANCHES = (
    "leave this variant out (float16 and dynamic take branches), or have the model compute both and choose with Where"
)
GETS_WRONG = (
    "the quantizer of TensorFlow {} gets {} wrong, and the stock lowering leaves it so: --lowering nhwc does not, "
    "where the toolchain has it"
)


class Method(NamedTuple):
    """How integers are chosen: ``ranges`` as `range_methods` has them, ``weight_ranges`` as its namesake, and whether
    activations of 8 bits have ``symmetric`` ones; whether to ``equalize`` layers before and to ``correct_bias``
    after; weights ``round`` to the nearest or as `adaptive_rounding` chooses. ``keep_float`` and ``keep_int16`` are
    patterns of layers that stay in floats, or have int16 in a file of int8; ``modules`` as `layer_names.chosen` has
    them.
    """

    ranges: str = range_methods.MINMAX
    weight_ranges: str = range_methods.MINMAX
    symmetric: bool = False
    equalize: bool = False
    round: str = adaptive_rounding.NEAREST
    correct_bias: bool = False
    keep_float: Tuple[str, ...] = ()
    keep_int16: Tuple[str, ...] = ()
    modules: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()


PLAIN = Method()


def steps(variant, has):
    """The `WeightSteps` of one of `ACTIVATIONS`, for a target that ``has`` some of `passes.Known.has`."""
    feature = dense_scales.FEATURES[editing.TYPES[np.dtype(ACTIVATIONS[variant])]]
    return weight_steps.PER_CHANNEL if feature in has else weight_steps.QUANTIZERS


class Calibrated:
    """A .tflite file of floats that has run on samples, its layers equalized before where they are to be, for weights
    of some `WeightSteps`.

    ``content`` are its bytes, ``inputs`` the interpreter's details by the samples' names, in any order; ``samples`` are
    dicts of arrays by name. Files are the quantizer's own where they are to be ``as_written``; ``has`` is as
    `passes.Known` has it. Raises a StageError of kind ``usage`` for samples that the model can't run on.
    """

    def __init__(
        self, content, inputs, samples, *, equalize=False, steps=weight_steps.QUANTIZERS, as_written=False, has=()
    ):
        if flatbuffer.counted_graphs(content) > 1:
            message = (
                "the model can't be quantized: it has branches (IF), and the quantizer of TensorFlow {} knows none"
            )
            raise StageError("model", message.format(tf.__version__), WITHOUT_BRANCHES)
        self.inputs = inputs
        self.samples = samples
        self.steps = steps
        self.as_written = as_written
        self._has = has
        order = [detail["index"] for detail in tf.lite.Interpreter(model_content=content).get_input_details()]
        # The calibrator knows no names: it wants them as the file has them.
        fed = sorted(inputs, key=lambda name: order.index(inputs[name]["index"]))
        if equalize:
            content = equalization.equalized(content, inputs, samples, steps)
        content = calibrator.add_intermediate_tensors(self.passed(content, Place.TO_CALIBRATE))
        # The file with its ranges.
        self.content = calibration.ranged(content, fed, samples)
        model = flatbuffer.unpacked(self.content)
        self.unseen = empty_ranges.told(model)
        limits = relevance.limits(model, _largest(content, relevance.rows(model), inputs, samples))
        changed = passes.apply(model, Place.CALIBRATED, limits=limits)
        self.wrong = [each.warning for each in changed if each.warning]
        if changed and not as_written:
            self.content = flatbuffer.packed(model)

    @functools.cached_property
    def histograms(self):
        """Those of `range_methods`, which all methods look at."""
        return range_methods.histograms(flatbuffer.unpacked(self.content), self.inputs, self.samples)

    def passed(self, content, place, variant=None, **known):
        return content if self.as_written else passes.applied(content, place, variant, has=self._has, **known)


class Quantizer:
    """What makes integers of a `Calibrated` file by a `Method`, which has the same wish to equalize. ``cut`` is what
    `range_methods.cut` and `weight_ranges.cut` returned, ``notes`` are lines on where the method does nothing.
    """

    def __init__(self, calibrated, method=PLAIN):
        range_methods.check(method.ranges)
        range_methods.check(method.weight_ranges, (range_methods.MINMAX, "mse"))
        self._calibrated = calibrated
        self._ranged = calibrated.content
        self._symmetric = method.symmetric
        self.cut, self.notes = [], []
        # Of layers that are kept: the places of the tensors that they give, among so many.
        self._count, self._floats, self._int16 = 0, set(), set()
        self._steps = calibrated.steps
        if method not in (PLAIN, PLAIN._replace(equalize=True)):
            self._choose(method)

    def _choose(self, method):
        model = flatbuffer.unpacked(self._ranged)
        inputs, samples = self._calibrated.inputs, self._calibrated.samples
        kept = layer_names.chosen(model, method.keep_float, method.modules)
        self._count, self._floats = len(model.subgraphs[0].tensors), _given(kept)
        # What is to stay in floats stays there.
        self._int16 = _given(layer_names.chosen(model, method.keep_int16, method.modules)) - self._floats
        before = {}
        if method.ranges != range_methods.MINMAX:
            self.cut = range_methods.cut(model, self._calibrated.histograms, method.ranges, kept)
        if method.weight_ranges != range_methods.MINMAX:
            of_weights, before = weight_ranges.cut(model, method.weight_ranges, kept, self._steps)
            self.cut += of_weights
        adaptive = method.round == adaptive_rounding.ADAPTIVE
        asked = model, inputs, samples, kept
        rounded = adaptive_rounding.chosen(*asked, before, self._steps) if adaptive else {}
        if adaptive and (shared := layer_inputs.shared(model, kept)):
            self.notes.append(SHARED.format(", ".join(shared)))
        corrected = method.correct_bias and bias_correction.correct(*asked, rounded, before, self._steps)
        for tensor, weights in rounded.items():
            editing.set_numbers(model, model.subgraphs[0].tensors[tensor], weights)
        if self.cut or rounded or corrected:
            self._ranged = flatbuffer.packed(model)

    def warnings(self, *, biases_apart=False):
        """Lines on what the samples don't show, and on what the quantizer gets wrong in files that stay as written.

        ``biases_apart`` says that it gives each operator a bias of its own.
        """
        made = self._calibrated
        wrong = [what for what in made.wrong if not (biases_apart and what == passes.SHARED_BIASES)]
        told = [GETS_WRONG.format(tf.__version__, " and ".join(wrong))] if made.as_written and wrong else []
        return [*made.unseen, *told]

    def quantized(self, variant, io="float32"):
        """A file with int8 weights and activations of int8 or int16, where operators have them.

        ``variant`` is one of `ACTIVATIONS`, ``io`` the dtype of the inputs and outputs that are floats in the model.
        """
        if variant == "int16x8" or not self._int16:
            return self._quantized(variant, io, self._floats and self._floats.__contains__)
        content = self._quantized(variant, io, (self._floats | self._int16).__contains__)
        others = self._quantized("int16x8", io, lambda tensor: tensor < self._count and tensor not in self._int16)
        return kept_int16.joined(content, others, self._int16, self._count)

    def _quantized(self, variant, io, is_float):
        """A file in which those operators stay in floats of whose first tensor ``is_float``, if it is one, is true."""
        passed = self._calibrated.passed
        ranged = passed(self._ranged, Place.TO_QUANTIZE, variant)
        kept = {}
        if self._symmetric and variant != "int16x8":
            model = flatbuffer.unpacked(ranged)
            range_methods.make_symmetric(model)
            ranged = flatbuffer.packed(model)
        if is_float:
            ranged, kept = kept_floats.hidden(ranged, is_float)
        try:
            content = _quantized(ranged, variant, io)
        except StageError:
            mended = passed(ranged, Place.REFUSED, variant)
            if mended is ranged:
                raise
            content = _quantized(mended, variant, io)
        if kept:
            ranged, content = (kept_floats.restored(each, kept) for each in (ranged, content))
        return passed(content, Place.QUANTIZED, variant, floats=lambda: flatbuffer.unpacked(ranged))


def _given(operators):
    """The places of the tensors that operators give."""
    return {int(at) for operator in operators for at in operator.outputs}


def _largest(content, rows, inputs, samples):
    """For each of `relevance.rows` the largest number of every row on all samples, an array."""

    def largest(observed):
        return [[each.largest(values[each.tensor]) for each in rows] for values in observed]

    if not rows:
        return {}
    tensors = {each.tensor for each in rows}
    shares = observation.of_shares(flatbuffer.unpacked(content), tensors, inputs, samples, largest)
    numbers = itertools.chain.from_iterable(shares)
    return {each: np.concatenate(found) for each, found in zip(rows, zip(*numbers))}


def _quantized(content, variant, io):
    number = np.dtype(io).num
    try:
        return calibration.opened(content).QuantizeModel(number, number, True, np.dtype(ACTIVATIONS[variant]).num)
    except RuntimeError as error:
        raise refused(error) from error


def refused(error):
    """The StageError for what the quantizer raises."""
    message = "the model can't be quantized: {}".format(" ".join(str(error).split()))
    return StageError("model", message, LEAVE_OUT)
