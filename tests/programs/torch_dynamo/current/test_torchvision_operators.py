"""torchvision's operators as torch_dynamo computes them: by their formulas, one number after the other."""

import itertools
import math
import unittest

import torch

import torch_dynamo.exported  # noqa: F401 - torchvision is imported after it
from stagekit import StageError

import torchvision  # isort: skip
from torchvision import ops  # isort: skip


def overlap(one, other):
    width, height = (max(0.0, min(one[at + 2], other[at + 2]) - max(one[at], other[at])) for at in (0, 1))
    area, others = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (area + others - width * height)


def sampled(image, y, x, *, past_the_edge):
    """A bilinear sample of [height, width]. Outside is 0; up to one pixel outside may be the edge's value."""
    height, width = image.shape
    if past_the_edge:
        if not (-1 <= y <= height and -1 <= x <= width):
            return 0.0
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    corners = itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1))
    return sum(
        (1 - abs(y - row)) * (1 - abs(x - column)) * float(image[row, column])
        for row, column in corners
        if 0 <= row < height and 0 <= column < width
    )


class TorchvisionOperators(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def test_nms(self):
        boxes = torch.rand(30, 4) * 10
        boxes[:, 2:] += boxes[:, :2]
        # Two of the same score, and one without a size.
        scores = torch.rand(30)
        scores[5], boxes[7] = scores[3], 4.0
        kept = []
        for at in sorted(range(30), key=lambda at: -scores[at]):
            if all(not overlap(boxes[at].tolist(), boxes[other].tolist()) > 0.4 for other in kept):
                kept.append(at)
        self.assertEqual(kept, ops.nms(boxes, scores, 0.4).tolist())
        self.assertEqual([], ops.nms(boxes[:0], scores[:0], 0.4).tolist())

    def test_boxes_of_several_classes(self):
        boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 5]])
        kept = ops.batched_nms(boxes, torch.tensor([0.5, 0.6, 0.7]), torch.tensor([0, 1, 0]), 0.5)
        self.assertEqual([2, 1], kept.tolist())

    def test_roi_align(self):
        images = torch.randn(2, 2, 6, 7)
        rois = torch.tensor([[0.0, 1, 2, 9.5, 8], [1, -4, -3, 2, 14], [1, 3, 3, 3.2, 3.1], [0, 20, 20, 30, 30]])
        for samples, aligned in itertools.product((-1, 1, 2), (False, True)):
            with self.subTest(samples=samples, aligned=aligned):
                got = ops.roi_align(images, rois, (3, 2), 0.75, samples, aligned)
                for at, (image, *corners) in enumerate(rois.tolist()):
                    left, top, right, bottom = (0.75 * corner - 0.5 * aligned for corner in corners)
                    least = 0.0 if aligned else 1.0
                    high, wide = max(bottom - top, least) / 3, max(right - left, least) / 2
                    rows, columns = (samples, samples) if samples > 0 else (math.ceil(high), math.ceil(wide))
                    for channel, row, column in itertools.product(range(2), range(3), range(2)):
                        values = [
                            sampled(
                                images[int(image), channel],
                                top + (row + (y + 0.5) / rows) * high,
                                left + (column + (x + 0.5) / columns) * wide,
                                past_the_edge=True,
                            )
                            for y, x in itertools.product(range(rows), range(columns))
                        ]
                        mean = sum(values) / len(values)
                        self.assertAlmostEqual(mean, float(got[at, channel, row, column]), places=5)

    def test_a_box_without_a_size_pools_nothing(self):
        box = torch.tensor([[0.0, 3, 3, 3, 3]])
        self.assertEqual(0, ops.roi_align(torch.ones(1, 1, 6, 6), box, 2, aligned=True).abs().max())

    def test_deform_conv2d(self):
        images, weight, bias = torch.randn(2, 4, 5, 6), torch.randn(6, 2, 3, 2), torch.randn(6)
        stride, padding, dilation = (2, 1), (1, 0), (1, 2)
        high, wide = 3, 4
        for offset_groups, masked in ((1, False), (2, True)):
            with self.subTest(offset_groups):
                offset = 2 * torch.randn(2, offset_groups * 12, high, wide)
                mask = torch.rand(2, offset_groups * 6, high, wide) if masked else None
                got = ops.deform_conv2d(images, offset, weight, bias, stride, padding, dilation, mask)
                self.assertEqual((2, 6, high, wide), got.shape)
                for image, output, row, column in itertools.product(range(2), range(6), range(high), range(wide)):
                    total = float(bias[output])
                    for channel, tap_row, tap_column in itertools.product(range(2), range(3), range(2)):
                        source = output // 3 * 2 + channel
                        tap = source // (4 // offset_groups) * 6 + tap_row * 2 + tap_column
                        down, along = offset[image, 2 * tap : 2 * tap + 2, row, column].tolist()
                        value = sampled(
                            images[image, source],
                            row * stride[0] - padding[0] + tap_row * dilation[0] + down,
                            column * stride[1] - padding[1] + tap_column * dilation[1] + along,
                            past_the_edge=False,
                        )
                        value *= float(mask[image, tap, row, column]) if masked else 1.0
                        total += value * float(weight[output, channel, tap_row, tap_column])
                    self.assertAlmostEqual(total, float(got[image, output, row, column]), places=4)

    def test_gradients_and_rarer_operators_are_refused(self):
        box = torch.tensor([[0.0, 0, 0, 3, 3]])
        with self.assertRaisesRegex(StageError, "no roi_pool of torchvision's for torch 2.13.0"):
            ops.roi_pool(torch.ones(1, 1, 6, 6), box, 2)
        pooled = ops.roi_align(torch.ones(1, 1, 6, 6, requires_grad=True), box, 2)
        with self.assertRaisesRegex(StageError, "no _roi_align_backward"):
            pooled.sum().backward()

    def test_detectors_run(self):
        detector = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
        with torch.no_grad():
            (found,) = detector.eval()([torch.rand(3, 64, 64)])
        self.assertEqual({"boxes", "scores", "labels"}, set(found))
