"""Operators that only move numbers, or write the same ones with another scale."""

import numpy as np

from .call import Definition, UnknownFormError


def _same(call):
    return call.inputs[0]


def _reshaped(call):
    return call.inputs[0].reshape(call.shapes[0])


def _transposed(call):
    return np.transpose(call.inputs[0], call.whole(1))


def _joined(call):
    return np.concatenate(call.inputs, call.option("axis", 0))


def _split(call):
    return np.split(call.inputs[1], len(call.shapes), call.whole(0)[0])


def _split_by_sizes(call):
    axis = call.whole(2)[0]
    ends = np.cumsum([shape[axis] for shape in call.shapes])
    return np.split(call.inputs[0], ends[:-1], axis)


def _sliced(call):
    return call.inputs[0][tuple(slice(at, at + size) for at, size in zip(call.whole(1), call.shapes[0]))]


def _strided(call):
    if call.option("ellipsis_mask") or call.option("new_axis_mask") or call.option("offset", False):
        raise UnknownFormError("STRIDED_SLICE with an ellipsis, a new axis or an offset")
    picked = []
    for axis, (begin, end, stride) in enumerate(zip(*(call.whole(at) for at in (1, 2, 3)))):
        if call.option("shrink_axis_mask") >> axis & 1:
            picked.append(begin)
            continue
        ends = (
            None if call.option(mask) >> axis & 1 else place
            for mask, place in (("begin_mask", begin), ("end_mask", end))
        )
        picked.append(slice(*ends, stride))
    return call.inputs[0][tuple(picked)]


def _padded(call):
    fill = 0 if call.input(2) is None else float(np.ravel(call.inputs[2])[0])
    return np.pad(call.inputs[0], _around(call), mode="constant", constant_values=fill)


def _mirrored(call):
    mode = {"REFLECT": "reflect", "SYMMETRIC": "symmetric"}[call.options["mode"]]
    return np.pad(call.inputs[0], _around(call), mode=mode)


def _around(call):
    return np.reshape(call.whole(1), (-1, 2)).tolist()


def _gathered(call):
    if call.option("batch_dims", 0):
        raise UnknownFormError("GATHER with batch dimensions")
    return np.take(call.inputs[0], np.asarray(call.inputs[1], int), call.option("axis", 0))


def _gathered_by_coordinates(call):
    return call.inputs[0][tuple(np.moveaxis(np.asarray(call.inputs[1], int), -1, 0))]


def _tiled(call):
    return np.tile(call.inputs[0], call.whole(1))


def _broadcast(call):
    return np.broadcast_to(call.inputs[0], call.shapes[0])


def _packed(call):
    return np.stack(call.inputs, call.option("axis", 0))


def _unpacked(call):
    return list(np.moveaxis(call.inputs[0], call.option("axis", 0), 0))


def _space_to_depth(call):
    x, size = call.inputs[0], call.option("block_size", 1)
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // size, size, width // size, size, channels)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(call.shapes[0])


def _depth_to_space(call):
    x, size = call.inputs[0], call.option("block_size", 1)
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height, width, size, size, channels // size**2)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(call.shapes[0])


def _reversed(call):
    return np.flip(call.inputs[0], call.whole(1))


def _selected(call):
    condition, x, y = call.inputs
    if call.shapes[0] and condition.ndim == 1 and condition.shape != call.shapes[0][-1:]:
        condition = condition.reshape([-1] + [1] * (len(call.shapes[0]) - 1))
    return np.where(condition, x, y)


DEFINITIONS = {
    "QUANTIZE": Definition(_same, 1, 1),
    "DEQUANTIZE": Definition(_same, 0, 0),
    "RESHAPE": Definition(_reshaped, 0, 0),
    "SQUEEZE": Definition(_reshaped, 0, 0),
    "EXPAND_DIMS": Definition(_reshaped, 0, 0),
    "TRANSPOSE": Definition(_transposed, 0, 0),
    "CONCATENATION": Definition(_joined, 1, 1),
    "SPLIT": Definition(_split, 0, 0),
    "SPLIT_V": Definition(_split_by_sizes, 0, 0),
    "SLICE": Definition(_sliced, 0, 0),
    "STRIDED_SLICE": Definition(_strided, 0, 0),
    "PAD": Definition(_padded, 0, 0),
    "PADV2": Definition(_padded, 0, 0),
    "MIRROR_PAD": Definition(_mirrored, 0, 0),
    "GATHER": Definition(_gathered, 0, 0),
    "GATHER_ND": Definition(_gathered_by_coordinates, 0, 0),
    "TILE": Definition(_tiled, 0, 0),
    "BROADCAST_TO": Definition(_broadcast, 0, 0),
    "PACK": Definition(_packed, 0, 0),
    "UNPACK": Definition(_unpacked, 0, 0),
    "SPACE_TO_DEPTH": Definition(_space_to_depth, 0, 0),
    "DEPTH_TO_SPACE": Definition(_depth_to_space, 0, 0),
    "REVERSE_V2": Definition(_reversed, 0, 0),
    "SELECT": Definition(_selected, 0, 0),
    "SELECT_V2": Definition(_selected, 0, 0),
}
