"""A small network of int8, right in every part, as plain values that a test changes."""

import numpy as np
from built import File, Graph, Operator, Signature, Tensor

_RANDOM = np.random.RandomState(0)
_CHANNELS = [0.002 + 0.0002 * at for at in range(8)]
X, KERNEL, BIAS, CONV, POOL, SHAPE, FLAT, WEIGHTS, ROWS, DENSE, SCORES = range(11)


def _product(scale, scales):
    return [float(np.float32(scale) * np.float32(each)) for each in scales]


def _integers(*shape):
    return _RANDOM.randint(-127, 128, shape).astype(np.int8)


TENSORS = [
    Tensor("x", (1, 8, 8, 4), "int8", scales=[0.02], zero_points=[3]),
    Tensor("kernel", (8, 3, 3, 4), "int8", _integers(8, 3, 3, 4), _CHANNELS, [0] * 8),
    Tensor(
        *("bias", (8,), "int32", np.arange(-400, 400, 100, dtype=np.int32)),
        scales=_product(0.02, _CHANNELS),
        zero_points=[0] * 8,
    ),
    Tensor("conv", (1, 4, 4, 8), "int8", scales=[0.025], zero_points=[-128]),
    Tensor("pool", (1, 2, 2, 8), "int8", scales=[0.025], zero_points=[-128]),
    Tensor("shape", (2,), "int32", np.array([1, 32], np.int32)),
    Tensor("flat", (1, 32), "int8", scales=[0.025], zero_points=[-128]),
    Tensor("weights", (5, 32), "int8", _integers(5, 32), [0.005], [0]),
    Tensor("rows", (5,), "int32", np.array([300, -20, 0, 7, 90], np.int32), _product(0.025, [0.005]), [0]),
    Tensor("dense", (1, 5), "int8", scales=[0.15], zero_points=[10]),
    Tensor("scores", (1, 5), "int8", scales=[1 / 256], zero_points=[-128]),
]
_WINDOWS = {"Padding": 0, "StrideW": 2, "StrideH": 2}
OPERATORS = [
    Operator("CONV_2D", (X, KERNEL, BIAS), (CONV,), "Conv2DOptions", {**_WINDOWS, "FusedActivationFunction": 1}, 3),
    Operator("MAX_POOL_2D", (CONV,), (POOL,), "Pool2DOptions", {**_WINDOWS, "FilterWidth": 2, "FilterHeight": 2}, 2),
    Operator("RESHAPE", (POOL, SHAPE), (FLAT,), "ReshapeOptions", {"NewShape": [1, 32]}),
    Operator("FULLY_CONNECTED", (FLAT, WEIGHTS, ROWS), (DENSE,), "FullyConnectedOptions", {}, 4),
    Operator("SOFTMAX", (DENSE,), (SCORES,), "SoftmaxOptions", {"Beta": 1.0}, 2),
]
SIGNATURE = Signature({"image": X}, {"scores": SCORES})


def tensor(place, **changes):
    """The file with other fields of a tensor."""
    tensors = list(TENSORS)
    tensors[place] = tensors[place]._replace(**changes)
    return file(tensors=tensors)


def operator(place, options=None, **changes):
    """The file with other fields of an operator, or other options."""
    operators = list(OPERATORS)
    changed = operators[place]._replace(**changes)
    operators[place] = changed._replace(options={**changed.options, **(options or {})})
    return file(operators=operators)


def file(tensors=TENSORS, operators=OPERATORS, outputs=(SCORES,), signatures=(SIGNATURE,)):
    return File([Graph(tensors, operators, (X,), outputs)], signatures)
