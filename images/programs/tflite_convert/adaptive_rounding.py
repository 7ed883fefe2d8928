"""Adaptive rounding: each weight becomes one of the integers around it, so that what the layer gives on samples changes
least, rather than the weight itself.

The quantizer rounds weights to the nearest integer. Those that it gets from here are whole numbers of steps already,
the largest of them as it was, so that it takes over what is chosen.

The same samples give the same integers. No clock ends the work: it follows from the sizes of layers, `POSITIONS` and
`layer_inputs.WIDEST`. Nor does a result depend on the order in which a machine adds: the inputs of layers are rounded
to their own steps, so that sums of their products are exact, and `error_compensation` takes care of the rest.
"""

import numpy as np

from . import error_compensation, layer_inputs, observation
from .passes import editing
from .passes.weight_steps import LARGEST

NEAREST, ADAPTIVE = "nearest", "adaptive"
# A layer is looked at at so many positions of its output for each input of one, over all samples, and at no more than
# so many.
FOR_AN_INPUT, POSITIONS = 128, 1 << 14
# So many products of inputs are summed up beside each other, of 8 bytes each; for more, the samples run again.
TOGETHER = 1 << 26


def chosen(model, inputs, samples, kept, before, steps):
    """{weights' place among tensors: array of float32 in their shape} for a calibrated ModelT of floats, but for
    operators that are ``kept`` in floats; samples as `observation.each` has them. ``before`` has by the same places
    what weights were before they were cut: what layers gave by these is what they are to give. ``steps`` are the
    `WeightSteps`.
    """
    found, kept = {}, {id(operator) for operator in kept}
    for layers in _together(each for each in layer_inputs.layers(model) if id(each.operator) not in kept):
        # In this process alone: sums are large, and numpy's products use all processors.
        sums = [_Products(layer.groups) for layer in layers]
        observed = observation.each(model, {layer.data for layer in layers}, inputs, samples)
        for seed, values in enumerate(observed):
            for layer, products in zip(layers, sums):
                most = min(FOR_AN_INPUT * layer.groups[1], POSITIONS) // len(samples) + 1
                products.add(layer.inputs(values[layer.data], most, seed))
        for layer in layers:
            found[layer.weights] = _rounded(model, layer, sums.pop(0).whole(), before, steps)
    return found


class _Products:
    """Sums of the products of each two inputs. A product of matrices costs little more for many rows than for few."""

    def __init__(self, groups):
        count, self._inputs, _ = groups
        self._sums = np.zeros((count, self._inputs, self._inputs))
        self._rows = []

    def add(self, rows):
        """``rows`` are [groups, positions, inputs] of int16."""
        self._rows.append(rows)
        if sum(each.shape[1] for each in self._rows) >= self._inputs:
            self.whole()

    def whole(self):
        """[groups, inputs, inputs] in float64, which has each sum of integers exactly."""
        if self._rows:
            rows = np.concatenate(self._rows, axis=1).astype(np.float64)
            self._sums += np.matmul(rows.transpose(0, 2, 1), rows)
            self._rows = []
        return self._sums


def _together(layers):
    """Lists of layers whose products are summed up at once."""
    found, size = [], 0
    for layer in layers:
        groups, inputs, _ = layer.groups
        if found and size + groups * inputs**2 > TOGETHER:
            yield found
            found, size = [], 0
        found.append(layer)
        size += groups * inputs**2
    if found:
        yield found


def _rounded(model, layer, products, before, steps):
    numbers = editing.numbers(model, model.subgraphs[0].tensors[layer.weights]).reshape(layer.shape)
    limits = steps.largest(numbers, layer.kind)
    sizes = limits / np.float32(LARGEST)
    exact = before.get(layer.weights, numbers) / sizes
    nearest = np.round(numbers / sizes)
    # The step is made of it.
    stays = np.abs(numbers) == limits
    low, high = (np.where(stays, nearest, np.clip(nearest + by, -LARGEST, LARGEST)) for by in (-1, 1))
    integers = layer.whole(error_compensation.decided(products, *map(layer.grouped, (exact, low, high))))
    return np.where(stays, numbers, np.clip(integers.astype(np.float32) * sizes, -limits, limits))
