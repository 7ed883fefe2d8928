"""Fourier transforms of a known length, as products with constant matrices, and the windows of signals."""

import numpy as np
import onnx_ir as ir

from .rule import constant, inputs, rank, rule, sizes

PARTS = 2


@rule("DFT", since=(17, 20))
def dft(node, op):
    x, length, axis = inputs(node, 3)
    if op.opset < 20:
        axis = node.attributes.get_int("axis", 1)
    else:
        axis = -2 if axis is None else int(constant(axis, "axis").reshape(()))
    axis %= rank(x)
    inverse, onesided = (node.attributes.get_int(name, 0) for name in ("inverse", "onesided"))
    count, parts = sizes(x, axis, -1)
    if length is not None:
        length = int(constant(length, "length").reshape(()))
    else:
        length = 2 * (count - 1) if inverse and onesided else count
    return _transformed(op, x, axis, _matrix(length, count, parts, inverse, onesided))


@rule("STFT", since=17)
def stft(node, op):
    signal, step, window, length = inputs(node, 4)
    step = int(constant(step, "step").reshape(()))
    count, parts = sizes(signal, 1, 2)
    if length is not None:
        length = int(constant(length, "length").reshape(()))
    else:
        length = count if window is None else sizes(window, 0)[0]
    places = np.arange((count - length) // step + 1)[:, None] * step + np.arange(length)
    frames = op.Gather(signal, op.constant(places), axis=1)
    if window is not None:
        frames = op.Mul(frames, op.Reshape(window, op.constant([-1, 1], "int64")))
    onesided = node.attributes.get_int("onesided", 1)
    return _transformed(op, frames, 2, _matrix(length, length, parts, False, onesided))


def _matrix(length, count, parts, inverse, onesided):
    """What a transform does, as [count numbers of parts, all numbers of the result, its parts]."""
    given = min(length, length // 2 + 1 if inverse and onesided else length)
    made = length // 2 + 1 if onesided and not inverse else length
    used = min(given, count)
    turns = np.outer(np.arange(used), np.arange(made)) % length * (2 * np.pi / length)
    sign = 1 if inverse else -1
    wave = np.exp(sign * 1j * turns) / (length if inverse else 1)
    if inverse and onesided:
        # The numbers that are left out are the conjugates of these, all but the first and the middle one.
        twice = np.array([1 if at in (0, length / 2) else 2 for at in range(used)])
        wave = wave * twice[:, None]
    matrix = np.zeros([count, parts, made, PARTS])
    matrix[:used, 0, :, 0], matrix[:used, 0, :, 1] = wave.real, wave.imag
    if parts == PARTS:
        matrix[:used, 1, :, 0], matrix[:used, 1, :, 1] = -wave.imag, wave.real
    return matrix[..., :1] if inverse and onesided else matrix


def _transformed(op, x, axis, matrix):
    """X with the numbers along an axis, and their parts along the last, taken through a matrix."""
    count, parts, made, of_result = matrix.shape
    others = [at for at in range(rank(x)) if at not in (axis, rank(x) - 1)]
    order = [*others, axis, rank(x) - 1]
    rows = op.Reshape(op.Transpose(x, perm=order), op.constant([-1, count * parts], "int64"))
    product = op.MatMul(rows, op.constant(matrix.reshape(count * parts, made * of_result), like=x))
    shape = op.Concat(*(op.size(x, at) for at in others), op.constant([made, of_result], "int64"), axis=0)
    return op.Transpose(op.Reshape(product, shape), perm=[int(at) for at in np.argsort(order)])


@rule("BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix", since=17)
def constant_of_constants(node, op):
    """What ONNX's reference implementation makes of a node whose inputs are all constants."""
    values = [constant(value, "size") for value in node.inputs]
    # Few models need it, and it takes as long to import as onnxruntime.
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    reference = ReferenceEvaluator(ir.to_proto(node))
    (made,) = reference.run(None, {value.name: numbers for value, numbers in zip(node.inputs, values)})
    return op.constant(made, like=node.outputs[0])
