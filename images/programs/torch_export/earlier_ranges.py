"""The ranges of an earlier file of int8, for the calls of the model that it was made of.

The file calls its tensors by the nodes of an ONNX graph. To learn which calls these are of, the model is exported as it
was then, with each call a module of its own: the exporter tells of which modules nodes are.
"""

import tempfile
from pathlib import Path
from typing import Dict, NamedTuple

import torch
from torch import nn

from stagekit import StageError, scopes

from . import onnx_export, outputs
from .dataflow import Recording, Watched, tensors, watching

CALLS = "calls"
ANOTHER_MODEL = (
    "give the output folder of a conversion of this model with --variant int8, at the same --opset and sizes"
)


class Range(NamedTuple):
    """A tensor's scale and zero point in int8."""

    scale: float
    zero_point: int


class EarlierRanges(NamedTuple):
    """Ranges by the place of a call in the model's recording, and by that of an input."""

    calls: Dict[int, Range]
    inputs: Dict[int, Range]


NONE_EARLIER = EarlierRanges({}, {})


class _Numbered(nn.Module):
    """A model whose calls run in modules of their own, in the order of a `Recording` of ``count``."""

    def __init__(self, model, count):
        super().__init__()
        self.model = model
        self.calls = nn.ModuleList(_Call() for _ in range(count))
        self._at = 0

    def forward(self, *inputs):
        self._at = 0
        with watching(self._called):
            return _made(torch.Tensor, self.model(*_made(Watched, inputs)))

    def _called(self, function, args, kwargs):
        found = self.calls[min(self._at, len(self.calls) - 1)](function, args, kwargs)
        self._at += bool(tensors(found))
        return _made(Watched, found)


def _made(kind, value):
    """The value, whose tensors have become of a class: to make others of them would add nodes, which count in names."""
    for tensor in tensors(value):
        if type(tensor) in (torch.Tensor, Watched):
            tensor.__class__ = kind
    return value


class _Call(nn.Module):
    def forward(self, function, args, kwargs):
        return function(*args, **kwargs)


def found(model, fed, rows, parameters, code):
    """The `EarlierRanges` of a model among ``rows``, [{name, elements, scale, zero_point}] by the names of ONNX nodes,
    inputs and outputs, as `tflite_convert.quantized_file.File.ranges` has them.

    ``fed`` are tensors by the names of inputs, ``parameters`` those of the request, ``code`` the user's. A row whose
    tensor has another number of elements is none of the model's. Raises a StageError of kind ``usage`` where none fits.
    """
    with torch.no_grad():
        recording = Recording(model, list(fed.values()))
        names = _names(model, fed, len(recording.calls), parameters, code)
    of = {row["name"]: row for row in rows}

    def range_of(names, tensor):
        row = next((of[name] for name in map(scopes.allowed, reversed(names)) if name in of), None)
        if row is None or row["elements"] != tensor.numel():
            return None
        return Range(row["scale"], row["zero_point"])

    calls = {at: range_of(names.get(at, []), call.results[0]) for at, call in enumerate(recording.calls)}
    inputs = {at: range_of([name], tensor) for at, (name, tensor) in enumerate(fed.items())}
    given = EarlierRanges(*({at: each for at, each in side.items() if each} for side in (calls, inputs)))
    if not given.calls:
        message = "--qat-ranges: no tensor of the file is one that the model computes"
        raise StageError("usage", message, ANOTHER_MODEL)
    return given


def _names(model, fed, count, parameters, code):
    """{place of a call: [names of its nodes, and of the output that it gives, in the order of computing]}."""
    leaves = outputs.flatten(model(*(tensor.clone() for tensor in fed.values())))
    names = outputs.named(leaves, parameters["output_names"], list(fed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        _, modules, _ = onnx_export.export(_Numbered(model, count), fed, leaves, names, parameters["opset"], path, code)
    places = {}
    for name, of in modules.items():
        _, is_call, place = of[-1].rpartition(CALLS + ".")
        if is_call:
            places.setdefault(int(place), []).append(name)
    return places
