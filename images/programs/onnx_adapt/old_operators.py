"""Operators of opsets 1 to 6 for ONNX's own evaluator, which lacks them, or takes them for those of later opsets."""

import numpy as np
import onnx
from onnx.reference.op_run import OpRun

# The opset from which on arithmetic broadcasts as numpy does, and onnxruntime has kernels.
BROADCASTING = 7


class OldOperator(OpRun):
    """One of ``computed``, a function of the inputs and of the attributes that the node has, without defaults."""

    op_domain = ""

    def _load_attributes(self):
        self.has_linked_attribute, self.attributes_names_ = False, set()
        given = {each.name: onnx.helper.get_attribute_value(each) for each in self.onnx_node.attribute}
        given.pop("consumed_inputs", None)
        self.given = given

    def _run(self, *inputs):
        return (np.asarray(self.computed(*inputs, **self.given)),)


def _along(function):
    """A function of two arrays, of which the second lies along an axis of the first."""

    def computed(a, b, axis=None, broadcast=0):
        if broadcast and axis is not None:
            b = b.reshape(*b.shape, *[1] * (a.ndim - axis % a.ndim - b.ndim))
        return function(a, b).astype(bool if function in _TRUTHS else a.dtype)

    return computed


_TRUTHS = (np.logical_and, np.logical_or, np.logical_xor, np.equal, np.greater, np.less)


def _flat(function):
    """A function of rows, for the dimensions from an axis on as one row."""

    def computed(x, axis=1):
        return function(x.reshape(int(np.prod(x.shape[: axis % x.ndim])), -1)).reshape(x.shape).astype(x.dtype)

    return computed


def _softmax(rows):
    grown = np.exp(rows - rows.max(1, keepdims=True))
    return grown / grown.sum(1, keepdims=True)


def _log_softmax(rows):
    lowered = rows - rows.max(1, keepdims=True)
    return lowered - np.log(np.exp(lowered).sum(1, keepdims=True))


def _hardmax(rows):
    return np.arange(rows.shape[1]) == rows.argmax(1)[:, None]


def _prelu(x, slope):
    if slope.ndim == 1:
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x < 0, x * slope, x)


def _batch_normalization(x, scale, bias, mean, variance, epsilon=1e-5, spatial=1, **_):
    if spatial:
        scale, bias, mean, variance = (each.reshape(-1, *[1] * (x.ndim - 2)) for each in (scale, bias, mean, variance))
    return ((x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + bias).astype(x.dtype)


def _pad(x, pads=None, paddings=None, mode=b"constant", value=0.0):
    sides = np.reshape(pads if paddings is None else paddings, (2, -1)).T
    if mode == b"constant":
        return np.pad(x, sides, constant_values=value)
    return np.pad(x, sides, mode.decode())


def _upsample(x, scales=None, height_scale=1.0, width_scale=1.0, mode=b"nearest"):
    if mode != b"nearest":
        raise ValueError("its Upsample has the mode {}".format(mode.decode()))
    for axis, scale in enumerate(scales or (1.0, 1.0, height_scale, width_scale)):
        x = x.take((np.arange(int(x.shape[axis] * scale)) / scale).astype(int), axis)
    return x


def _cast(x, to):
    kind = onnx.TensorProto.DataType.Value(to.decode().upper()) if isinstance(to, bytes) else to
    return x.astype(onnx.helper.tensor_dtype_to_np_dtype(kind))


def _reshaped(x, shape):
    return x.reshape([x.shape[at] if size == 0 else size for at, size in enumerate(shape)])


_COMPUTED = {
    "Add": _along(np.add),
    "Sub": _along(np.subtract),
    "Mul": _along(np.multiply),
    "Div": _along(np.divide),
    "Pow": _along(np.power),
    "And": _along(np.logical_and),
    "Or": _along(np.logical_or),
    "Xor": _along(np.logical_xor),
    "Equal": _along(np.equal),
    "Greater": _along(np.greater),
    "Less": _along(np.less),
    "PRelu": _prelu,
    "Softmax": _flat(_softmax),
    "LogSoftmax": _flat(_log_softmax),
    "Hardmax": _flat(_hardmax),
    "BatchNormalization": _batch_normalization,
    "Dropout": lambda x, **_: x,
    "Cast": _cast,
    "Clip": lambda x, **bounds: x.clip(bounds.get("min"), bounds.get("max")).astype(x.dtype),
    "Reshape": lambda x, to=None, shape=(): _reshaped(x, shape if to is None else to),
    "Concat": lambda *inputs, axis=1: np.concatenate(inputs, axis),
    "Pad": _pad,
    "Upsample": _upsample,
}
OPERATORS = [type(name, (OldOperator,), {"computed": staticmethod(each)}) for name, each in _COMPUTED.items()]
