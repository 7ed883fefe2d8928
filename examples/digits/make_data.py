"""Writes digits.npz and calibration.npz from scikit-learn's digits.

They are the test part of UCI's "Optical Recognition of Handwritten Digits".

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
# Some of the first half as the network takes them: pixels from 0 to 1.
images = (digits.images[:100, np.newaxis, np.newaxis] / 16).astype(np.float32)
np.savez_compressed(Path(__file__).with_name("calibration.npz"), image=images)
