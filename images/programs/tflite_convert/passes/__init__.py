"""Passes over a .tflite file: they set right in the file itself what TensorFlow 2.4.1 gets wrong.

`PASSES` lists all of them in their order. A pass is a module with a function ``apply(model, known)``, which changes a
ModelT in place and returns whether it changed anything; ``known`` is a `Known`. A file that no pass changes keeps its
bytes. Passes share `editing`, which adds constants and operators, and `ranges`, `relevance` and `weight_steps`, which
know of the numbers in tensors. Files of the stock lowering are not changed: warnings say what is wrong in them.

To add a pass, add a module and a row, and a case in ``tests/programs/tflite_convert``.
"""

import enum
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from .. import flatbuffer
from . import (
    added_tensors,
    bias_shapes,
    clipped_gelus,
    dense_channels,
    dense_scales,
    empty_ranges,
    float16_weights,
    gelus,
    grouped_convolutions,
    hard_swish,
    image_means,
    input_order,
    integer_weights,
    lacking_kernels,
    long_sums,
    missing_ranges,
    overflowing_multipliers,
    pad_constants,
    requantization,
    scale_changes,
    shared_biases,
    slopes,
    softmax_masks,
    subtracted_constants,
    sum_scales,
    unreached_limits,
    weight_grids,
    zero_constants,
)

INT8 = ("int8", "int8-only")
INTEGERS = (*INT8, "int16x8")
WEIGHTS = ("weight-int8", "weight-int4")
DYNAMIC = ("dynamic", "dynamic-int4")
EVERY = ("float32", "float16", *WEIGHTS, *DYNAMIC, *INTEGERS)
SHARED_BIASES = "biases that several operators share"


class Place(enum.Enum):
    """Where on its way a file is when passes get it."""

    CONVERTED = "as the converter wrote it"
    TO_NARROW = "in floats, before its weights become smaller, and nothing else"
    DYNAMIC = "in floats, with weights of integers as the converter wrote them"
    TO_CALIBRATE = "in floats, before it runs on the calibration samples"
    CALIBRATED = "in floats, with the range of each tensor: all variants of integers have it in common"
    TO_QUANTIZE = "the same, as the quantizer is given it for one variant"
    REFUSED = "the same, once the quantizer has refused it"
    QUANTIZED = "in integers, as the quantizer wrote it"
    TRAINED = "in integers, as the converter wrote it for a model that is quantized, or was trained for int8"
    FINISHED = "as it was made of any variant, to be written"


class Pass(NamedTuple):
    """A row of the table.

    It may change the files of its ``variants``, at its ``places``; ``mends`` says what is wrong without it. Where it
    would change a stock file, a warning has the words ``warning``, unless these are empty.
    """

    module: ModuleType
    places: Tuple[Place, ...]
    variants: Tuple[str, ...]
    mends: str
    warning: str = ""


class Known(NamedTuple):
    """What passes know beside the file, which differs by place.

    ``order`` (CONVERTED): the tensors that are to be the file's inputs and outputs. ``limits`` (CALIBRATED): as
    `relevance.limits` has them. ``floats()`` (DYNAMIC, QUANTIZED, TRAINED, and FINISHED where rounding is no part of
    the model): the ModelT of floats that the file was made of. ``has`` (all): what the runtimes that the file is for
    have beyond TensorFlow 2.4, words of ``images/targets.toml``. ``bits`` (TO_NARROW, DYNAMIC): 8 or 4, of weights that
    become integers.
    """

    order: Optional[Tuple[List[int], List[int]]] = None
    limits: Optional[Dict[int, Tuple[float, float]]] = None
    floats: Optional[Callable[[], Any]] = None
    has: Tuple[str, ...] = ()
    bits: int = 8


PASSES = (
    Pass(input_order, (Place.CONVERTED,), EVERY, "inputs and outputs in another order at every run"),
    Pass(
        grouped_convolutions,
        (Place.TO_NARROW, Place.FINISHED),
        EVERY,
        "TensorFlow 2.4 spells a convolution in groups out, whatever the target has",
    ),
    Pass(
        float16_weights,
        (Place.TO_NARROW,),
        ("float16",),
        "the converter writes float16 in another order at every run",
    ),
    Pass(
        integer_weights,
        (Place.TO_NARROW,),
        WEIGHTS,
        "the converter writes no such files",
    ),
    Pass(
        added_tensors,
        (Place.DYNAMIC,),
        DYNAMIC,
        "tables that are turned back to floats have an order of their own at every run",
    ),
    Pass(
        dense_scales,
        (Place.DYNAMIC, Place.QUANTIZED),
        (*DYNAMIC, *INTEGERS),
        "the quantizer gives the weights of a dense layer one scale, whatever the target has",
    ),
    Pass(hard_swish, (Place.TO_CALIBRATE,), INTEGERS, "HARD_SWISH has a slow kernel for 8 bits, and none for 16"),
    Pass(clipped_gelus, (Place.TO_CALIBRATE,), INTEGERS, "GELU takes powers of x, of which integers leave little"),
    Pass(long_sums, (Place.TO_CALIBRATE,), INTEGERS, "ADD_N has no kernel for integers"),
    Pass(
        softmax_masks,
        (Place.CALIBRATED,),
        INTEGERS,
        "beside a mask of -1e9 no other number of a tensor has a step of its own",
        warning="masks of a softmax",
    ),
    Pass(
        empty_ranges,
        (Place.CALIBRATED,),
        INTEGERS,
        "the quantizer divides by 0 where a tensor is 0 on all samples",
        warning="tensors that are 0 in all calibration samples",
    ),
    Pass(
        shared_biases,
        (Place.CALIBRATED,),
        INTEGERS,
        "the quantizer scales a bias for the first of the operators that share it",
        warning=SHARED_BIASES,
    ),
    Pass(bias_shapes, (Place.CALIBRATED,), INTEGERS, "the quantizer refuses a bias of several dimensions"),
    Pass(slopes, (Place.TO_QUANTIZE,), ("int16x8",), "PRELU has no kernel for 16 bits that is right"),
    Pass(
        sum_scales,
        (Place.TO_QUANTIZE,),
        ("int16x8",),
        "runtimes compute some sums wrongly whose scales are powers of two",
    ),
    Pass(
        missing_ranges,
        (Place.REFUSED,),
        ("int16x8",),
        "the quantizer wants ranges of integers and truth values, too",
    ),
    Pass(
        subtracted_constants,
        (Place.QUANTIZED,),
        ("int16x8",),
        "the quantizer gives a constant in a difference of 16 bits 8 bits",
    ),
    Pass(zero_constants, (Place.QUANTIZED,), ("int16x8",), "the quantizer gives a constant of zeros no step"),
    Pass(
        lacking_kernels,
        (Place.QUANTIZED,),
        ("int16x8",),
        "the quantizer writes operators of 16 bits that runtimes have no kernel for",
    ),
    Pass(
        pad_constants,
        (Place.QUANTIZED, Place.TRAINED),
        INTEGERS,
        "the number with which integers are padded stays a float",
    ),
    Pass(requantization, (Place.QUANTIZED,), INTEGERS, "the operands of a concatenation are rounded twice"),
    Pass(
        overflowing_multipliers,
        (Place.QUANTIZED,),
        INTEGERS,
        "a multiplier a little below a power of two overflows in kernels of 16 bits",
    ),
    Pass(
        unreached_limits,
        (Place.QUANTIZED,),
        INTEGERS,
        "kernels overflow at the 6 of a ReLU6 whose steps are below 3e-9, or refuse it",
    ),
    Pass(
        weight_grids,
        (Place.TRAINED,),
        INT8,
        "constants that have integers and steps already are rounded to other ones",
    ),
    Pass(
        dense_channels,
        (Place.TRAINED,),
        INT8,
        "not every kernel for FULLY_CONNECTED takes a scale for each channel",
    ),
    Pass(scale_changes, (Place.TRAINED,), INT8, "operators that only change the scale of integers do it as floats do"),
    Pass(image_means, (Place.TRAINED,), INT8, "a mean over an image that keeps its dimensions is up to a step off"),
    Pass(gelus, (Place.FINISHED,), EVERY, "TensorFlow 2.4 spells GELU out, whatever the target has"),
)


def applied(content, place, variant=None, **known):
    """A file after the passes of a place, or those that the variant has, as bytes. ``known`` are fields of `Known`."""
    if not _chosen(place, variant):
        return content
    model = flatbuffer.unpacked(content)
    return flatbuffer.packed(model) if apply(model, place, variant, **known) else content


def apply(model, place, variant=None, **known):
    """Let the same passes change a ModelT; the rows of those that changed something."""
    return [each for each in _chosen(place, variant) if each.module.apply(model, Known(**known))]


def _chosen(place, variant):
    return [each for each in PASSES if place in each.places and variant in (None, *each.variants)]
