"""torchvision's ResNet-18 with seeded weights, to be converted without a download."""

import torch
from torch import nn
from torchvision import models

SEED = 0


def resnet18() -> nn.Module:
    torch.manual_seed(SEED)
    model = models.resnet18()
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
