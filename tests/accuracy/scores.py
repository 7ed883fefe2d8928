"""What integers cost, by the logits of a file and of the floats that it stands for, arrays [N, classes]."""

import numpy as np


def scored(logits, floats, labels):
    """Shares of all samples that are classified right and that are classified otherwise than by floats, and the mean
    Kullback-Leibler divergence from what floats say, in nats.
    """
    classes = logits.argmax(1)
    return {
        "right": float((classes == labels).mean()),
        "changed": float((classes != floats.argmax(1)).mean()),
        "divergence": divergence(logits, floats),
    }


def divergence(logits, floats):
    other, one = _logarithms(logits), _logarithms(floats)
    return float((np.exp(one) * (one - other)).sum(1).mean())


def _logarithms(logits):
    """Of the probabilities that a softmax makes of logits."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
