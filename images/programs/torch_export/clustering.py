"""Clustering: the weights of a layer share a few values, its centroids."""

import torch
from torch import nn

# Lloyd's algorithm comes to rest long before; a layer in which it does not is good enough by then.
MOST_STEPS = 300


def apply(weights, count):
    """Replace each weight by the nearest of its layer's ``count`` centroids, which are trained in its place. Zeros stay
    zero.
    """
    for weight in weights:
        Clustered(weight, count)


def remove(weights):
    """Leave the clustered weights as plain parameters."""
    for weight in weights:
        for key, hook in list(weight.module._forward_pre_hooks.items()):  # noqa: SLF001 - as prune.remove does it
            if isinstance(hook, Clustered) and hook.name == weight.name:
                hook.remove(weight.module)
                del weight.module._forward_pre_hooks[key]  # noqa: SLF001


class Clustered:
    """A weight computed from trained centroids, in the manner of torch.nn.utils.prune.

    The module gets a parameter ``NAME_centroids`` and a buffer ``NAME_assignment`` of the weight's shape: 0 stands for
    zero, 1 for the first centroid. Before each forward pass the weight is computed anew.
    """

    def __init__(self, weight, count):
        module, self.name = weight.module, weight.name
        trained = getattr(module, self.name).requires_grad
        values = weight.tensor
        # Zeros are one of the values.
        found = centroids(values[values != 0], count - int((values == 0).any()))
        assignment = torch.where(values == 0, torch.zeros_like(values, dtype=torch.long), 1 + nearest(values, found))
        del module._parameters[self.name]  # noqa: SLF001 - as prune does it
        module.register_parameter(self.name + "_centroids", nn.Parameter(found, requires_grad=trained))
        module.register_buffer(self.name + "_assignment", assignment)
        self(module, ())
        module.register_forward_pre_hook(self)

    def __call__(self, module, _inputs):
        values = nn.functional.pad(getattr(module, self.name + "_centroids"), (1, 0))
        setattr(module, self.name, values[getattr(module, self.name + "_assignment")])

    def remove(self, module):
        self(module, ())
        trained = module._parameters.pop(self.name + "_centroids").requires_grad  # noqa: SLF001
        del module._buffers[self.name + "_assignment"]  # noqa: SLF001
        value = getattr(module, self.name).detach()
        delattr(module, self.name)
        setattr(module, self.name, nn.Parameter(value, requires_grad=trained))


def centroids(values, count):
    """At most ``count`` values, sorted, for the smallest sum of squared distances that Lloyd's algorithm finds.

    It starts from values as dense as the cube root of the weights' own density, which is the best for many centroids
    (Panter and Dite, 1951): few of them lie in the gap that pruning leaves around zero, and none is drawn to it. In
    one dimension clusters are runs of the sorted values, so a step costs next to nothing.
    """
    ordered = values.flatten().double().sort().values
    distinct = ordered.unique()
    if len(distinct) <= count:
        return distinct.to(values.dtype)
    sums = nn.functional.pad(ordered.cumsum(0), (1, 0))
    found = _start(distinct, count)
    for _ in range(MOST_STEPS):
        ends = torch.searchsorted(ordered, (found[1:] + found[:-1]) / 2)
        bounds = [0, *ends.tolist(), len(ordered)]
        starts, ends = torch.tensor(bounds[:-1]), torch.tensor(bounds[1:])
        means = (sums[ends] - sums[starts]) / (ends - starts).clamp(min=1)
        moved = torch.where(ends > starts, means, found)
        if torch.equal(moved, found):
            break
        found = moved
    return found.to(values.dtype).unique()


def _start(distinct, count):
    """Of sorted values, ``count`` that have as much of the cube root of the density between them.

    Neighbours that lie d apart have a density of 1 / d; the integral of its cube root over d is the power 2/3 of d.
    """
    lengths = (distinct[1:] - distinct[:-1]).pow(2 / 3).cumsum(0)
    wanted = (torch.arange(count, dtype=torch.float64) + 0.5) / count * lengths[-1]
    # No value twice, where a gap is as long as several steps.
    steps = torch.arange(count)
    places = (torch.searchsorted(lengths, wanted) - steps).cummax(0).values + steps
    return distinct[torch.min(places, len(distinct) - count + steps)]


def nearest(values, found):
    """The position of the nearest of the sorted values ``found``, for each of ``values``."""
    return torch.searchsorted((found[1:] + found[:-1]) / 2, values.contiguous())
