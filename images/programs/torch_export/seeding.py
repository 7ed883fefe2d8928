"""One seed for all random numbers of an export."""

import random

import numpy as np
import torch


def seed(number):
    """Seed every generator, so that the user's code draws the same weights and samples at every run."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - the stream that the user's code may draw from
    torch.manual_seed(number)
