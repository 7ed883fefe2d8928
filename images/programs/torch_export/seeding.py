"""One seed for all random numbers of an export."""

import random

import numpy as np
import torch


def seed(number):
    """What the user's code draws at random, weights or samples, is the same at every run."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - the stream that the user's code may draw from
    torch.manual_seed(number)
