"""Models that break the stage that runs them."""

import os
import time

import torch
from torch import nn


class Aborting(nn.Module):
    def forward(self, x):
        os.abort()
        return x


class Exiting(nn.Module):
    def forward(self, x):
        os._exit(3)
        return x


class Greedy(nn.Module):
    def forward(self, x):
        return x + torch.ones(2**30).sum()


class Sleeping(nn.Module):
    def forward(self, x):
        time.sleep(600)
        return x
