"""Shapes that a model's code reads while it is traced, as the numbers they are when it is run.

torch makes a part of the graph of each, a tensor: code that takes numbers fails, // rounds towards zero, and what the
exporter makes of the arithmetic is wrong in places. Shapes are fixed, so nothing needs to be computed.
"""

import contextlib

import torch
from torch._C import _get_tracing_state, _set_tracing_state

READERS = ("shape", "size", "numel", "nelement")


class Size(int):
    """Where F.interpolate sees that it is traced it takes an axis's size for a tensor."""

    def float(self):
        return torch.tensor(float(self))


@contextlib.contextmanager
def untraced():
    """While torch.Tensor's shape, size, numel and nelement are read, nothing is traced."""
    state = _get_tracing_state()
    _set_tracing_state(None)
    try:
        yield
    finally:
        _set_tracing_state(state)


@contextlib.contextmanager
def as_numbers():
    """While this context is entered, any tensor's shape is read as numbers."""
    base = torch.Tensor.__mro__[1]
    for name in READERS:
        reader = getattr(base, name)
        setattr(torch.Tensor, name, _method(reader) if callable(reader) else property(_method(reader.__get__)))
    try:
        yield
    finally:
        for name in READERS:
            delattr(torch.Tensor, name)


def _method(reader):
    def read(tensor, *arguments, **options):
        with untraced():
            found = reader(tensor, *arguments, **options)
        return Size(found) if isinstance(found, int) else found

    return read
