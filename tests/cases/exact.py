"""Models whose right numbers are known, of operators that a runtime or converter gets wrong in one form or another."""

import torch
from torch import nn


class Sums(nn.Module):
    """Sums of integers too large for float32, and of floats that are not all finite."""

    def forward(self, index, whole, x):
        # Indices that are made up are below ten.
        nothing = torch.zeros(10, 2)
        added = nothing.index_add(0, index, x), nothing.scatter_add(0, index.unsqueeze(1).expand(4, 2), x)
        return (
            whole.cumsum(0),
            x.cumsum(0),
            *added,
            nothing.index_put((index,), x, accumulate=True),
            torch.zeros(10, dtype=torch.int64).index_add(0, index, whole),
        )


class Ties(nn.Module):
    """Places of the largest and smallest of what activations make equal."""

    def forward(self, x):
        made = torch.relu(x), nn.functional.relu6(x), torch.floor(x)
        return tuple(of(values, 1) for values in made for of in (torch.argmax, torch.argmin))


class Narrow(nn.Module):
    """Integers that wrap in types of fewer bits, and functions of numbers that are large, infinite or none."""

    def forward(self, whole, x):
        casts = (
            whole.to(torch.int16).to(torch.int32),
            whole.to(torch.uint8).to(torch.int64),
            whole.to(torch.int8).float(),
        )
        return *casts, torch.atan(x), torch.asinh(x), torch.acosh(x.abs() + 1), torch.asin(x)


class Numbers(nn.Module):
    """Activations between a number and what has weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.other = nn.Linear(8, 16), nn.Linear(16, 4)
        self.see, self.look = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 3)

    def forward(self, x, image):
        hidden = self.one(x)
        seen = torch.tanh(self.see(image))
        return (
            self.other(torch.relu(hidden - 0.4)),
            self.other(nn.functional.hardsigmoid(hidden)),
            self.look(torch.relu(seen * -1.7)),
            self.look(nn.functional.relu6(seen + 0.2)),
        )


class Nearest(nn.Module):
    """Sizes and scales by which dividing takes other pixels than multiplying, in float32."""

    def forward(self, x):
        nearest = nn.functional.interpolate
        return nearest(x, scale_factor=(0.6, 1.2)), nearest(x, size=(7, 9)), nearest(x[:, :, 0], scale_factor=0.2)


class Gelus(nn.Module):
    """GELU, and its approximation by tanh as models spell it out."""

    def forward(self, x):
        return nn.functional.gelu(x), x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x**3))) / 2


class Pooled(nn.Module):
    """Poolings with ceil_mode of which PyTorch drops the last window, along both axes and along one."""

    def forward(self, x):
        pools = nn.MaxPool2d(2, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 2, 1, ceil_mode=True, count_include_pad=False)
        return *(pool(part) for pool in pools for part in (x, x[..., :8])), nn.AvgPool1d(2, 2, 1, True)(x[0])


class Matrices(nn.Module):
    """What is known of a model before it runs: an inverse, and what is written to diagonals."""

    def __init__(self):
        super().__init__()
        self.register_buffer("matrix", torch.tensor([[2.0, 1.0], [1.0, 1.0]]))

    def forward(self, x):
        written = torch.zeros(2, 2).fill_diagonal_(3.0)
        return x @ torch.inverse(self.matrix), x @ written, (x * 2).fill_diagonal_(0.5)
