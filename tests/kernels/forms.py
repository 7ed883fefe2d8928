"""Operators on quantized integers in many forms: ranks, axes, paddings, strides, ties and ends of ranges."""

import itertools

import numpy as np
from one_operator import Value, bias, by, drawn, every, form, kernel, scaled, whole

TYPES = ("int8", "int16")
SAME, VALID = 0, 1
PADDINGS = {SAME: "SAME", VALID: "VALID"}
NONE, RELU, RELU6 = 0, 1, 3
SHAPES = ((2, 3, 4, 5), (3, 4), (2, 2, 2, 3, 2))


def all_forms():
    """Every form, in an order that does not change."""
    families = (
        *(
            _functions,
            _normalized,
            _arithmetic,
            _slopes,
            _convolutions,
            _depthwise,
            _transposed,
            _dense,
            _narrow,
            _matrices,
        ),
        *(_pools, _reductions, _largest, _resizes, _orders, _joined, _cut, _around, _picked, _blocks, _rescaled),
    )
    for family in families:
        for dtype in TYPES:
            yield from family(dtype, np.random.RandomState(0))
    yield from _hybrid(np.random.RandomState(0))


def _functions(dtype, _):
    kinds = "ABS NEG SQRT RSQRT EXP LOG RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 ELU HARD_SWISH LOGISTIC TANH".split()  # noqa: SIM905
    points = (-128, 0, 50) if dtype == "int8" else (0,)
    for kind, scale, point in itertools.product(kinds, (0.002, 0.03, 0.2), points):
        x = every(dtype, scale, point, positive=kind in ("SQRT", "RSQRT", "LOG"))
        yield form(kind, dtype, f"scale {scale} zero point {point}", [x])
    for alpha, scale in itertools.product((0.01, 0.3, 1.5), (0.03, 0.2)):
        yield form("LEAKY_RELU", dtype, f"alpha {alpha} scale {scale}", [every(dtype, scale)], {"Alpha": alpha})
    # Activations of random weights are of hundreds: there a table of a function that bends at 0 is coarse.
    for approximate, scale in itertools.product((False, True), (0.01, 0.05, 0.2, 10)):
        words = f"{'tanh' if approximate else 'erf'} scale {scale}"
        yield form("GELU", dtype, words, [every(dtype, scale)], {"Approximate": approximate})


def _normalized(dtype, random):
    for shape, scale in itertools.product(((1, 10), (3, 7), (2, 3, 5), (2, 2, 3, 6), (1, 300)), (0.01, 0.1, 0.5)):
        x, words = drawn(random, dtype, shape, scale), f"{by(shape)} scale {scale}"
        for beta in (1.0, 0.5):
            yield form("SOFTMAX", dtype, f"{words} beta {beta}", [x], {"Beta": beta})
        yield form("LOG_SOFTMAX", dtype, words, [x])
        yield form("L2_NORMALIZATION", dtype, words, [x])


def _arithmetic(dtype, random):
    # Not of rank 5 where shapes differ: tflite-runtime 2.14.0's process ends at such a MUL of int16.
    pairs = (
        *(
            ((2, 3, 4, 5), (2, 3, 4, 5)),
            ((2, 3, 4, 5), (5,)),
            ((2, 3, 4, 5), (1, 1, 1, 1)),
            ((1, 3, 4, 1), (2, 1, 1, 5)),
        ),
        *(((4, 5), ()), ((1, 5), (4, 1)), ((7,), (7,)), ((2, 2, 1, 3, 2), (2, 2, 1, 3, 2))),
    )
    activations = {"": NONE, " RELU6": RELU6}
    for kind, (one, two), scales, words in itertools.product(
        ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE"), pairs, ((0.05, 0.05), (0.002, 0.4)), activations
    ):
        x, y = drawn(random, dtype, one, scales[0]), drawn(random, dtype, two, scales[1])
        options = {"FusedActivationFunction": activations[words]}
        if kind == "SQUARED_DIFFERENCE":
            # It ends with no activation.
            if words:
                continue
            options = {}
        if kind == "DIV":
            y = y._replace(data=np.where(y.data == y.points[0], y.points[0] + 1, y.data).astype(dtype))
        if kind in ("ADD", "SUB") and dtype == "int16":
            # Any scales, as converters write it.
            options["PotScaleInt16"] = False
        yield form(kind, dtype, f"{by(one)} {by(two)} scales {scales}{words}", [x, y], options)
    for kind, (one, two) in itertools.product(("MAXIMUM", "MINIMUM"), pairs):
        yield form(kind, dtype, f"{by(one)} {by(two)}", [drawn(random, dtype, shape, 0.05) for shape in (one, two)])


def _slopes(dtype, random):
    for shape, of in (((2, 3, 4, 5), (1, 1, 5)), ((2, 3, 4, 5), (1, 1, 1)), ((2, 3, 4, 5), (3, 4, 5)), ((3, 5), (5,))):
        slopes = drawn(random, dtype, of, 0.01)._replace(constant=True)
        yield form("PRELU", dtype, f"{by(shape)} {by(of)}", [drawn(random, dtype, shape, 0.05), slopes])


def _windows():
    """Options of windows, and words for them."""
    for padding, (stride, dilation), activation in itertools.product(PADDINGS, ((1, 1), (2, 1), (1, 2)), (NONE, RELU)):
        options = {"Padding": padding, "StrideW": stride, "StrideH": stride, "FusedActivationFunction": activation}
        options.update(DilationWFactor=dilation, DilationHFactor=dilation)
        yield options, f"{PADDINGS[padding]} stride {stride} dilation {dilation}{' RELU' * activation}"


def _convolutions(dtype, random):
    for options, words in _windows():
        for groups in (1, 2):
            x, weights = drawn(random, dtype, (2, 9, 8, 4), 0.05), kernel(random, (6, 3, 3, 4 // groups), 0)
            given = [x, weights, bias(random, dtype, x, weights)]
            yield form("CONV_2D", dtype, f"{words} groups {groups}", given, options)


def _depthwise(dtype, random):
    for options, words in _windows():
        for times in (1, 2):
            x, weights = drawn(random, dtype, (2, 9, 8, 4), 0.05), kernel(random, (1, 3, 3, 4 * times), 3)
            given = [x, weights, bias(random, dtype, x, weights)]
            yield form(
                "DEPTHWISE_CONV_2D", dtype, f"{words} times {times}", given, {**options, "DepthMultiplier": times}
            )


def _transposed(dtype, random):
    for padding, stride, size, biased in itertools.product(PADDINGS, (1, 2, 3), (2, 3), (False, True)):
        x, weights = drawn(random, dtype, (2, 4, 5, 4), 0.05), kernel(random, (6, size, size, 4), 0)
        sides = [each * stride if padding == SAME else (each - 1) * stride + size for each in (4, 5)]
        shape = (2, *sides, 6)
        given = [whole(shape), weights, x, *([bias(random, dtype, x, weights)] if biased else [])]
        words = f"{PADDINGS[padding]} stride {stride} window {size}{' bias' * biased}"
        options = {"Padding": padding, "StrideW": stride, "StrideH": stride}
        yield form("TRANSPOSE_CONV", dtype, words, given, options, shapes=[shape])


def _dense(dtype, random):
    for shape, kept, biased, each, activation in itertools.product(
        ((1, 12), (5, 12), (2, 3, 12), (2, 2, 3, 12)), (False, True), (False, True), (False, True), (NONE, RELU)
    ):
        x, weights = drawn(random, dtype, shape, 0.05), kernel(random, (7, 12), 0, each=each)
        given = [x, weights, *([bias(random, dtype, x, weights)] if biased else [])]
        words = by(shape) + " keeps dimensions" * kept + " bias" * biased + " scale per channel" * each
        options = {"KeepNumDims": kept, "FusedActivationFunction": activation}
        to = (*shape[:-1], 7) if kept else (int(np.prod(shape[:-1])), 7)
        yield form("FULLY_CONNECTED", dtype, words + " RELU" * activation, given, options, shapes=[to])


def _narrow(dtype, random):
    """Biases of 32 bits beside activations of 16."""
    if dtype != "int16":
        return
    image, rows = drawn(random, dtype, (2, 6, 5, 4), 0.05), drawn(random, dtype, (5, 12), 0.05)
    window = {"Padding": SAME, "StrideW": 1, "StrideH": 1}
    larger = (2, 12, 10, 6)
    for kind, x, weights, options, shape in (
        ("CONV_2D", image, kernel(random, (6, 3, 3, 4), 0), window, ()),
        ("DEPTHWISE_CONV_2D", image, kernel(random, (1, 3, 3, 4), 3), {**window, "DepthMultiplier": 1}, ()),
        ("TRANSPOSE_CONV", image, kernel(random, (6, 2, 2, 4), 0), {**window, "StrideW": 2, "StrideH": 2}, larger),
        ("FULLY_CONNECTED", rows, kernel(random, (7, 12), 0, each=False), {}, (5, 7)),
    ):
        narrow = bias(random, dtype, x, weights, wide=False)
        given = [whole(shape), weights, x, narrow] if kind == "TRANSPOSE_CONV" else [x, weights, narrow]
        yield form(kind, dtype, "bias of int32", given, options, shapes=[shape])


def _hybrid(random):
    """Weights of int8 beside activations of floats, as dynamic range quantization leaves them."""
    window = {"Padding": SAME, "StrideW": 1, "StrideH": 1}
    image, rows, larger = (2, 6, 5, 4), (5, 12), (2, 12, 10, 6)
    symmetric, asymmetric = {"AsymmetricQuantizeInputs": False}, {"AsymmetricQuantizeInputs": True}
    dense = ("FULLY_CONNECTED", rows, (7, 12), 0, (5, 7))
    kept = ("FULLY_CONNECTED", (2, 3, 12), (7, 12), 0, (2, 3, 7))
    product = ("BATCH_MATMUL", (2, 5, 12), (2, 7, 12), 1, ())
    for (kind, shape, weights, axis, to), options, version in (
        (("CONV_2D", image, (6, 3, 3, 4), 0, ()), window, 2),
        (("DEPTHWISE_CONV_2D", image, (1, 3, 3, 4), 3, ()), {**window, "DepthMultiplier": 1}, 4),
        (("TRANSPOSE_CONV", image, (6, 2, 2, 4), 0, larger), {**window, "StrideW": 2, "StrideH": 2}, 3),
        *((dense, options, version) for options, version in ((symmetric, 3), (asymmetric, 9))),
        *((kept, {"KeepNumDims": True, **options}, version) for options, version in ((symmetric, 5), (asymmetric, 9))),
        *((product, {"AdjY": True, **options}, version) for options, version in ((symmetric, 3), (asymmetric, 4))),
    ):
        for each in (False, True):
            x, kept_as = (
                Value(random.uniform(-3, 3, shape).astype(np.float32)),
                kernel(random, weights, axis, each=each),
            )
            added = Value(random.uniform(-3, 3, weights[axis]).astype(np.float32), constant=True)
            given = {"BATCH_MATMUL": [x, kept_as], "TRANSPOSE_CONV": [whole(to), kept_as, x, added]}
            words = " asymmetric" * options.get("AsymmetricQuantizeInputs", False) + " scale per channel" * each
            operands = given.get(kind, [x, kept_as, added])
            yield form(kind, "float32", by(shape) + words, operands, options, shapes=[to], version=version)


def _matrices(dtype, random):
    pairs = (
        *(((5, 6), (6, 3)), ((2, 5, 6), (2, 6, 3)), ((2, 5, 6), (6, 3)), ((2, 1, 5, 6), (1, 3, 6, 4))),
        ((1, 5, 6), (2, 6, 3)),
    )
    for (one, two), turned, constant in itertools.product(pairs, (False, True), (False, True)):
        x, y = drawn(random, dtype, one, 0.05), drawn(random, dtype, two, 0.03)._replace(constant=constant)
        if turned:
            y = y._replace(data=np.ascontiguousarray(np.swapaxes(y.data, -1, -2)))
        words = f"{by(one)} {by(two)}{' adj_y' * turned}{' constant' * constant}"
        yield form("BATCH_MATMUL", dtype, words, [x, y], {"AdjY": turned})


def _pools(dtype, random):
    points = (-128, 0, 127) if dtype == "int8" else (0,)
    for kind, padding, stride, size, point, activation in itertools.product(
        ("AVERAGE_POOL_2D", "MAX_POOL_2D"), PADDINGS, (1, 2), (2, 3), points, (NONE, RELU)
    ):
        options = {"Padding": padding, "StrideW": stride, "StrideH": stride, "FilterWidth": size, "FilterHeight": size}
        words = f"{PADDINGS[padding]} stride {stride} window {size} zero point {point}{' RELU' * activation}"
        x = drawn(random, dtype, (2, 7, 6, 5), 0.05, point)
        yield form(kind, dtype, words, [x], {**options, "FusedActivationFunction": activation})


def _reductions(dtype, random):
    shapes = {
        (6, 5): ((0,), (1,), (0, 1)),
        (2, 3, 4, 5): ((1, 2), (3,), (1,), (0,), (2, 3), (0, 1, 2, 3), (-1,)),
        (2, 3, 2, 2, 3): ((4,), (1, 2), (1, 3)),
        (3, 40, 40, 2): ((1, 2),),
    }
    each = [(shape, axes) for shape, choices in shapes.items() for axes in choices]
    for kind, (shape, axes), kept in itertools.product(
        ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), each, (False, True)
    ):
        for point in (-100, 0) if dtype == "int8" else (0,):
            words = f"{by(shape)} axes {axes} zero point {point}{' keeps dimensions' * kept}"
            x = drawn(random, dtype, shape, 0.05, point)
            yield form(kind, dtype, words, [x, whole(axes)], {"KeepDims": kept})
            if kind == "MEAN":
                yield form(kind, dtype, words + " as the input", [x, whole(axes)], {"KeepDims": kept}, like=x)


def _largest(dtype, random):
    for kind, axis, tied in itertools.product(("ARG_MAX", "ARG_MIN"), (0, 1, 2, 3, -1), (False, True)):
        x = drawn(random, dtype, (2, 5, 4, 6), 0.05)
        x = x._replace(data=(x.data // 100 * 100).astype(dtype)) if tied else x
        words = f"axis {axis}{' ties' * tied}"
        yield form(kind, dtype, words, [x, whole([axis])], {"OutputType": 2}, to="int32")


def _resizes(dtype, random):
    small = {"double": (10, 8), "triple": (15, 12), "half": (2, 2), "other": (7, 3), "less": (3, 3), "same": (5, 4)}
    sizes = {**small, "one": (1, 1), "3 of 300": (300, 3), "3 of 512": (512, 3), "3 of 1000": (1000, 3)}
    for kind, (name, size) in itertools.product(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), sizes.items()):
        for half, corners in ((False, False), (True, False), (False, True)):
            words = f"to {name}{' half_pixel_centers' * half}{' align_corners' * corners}"
            x = drawn(random, dtype, (1, 100, 1, 3) if " of " in name else (2, 5, 4, 3), 0.05)
            yield form(kind, dtype, words, [x, whole(size)], {"AlignCorners": corners, "HalfPixelCenters": half})


def _orders(dtype, random):
    orders = [
        *itertools.permutations(range(4)),
        (4, 0, 1, 2, 3),
        (0, 2, 1, 4, 3),
        (0, 5, 1, 2, 3, 4),
        (5, 4, 3, 2, 1, 0),
    ]
    for axes in orders:
        x = drawn(random, dtype, (2, 3, 4, 5, 2, 3)[: len(axes)], 0.05)
        yield form("TRANSPOSE", dtype, f"by {axes}", [x, whole(axes)])
    x = drawn(random, dtype, (2, 3, 4), 0.05)
    yield form("RESHAPE", dtype, "", [x, whole([4, 6])], shapes=[(4, 6)])
    for shape in SHAPES:
        yield form("REVERSE_V2", dtype, by(shape), [drawn(random, dtype, shape, 0.05), whole([1])])


def _joined(dtype, random):
    for shape, axis in itertools.product(SHAPES, (0, 1, -1)):
        parts, words = [drawn(random, dtype, shape, 0.05) for _ in range(3)], f"{by(shape)} axis {axis}"
        yield form("CONCATENATION", dtype, words, parts, {"Axis": axis})
        yield form("PACK", dtype, words, parts, {"Axis": axis, "ValuesCount": 3})
    for shape in SHAPES:
        x = drawn(random, dtype, shape, 0.05)
        yield form("TILE", dtype, by(shape), [x, whole([2, 1, 3, 1, 2][: len(shape)])])
        given = [drawn(random, dtype, (*shape[:-1], 1), 0.05), whole(shape)]
        yield form("BROADCAST_TO", dtype, by(shape), given, shapes=[shape], version=2)


def _cut(dtype, random):
    for axis in range(4):
        x, words = drawn(random, dtype, (4, 4, 4, 4), 0.05), f"axis {axis}"
        halves, uneven = ([[4] * axis + [size] + [4] * (3 - axis) for size in sizes] for sizes in ((2, 2), (3, 1)))
        yield form("SPLIT", dtype, words, [whole([axis]), x], {"NumSplits": 2}, shapes=halves)
        yield form("SPLIT_V", dtype, words, [x, whole([3, 1]), whole([axis])], {"NumSplits": 2}, shapes=uneven)
    for shape in SHAPES:
        x, rank = drawn(random, dtype, shape, 0.05), len(shape)
        less = [size - 1 for size in shape]
        yield form("SLICE", dtype, by(shape), [x, whole([1] * rank), whole(less)], shapes=[less])
        for step in (1, 2):
            bounds = whole([0] * rank), whole(shape), whole([step] * rank)
            yield form("STRIDED_SLICE", dtype, f"{by(shape)} step {step}", [x, *bounds])
        bounds = whole(less), whole([-size - 1 for size in shape]), whole([-1] * rank)
        yield form("STRIDED_SLICE", dtype, f"{by(shape)} step -1", [x, *bounds])
        for axis in (0, 1, -1):
            options = {"Axis": axis, "Num": shape[axis]}
            yield form("UNPACK", dtype, f"{by(shape)} axis {axis}", [x], options)


def _around(dtype, random):
    for shape in SHAPES:
        x, rank = drawn(random, dtype, shape, 0.05), len(shape)
        around = whole([[at % 2, (at + 1) % 3] for at in range(rank)])
        yield form("PAD", dtype, by(shape), [x, around])
        yield form("PADV2", dtype, by(shape), [x, around, drawn(random, dtype, (1,), 0.05)._replace(constant=True)])
        mirrored = whole([[1, 1] if at in (rank - 1, 1) else [0, 1] for at in range(rank)])
        for mode, words in enumerate(("REFLECT", "SYMMETRIC")):
            yield form("MIRROR_PAD", dtype, f"{by(shape)} {words}", [x, mirrored], {"Mode": mode})


def _picked(dtype, random):
    for shape in SHAPES:
        x, y = (drawn(random, dtype, shape, 0.05) for _ in range(2))
        for axis in range(len(shape)):
            yield form("GATHER", dtype, f"{by(shape)} axis {axis}", [x, whole([1, 0, 1])], {"Axis": axis})
        condition = Value(random.randint(0, 2, shape).astype(bool))
        yield form("SELECT_V2", dtype, by(shape), [condition, x, y])
        # Not of rank 5: TensorFlow 2.4.1's process ends at it.
        if len(shape) < 5:
            row = drawn(random, dtype, shape[-1:], 0.05)
            yield form("SELECT_V2", dtype, f"{by(shape)} one row", [condition, row, y])
    yield form("GATHER_ND", dtype, "", [drawn(random, dtype, (3, 4, 5), 0.05), whole([[0, 1], [2, 3]])])


def _blocks(dtype, random):
    small, large = ((2, 2, 3, 12), (2, 4, 6, 3))
    options = {"BlockSize": 2}
    yield form("SPACE_TO_DEPTH", dtype, "", [drawn(random, dtype, large, 0.05)], options, shapes=[small])
    yield form("DEPTH_TO_SPACE", dtype, "", [drawn(random, dtype, small, 0.05)], options, shapes=[large])


def _rescaled(dtype, _):
    """The same numbers with another scale, or as floats."""
    points = {"int8": 5, "int16": 0, "uint8": 120}
    for scale in (0.0013, 0.05, 0.7):
        x = every(dtype, scale)
        yield form("DEQUANTIZE", dtype, f"scale {scale}", [x], to="float32")
        for (to, point), other in itertools.product(points.items(), (0.05, 0.031, 0.2)):
            like = Value(np.zeros(1, to), (scaled(to, other) if to == "int16" else other,), (point,))
            yield form("QUANTIZE", dtype, f"scale {scale} to {to} scale {other}", [x], like=like, to=to)
