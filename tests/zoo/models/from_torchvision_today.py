"""torchvision's models by the names of their constructors, and its detectors with and without the choice of boxes."""

import torch
from seeding import seeded
from torch import nn
from torchvision import models, ops
from torchvision.models import detection, optical_flow, segmentation

IMAGE = (1, 3, 128, 128)

# No weights are downloaded, and images are not resized to more than they have.
DETECTOR = {"weights": None, "weights_backbone": None, "min_size": 128, "max_size": 128}


class OneImage(nn.Module):
    """A detector takes a list of images and gives a list of dicts."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, image):
        (found,) = self.detector([image[0]])
        return found["boxes"], found["scores"], found["labels"]


class Heads(nn.Module):
    """What a detector computes before it chooses among its boxes."""

    def __init__(self, detector):
        super().__init__()
        self.backbone = detector.backbone
        self.head = detector.head

    def forward(self, image):
        return tuple(self.head(list(self.backbone(image).values())).values())


class Segmentation(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return self.model(image)["out"]


class Flow(nn.Module):
    """The last of the flows that RAFT refines."""

    def __init__(self, model, updates):
        super().__init__()
        self.model = model
        self.updates = updates

    def forward(self, image1, image2):
        return self.model(image1, image2, num_flow_updates=self.updates)[-1]


@seeded(IMAGE)
def ssdlite_heads():
    return Heads(detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None))


@seeded(IMAGE)
def retinanet_heads():
    return Heads(detection.retinanet_resnet50_fpn(**DETECTOR))


@seeded(IMAGE)
def fcos_heads():
    return Heads(detection.fcos_resnet50_fpn(**DETECTOR))


@seeded(IMAGE)
def ssdlite():
    return OneImage(detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None))


@seeded(IMAGE)
def retinanet():
    return OneImage(detection.retinanet_resnet50_fpn(**DETECTOR))


@seeded(IMAGE)
def fasterrcnn():
    return OneImage(detection.fasterrcnn_mobilenet_v3_large_320_fpn(**DETECTOR))


@seeded()
def boxes_with_nms():
    return Suppressed()


@seeded(IMAGE)
def lraspp():
    return Segmentation(segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None))


@seeded(IMAGE)
def deeplabv3():
    return Segmentation(segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None))


@seeded(IMAGE, IMAGE)
def raft_small():
    return Flow(optical_flow.raft_small(weights=None), updates=2)


@seeded()
def vit_small():
    return models.VisionTransformer(
        image_size=96, patch_size=16, num_layers=3, num_heads=4, hidden_dim=128, mlp_dim=256, num_classes=100
    )


@seeded((1, 3, 224, 224))
def maxvit_t():
    return models.maxvit_t(weights=None)


class Suppressed(nn.Module):
    """Boxes of one class, those kept that no better one overlaps."""

    def forward(self, corners, scores):
        # Wide enough to overlap.
        boxes = torch.cat((corners[:, :2], corners[:, 2:] + 2), 1)
        return boxes[ops.nms(boxes, scores, 0.5)]


def __getattr__(name):
    if name.startswith("_") or name not in vars(models):
        raise AttributeError(name)
    return seeded(IMAGE)(lambda: getattr(models, name)(weights=None))
