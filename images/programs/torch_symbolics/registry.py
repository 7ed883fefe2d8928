"""Where the symbolics of every family are registered."""

from torch.onnx import symbolic_registry

from . import (
    activations,
    arithmetic,
    constants,
    decomposition,
    einsum,
    fake_quantize,
    identity,
    indexing,
    matrices,
    normalization,
    ordering,
    pooling,
    reductions,
    sampling,
    shaping,
    windows,
)

FAMILIES = (
    activations,
    arithmetic,
    einsum,
    fake_quantize,
    identity,
    indexing,
    matrices,
    normalization,
    ordering,
    pooling,
    reductions,
    sampling,
    shaping,
    windows,
)


def register(opset, weights):
    """Make torch.onnx.export use them for an opset, and a model whose ``weights`` are these, by their names."""
    constants.weights.clear()
    constants.weights.update(weights)
    for name, symbolic in decomposition.SYMBOLICS.items():
        symbolic_registry.register_op(name, symbolic, "", opset)
