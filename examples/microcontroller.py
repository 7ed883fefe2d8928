"""torchvision's MobileNetV2 with a fourth of its channels and seeded weights, for a microcontroller."""

import torch
from torch import nn
from torchvision import models

SEED = 0


def mobilenet_v2_025() -> nn.Module:
    torch.manual_seed(SEED)
    model = models.mobilenet_v2(width_mult=0.25)
    # Untrained, it gives almost the same for any image, and a wrong conversion would hardly show: weights that keep
    # the size of a signal, and statistics that differ from channel to channel.
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model
