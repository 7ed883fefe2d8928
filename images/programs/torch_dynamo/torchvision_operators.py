"""torchvision's operators, for a torch that its library does not load beside.

PyPI's torchvision is built for CUDA's torch. What it says about its operators in Python (shapes, gradients, export)
holds for these; those that models use when they are run are computed here, by torch itself.
"""

import functools
import math
from pathlib import Path

import torch
from torch.nn import functional

from stagekit import StageError

LIBRARY = ("torchvision", "_C")
SIZES = "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w"
DEFORMED = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
OF_DEFORMED = SIZES + ", SymInt groups, SymInt offset_groups, bool use_mask"
POOLED = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
OF_IMAGES = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
QUANTIZED = "float input_scale, int input_zero_point, float rois_scale, int rois_zero_point"
# As its library declares them.
SCHEMAS = {
    "_cuda_version": "() -> int",
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "box_iou_rotated": "(Tensor boxes1, Tensor boxes2) -> Tensor",
    "roi_align": f"(Tensor input, Tensor rois, {POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    "qroi_align": f"(Tensor input, Tensor rois, {QUANTIZED}, {POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    "_roi_align_backward": f"(Tensor grad, Tensor rois, {POOLED}, {OF_IMAGES}, int sampling_ratio, bool aligned)"
    " -> Tensor",
    "roi_pool": f"(Tensor input, Tensor rois, {POOLED}) -> (Tensor, Tensor)",
    "_roi_pool_backward": f"(Tensor grad, Tensor rois, Tensor argmax, {POOLED}, {OF_IMAGES}) -> Tensor",
    "ps_roi_align": f"(Tensor input, Tensor rois, {POOLED}, int sampling_ratio) -> (Tensor, Tensor)",
    "_ps_roi_align_backward": f"(Tensor grad, Tensor rois, Tensor channel_mapping, {POOLED}, int sampling_ratio, "
    f"{OF_IMAGES}) -> Tensor",
    "ps_roi_pool": f"(Tensor input, Tensor rois, {POOLED}) -> (Tensor, Tensor)",
    "_ps_roi_pool_backward": f"(Tensor grad, Tensor rois, Tensor channel_mapping, {POOLED}, {OF_IMAGES}) -> Tensor",
    "deform_conv2d": f"({DEFORMED}, {OF_DEFORMED}) -> Tensor",
    "_deform_conv2d_backward": f"(Tensor grad, {DEFORMED}, {OF_DEFORMED}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
}


def stand_in():
    """Have torchvision, when it is imported, find its operators even if its library does not load."""
    torch.ops.load_library = functools.partial(_loaded, torch.ops.load_library)


def _loaded(load_library, path):
    try:
        load_library(path)
    except OSError:
        if (Path(path).parent.name, Path(path).name.partition(".")[0]) != LIBRARY:
            raise
        _defined()


# What is defined lasts as long as this.
@functools.lru_cache(maxsize=None)
def _defined():
    library = torch.library.Library("torchvision", "DEF")
    for name, schema in SCHEMAS.items():
        library.define(name + schema)
        if name in COMPUTED:
            library.impl(name, *COMPUTED[name])
        else:
            library.impl(name, functools.partial(_absent, name), "CPU")
    return library


def _absent(name, *_):
    message = "pinlite has no {} of torchvision's for torch {}".format(name, torch.__version__)
    raise StageError("model", message, "convert with --toolchain classic, or where all of it is: --python PATH")


def _nms(dets, scores, iou_threshold):
    """Places of the boxes that no box of a higher score, which is kept, overlaps by more; the highest score first."""
    order = scores.argsort(descending=True, stable=True)
    left, top, right, bottom = dets[order].unbind(1)
    areas = (right - left) * (bottom - top)
    open_ = torch.ones_like(order, dtype=torch.bool)
    kept = []
    for at in range(len(order)):
        if open_[at]:
            kept.append(at)
            width = (right.clamp(max=right[at]) - left.clamp(min=left[at])).clamp(min=0)
            height = (bottom.clamp(max=bottom[at]) - top.clamp(min=top[at])).clamp(min=0)
            shared = width * height
            open_ &= ~(shared / (areas[at] + areas - shared) > iou_threshold)
    return order[kept]


def _roi_align(images, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned):
    pooled = images.new_empty((len(rois), images.shape[1], pooled_height, pooled_width))
    places = rois[:, 1:] * spatial_scale - (0.5 if aligned else 0.0)
    for at, (left, top, right, bottom) in enumerate(places.tolist()):
        values = images[int(rois[at, 0])]
        values = _bins(values, left, right, pooled_width, sampling_ratio, aligned).transpose(1, 2)
        pooled[at] = _bins(values, top, bottom, pooled_height, sampling_ratio, aligned).transpose(1, 2)
    return pooled


def _bins(values, start, end, count, sampling_ratio, aligned):
    """Means of samples, which are taken between two places of the last dimension: it becomes ``count`` long."""
    size = values.shape[-1]
    length = end - start if aligned else max(end - start, 1.0)
    samples = sampling_ratio if sampling_ratio > 0 else math.ceil(length / count)
    if samples <= 0:
        return values.new_zeros((*values.shape[:-1], count))
    places = start + (torch.arange(count * samples, dtype=values.dtype) + 0.5) * (length / (count * samples))
    inside = (places >= -1) & (places <= size)
    places = places.clamp(0, size - 1)
    before = places.long()
    after = (before + 1).clamp(max=size - 1)
    taken = torch.lerp(values[..., before], values[..., after], places - before) * inside
    return taken.unflatten(-1, (count, samples)).mean(-1)


def _deform_conv2d(
    images,
    weight,
    offset,
    mask,
    bias,
    stride_h,
    stride_w,
    pad_h,
    pad_w,
    dilation_h,
    dilation_w,
    groups,
    offset_groups,
    use_mask,
):
    """A convolution whose samples are taken beside their places in the grid; outside of the image is 0."""
    (batch, _, height, width), (rows, columns) = images.shape, weight.shape[2:]
    high, wide = offset.shape[2:]
    places = offset.double().reshape(batch, offset_groups, rows, columns, 2, high, wide)
    down = (torch.arange(high) * stride_h - pad_h)[:, None] + (torch.arange(rows) * dilation_h)[:, None, None, None]
    along = torch.arange(wide) * stride_w - pad_w + (torch.arange(columns) * dilation_w)[:, None, None]
    # In parts of the image, from -1 at its one edge to 1 at the other.
    grid = torch.stack(
        ((2 * (places[..., 1, :, :] + along) + 1) / width, (2 * (places[..., 0, :, :] + down) + 1) / height), -1
    )
    taken = functional.grid_sample(
        images.double().reshape(batch * offset_groups, -1, height, width),
        grid.reshape(batch * offset_groups, -1, wide, 2) - 1,
        align_corners=False,
    ).reshape(batch, offset_groups, -1, rows * columns, high, wide)
    if use_mask:
        taken = taken * mask.double().reshape(batch, offset_groups, 1, rows * columns, high, wide)
    summed = torch.einsum(
        "ngckhw,gock->ngohw",
        taken.reshape(batch, groups, -1, rows * columns, high, wide),
        weight.double().reshape(groups, -1, weight.shape[1], rows * columns),
    )
    return (summed.reshape(batch, -1, high, wide) + bias.double()[:, None, None]).to(images.dtype)


# Each with the kind of arguments by which torch chooses it: any, or tensors of the processor's.
COMPUTED = {
    # For no CUDA at all.
    "_cuda_version": (lambda: -1, "CompositeExplicitAutograd"),
    "nms": (_nms, "CPU"),
    "roi_align": (_roi_align, "CPU"),
    "deform_conv2d": (_deform_conv2d, "CPU"),
}
