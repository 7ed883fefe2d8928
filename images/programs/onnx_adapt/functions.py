"""A model's local functions, put in the place of the nodes that call them."""

import graphlib
import onnx
from onnx_ir.passes import common

from stagekit import StageError

from .rules import RULES
from .source_model import one_line

WITHOUT = "write the model without local functions, e.g. with onnx.inliner.inline_local_functions"
# Nodes, once all calls are expanded: functions that call functions multiply.
MOST = 200_000


def inline(model):
    """Inline all local functions, in place; a StageError of kind "model" for those that can't be.

    A function that has the name of an operator of ONNX's or Microsoft's is dropped: onnxruntime runs its own.
    """
    for identifier in [key for key in model.functions if _is_operator(key, model.opset_imports)]:
        del model.functions[identifier]
    if not model.functions:
        return
    _check_size(model)
    for function in model.functions.values():
        _as_of_model(model, function)
    try:
        common.InlinePass()(model)
    except ValueError as error:
        raise StageError(
            "model", "the model's local functions can't be inlined: {}".format(one_line(error)), WITHOUT
        ) from error
    model.functions.clear()
    # What was inlined may have names that are taken in the bodies of If, Loop and Scan.
    common.NameFixPass()(model)


def _is_operator(identifier, opsets):
    domain, name, _ = identifier
    return onnx.defs.has(name, opsets.get(domain, 1), domain) or (domain, name, 1) in RULES


def _check_size(model):
    calls = {key: [node.op_identifier() for node in function.all_nodes()] for key, function in model.functions.items()}
    sizes = {}
    try:
        for key in graphlib.TopologicalSorter(calls).static_order():
            sizes[key] = sum(sizes[called] for called in calls[key]) if key in calls else 1
    except graphlib.CycleError as error:
        names = " -> ".join(name for _, name, _ in error.args[1])
        message = "the model's local functions call each other in a circle: {}".format(names)
        raise StageError("model", message, "remove the function that calls itself") from error
    total = sum(sizes.get(node.op_identifier(), 1) for node in model.graph.all_nodes())
    if total > MOST:
        message = "with its local functions inlined the model has {} operators, the limit is {}".format(total, MOST)
        raise StageError("model", message, "convert a part of it, with --to-tensor")


def _as_of_model(model, function):
    """Let a function be of the model's opsets, where these have the same operators as its own."""
    for domain, version in function.opset_imports.items():
        wanted = model.opset_imports.setdefault(domain, version)
        for node in function.all_nodes() if version != wanted else ():
            if node.domain == domain and _since(node, version) != _since(node, wanted):
                raise StageError(
                    "model",
                    "the local function {} is of opset {}, the model of {}, and {} is another operator there".format(
                        function.name, version, wanted, node.op_type
                    ),
                    WITHOUT,
                )
        function.opset_imports[domain] = wanted


def _since(node, version):
    known = onnx.defs.has(node.op_type, version, node.domain)
    return onnx.defs.get_schema(node.op_type, version, node.domain).since_version if known else None
