"""What the code of families.toml is written in, and the model that holds several cases side by side.

It is a user's module to the export and to the program that computes the right values: both build the same weights.
"""

import zlib

import torch
from torch import nn
from torch.nn import functional


class With(nn.Module):
    """A function of itself and the inputs; layers and tensors are attributes."""

    def __init__(self, function, **attributes):
        super().__init__()
        self._function = function
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *inputs):
        return self._function(self, *inputs)


class Bundle(nn.Module):
    """Cases, [{name, code, inputs}], that share nothing: ``inputs`` is how many of the model's each takes, in turn.

    A case draws its weights after its name, whatever lies beside it.
    """

    def __init__(self, cases):
        super().__init__()
        self._taken = [case["inputs"] for case in cases]
        self.cases = nn.ModuleList(built(case["name"], case["code"]) for case in cases)

    def forward(self, *inputs):
        return tuple(value for outputs in self.by_case(inputs) for value in outputs)

    def by_case(self, inputs):
        """The outputs of each case, as lists of tensors."""
        found, at = [], 0
        for case, taken in zip(self.cases, self._taken):
            found.append(list(_flat(case(*inputs[at : at + taken]))))
            at += taken
        return found


def built(name, code):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = eval(code, NAMES)
    return (model if isinstance(model, nn.Module) else With(lambda _, *inputs: model(*inputs))).eval()


def _flat(value):
    if isinstance(value, torch.Tensor):
        yield value
    else:
        for each in value:
            yield from _flat(each)


def loud(layer):
    """A layer whose biases are as large as what it computes."""
    for name, parameter in layer.named_parameters():
        if "bias" in name:
            nn.init.normal_(parameter, std=2)
    return layer


def dead(layer):
    """A layer whose outputs are far below 0."""
    nn.init.uniform_(layer.bias, -60, -50)
    return layer


def equal(make):
    """Two layers of other weights and the same biases."""
    one, other = loud(make()), make()
    other.bias.data.copy_(one.bias.data)
    return {"one": one, "other": other}


def normalized(channels, make):
    """A batch normalization that has seen something."""
    layer = make(channels)
    nn.init.uniform_(layer.running_mean, -1, 1)
    nn.init.uniform_(layer.running_var, 0.5, 2)
    nn.init.uniform_(layer.weight, 0.5, 2)
    nn.init.uniform_(layer.bias, -1, 1)
    return layer


def attention(masked, **more):
    """Self-attention over [batch, time, 16]; ``masked`` turns scores, and the inputs after the first, into scores."""

    def forward(s, x, *rest):
        scores = s.query(x) @ s.key(x).transpose(-1, -2)
        return s.out(torch.softmax(masked(s, scores, *rest), -1) @ s.value(x))

    return With(forward, **{name: nn.Linear(16, 16) for name in ("query", "key", "value", "out")}, **more)


def causal(size):
    """True above the diagonal: what lies in the future."""
    return torch.ones(size, size).triu(1).bool()


def filled(mask, value):
    """``value`` where the mask is, 0 elsewhere."""
    return torch.zeros(mask.shape).masked_fill(mask, value)


def constant(kind, shape):
    """Positive numbers in one of the forms of constants; ``shape`` is that of the other side, without its batch."""
    if kind == "scalar":
        return float(torch.rand(1)) + 0.3
    shapes = {"one": [1], "vector": [shape[0]] + [1] * (len(shape) - 1), "full": shape}
    return torch.rand(shapes[kind]) + 0.3


NAMES = {name: value for name, value in globals().items() if not name.startswith("_")}
NAMES["F"] = functional
