"""A model of any opset as one of opset 13."""

import onnx

from stagekit import StageError

from . import constant_folding, rules
from .rules import microsoft
from .source_model import opset
from .upgrade import upgrade

OPSET, IR_VERSION = 13, 7


def lower(model):
    """The model, changed in place: the same inputs, outputs and numbers at opset 13 and IR version 7.

    A StageError of kind "model" names the operators, and their nodes, that opset 13 can't say.
    """
    microsoft.name_by_domain(model)
    upgrade(model)
    rules.apply(model, opset(model), microsoft.is_shapeless)
    constant_folding.settle(model)
    rules.apply(model, opset(model))
    _check(model)
    model.graph.opset_imports.clear()
    model.graph.opset_imports[""] = OPSET
    model.ir_version = IR_VERSION
    # An output of an operator that ONNX's inference does not know.
    if any(value.shape is None for value in model.graph.outputs):
        constant_folding.infer(model)
    return model


def _check(model):
    for graph in model.graphs():
        for node in graph:
            if not _is_known(node):
                raise StageError(
                    "model",
                    "{} (node {}) can't be said at opset {}".format(node.op_type, node.name or "?", OPSET),
                    "cut the model before it with --to-tensor, or write that part of the model differently",
                )


def _is_known(node):
    if node.domain:
        return False
    try:
        schema = onnx.defs.get_schema(node.op_type, OPSET)
    except onnx.defs.SchemaError:
        return False
    return set(node.attributes) <= set(schema.attributes)
