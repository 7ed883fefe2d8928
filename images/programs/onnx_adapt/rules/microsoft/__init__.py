"""Operators that onnxruntime's optimizers write, as standard ones at opset 13, a file for each family.

They are in the domain com.microsoft; the few that are in ONNX's own, though ONNX does not know them, are taken for
those. What onnxruntime has no kernel for on a processor (GroupNorm, NhwcConv, BiasSoftmax and others for GPUs) has no
rule: nothing could say whether it is right.
"""

from . import activation, attention, matrices, normalization, quantized  # noqa: F401 - they register rules
from .registry import is_shapeless, known_to_inference, name_by_domain

__all__ = ["is_shapeless", "known_to_inference", "name_by_domain"]
