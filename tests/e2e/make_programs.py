"""Run by the Python of the torch image of current: a program of torch.export, in the folder that is named."""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """What torch 1.7.1 has not."""

    def __init__(self):
        super().__init__()
        self.norm = nn.RMSNorm(16)
        self.project = nn.Linear(16, 48)

    def forward(self, x, mask: torch.Tensor | None = None):
        heads = (part.unflatten(-1, (2, 8)).transpose(1, 2) for part in self.project(self.norm(x)).chunk(3, -1))
        return x + functional.scaled_dot_product_attention(*heads, attn_mask=mask).transpose(1, 2).flatten(-2)


torch.manual_seed(0)
program = torch.export.export(Block().eval(), (torch.rand(1, 6, 16),))
torch.export.save(program, Path(sys.argv[1]) / "block.pt2")
