"""A model of any opset as one of opset 13."""

from onnx_ir.passes import common

from . import axes, bfloat16, constant_folding, dequantized, rules
from .rules import microsoft
from .source_model import opset
from .upgrade import upgrade

IR_VERSION = 7


def lower(model):
    """The model, changed in place: the same inputs, outputs and numbers at opset 13 and IR version 7.

    A StageError of kind "model" names the operators, and their nodes, that opset 13 can't say.
    """
    # onnxruntime takes nodes in any order, ONNX's inference does not.
    common.TopologicalSortPass()(model)
    axes.count_from_first(model)
    microsoft.name_by_domain(model)
    upgrade(model)
    rules.apply(model, opset(model), microsoft.is_shapeless)
    constant_folding.settle(model)
    bfloat16.as_float(model)
    rules.apply(model, opset(model))
    dequantized.constants(model, rules.OPSET)
    common.RemoveUnusedNodesPass()(model)
    model.graph.opset_imports.clear()
    model.graph.opset_imports[""] = rules.OPSET
    model.ir_version = IR_VERSION
    # An output of an operator that ONNX's inference does not know.
    if any(value.shape is None for value in model.graph.outputs):
        constant_folding.infer(model)
    return model
