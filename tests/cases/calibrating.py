"""Samples for the small networks to be calibrated on, and what is wrong with some."""

import torch


def images():
    """Dicts by name, as a data loader might give them."""
    for _ in range(12):
        yield {"image": torch.rand(3, 16, 16)}


def reading():
    """Tuples in the order of `tiny.Reader`'s call: a picture, ids and a mask of quite another range."""
    for _ in range(12):
        yield torch.rand(1, 3, 8, 8), torch.randint(0, 10, (1, 5)), 100 * torch.rand(1, 4)


def nothing():
    return []


def failing():
    yield torch.rand(3, 16, 16)
    raise ValueError("no more of them")


def infinite():
    yield torch.full((3, 16, 16), float("inf"))
