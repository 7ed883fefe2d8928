"""Models for microcontrollers, with seeded weights."""

import torch
from torch import nn
from torchvision import models

SEED = 0


def mobilenet_v2_025():
    """A fourth of MobileNetV2's channels; its weights and statistics keep the size of a signal."""
    torch.manual_seed(SEED)
    model = models.mobilenet_v2(width_mult=0.25)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model
