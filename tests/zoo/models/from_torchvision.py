"""torchvision's models by the names of their constructors, and the parts of its detectors that need no lists."""

from seeding import seeded
from torch import nn
from torchvision import models
from torchvision.models import detection, segmentation, video

IMAGE = (1, 3, 112, 112)
CLIP = (1, 3, 8, 64, 64)

# Their own initialization takes minutes, and is drawn over.
UNINITIALIZED = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}

# Detectors resize what they are given.
SMALL = {"pretrained_backbone": False, "min_size": 160, "max_size": 160}


class OneImage(nn.Module):
    """A detector takes a list of images and gives a list of dicts."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, images):
        (found,) = self.detector(list(images))
        return found


class Heads(nn.Module):
    """What a detector computes before it chooses among its boxes."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images):
        return self.head(list(self.backbone(images).values()))


@seeded(IMAGE)
def retinanet_heads():
    detector = detection.retinanet_resnet50_fpn(**SMALL)
    return Heads(detector.backbone, detector.head)


@seeded(IMAGE)
def region_proposal_heads():
    detector = detection.fasterrcnn_resnet50_fpn(**SMALL)
    return Heads(detector.backbone, detector.rpn.head)


def __getattr__(name):
    if name in vars(segmentation):
        return seeded(IMAGE)(lambda: getattr(segmentation, name)(pretrained_backbone=False))
    if name in vars(video):
        return seeded(CLIP)(getattr(video, name))
    if name in vars(detection):
        return seeded(IMAGE)(lambda: OneImage(getattr(detection, name)(**SMALL)))
    if name.startswith("_") or name not in vars(models):
        raise AttributeError(name)
    return seeded(IMAGE)(lambda: getattr(models, name)(**UNINITIALIZED.get(name, {})))
