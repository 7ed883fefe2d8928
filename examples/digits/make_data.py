"""Writes digits.npz from scikit-learn's digits (UCI's "Optical Recognition of Handwritten Digits", test part).

The first half is for training, the second, which other people wrote, is held out: scikit-learn's own example splits
them so. Needs scikit-learn.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
half = len(digits.target) // 2
np.savez_compressed(
    Path(__file__).with_name("digits.npz"),
    train_images=digits.images[:half].astype(np.uint8),
    train_labels=digits.target[:half].astype(np.uint8),
    test_images=digits.images[half:].astype(np.uint8),
    test_labels=digits.target[half:].astype(np.uint8),
)
