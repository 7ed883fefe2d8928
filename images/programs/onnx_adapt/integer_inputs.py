"""Integers that a model is fed, and what they are places of."""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from stagekit import index_bounds

from . import source_model


def bounds(model):
    """What the integers of the inputs have to stay below, by name, as `stagekit.index_bounds` finds it."""
    fed = [spec["name"] for spec in source_model.inputs(model) if np.dtype(spec["dtype"]).kind in "iu"]
    if not fed:
        return {}
    common.ShapeInferencePass(check_type=False, strict_mode=False)(model)
    values = ir.convenience.create_value_mapping(model.graph)
    nodes = [
        (node.op_type, _names(node.inputs), _names(node.outputs), node.attributes.get_int("axis", 0))
        for node in ir.traversal.RecursiveGraphIterator(model.graph)
    ]
    found = index_bounds.of(nodes, lambda name: _sizes(values.get(name)))
    return {name: found[name] for name in fed if name in found}


def _names(values):
    return ["" if value is None else value.name for value in values]


def _sizes(value):
    known = value is not None and value.shape is not None
    return [size if isinstance(size, int) else 0 for size in value.shape] if known else None
