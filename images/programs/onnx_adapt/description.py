"""A model in words: what comes in, which operator computes which tensor, and what goes out."""

from collections import Counter

import onnx_ir as ir
from onnx_ir.passes import common

from . import source_model


def words(model):
    """The model's tensors in the order in which they are computed, each with its operator, type and shape.

    Their names are those between which ``--from-tensor`` and ``--to-tensor`` take a part. What is computed in bodies of
    operators and in functions has no line; the operators of both are counted.
    """
    common.ShapeInferencePass(check_type=False, strict_mode=False)(model)
    graph = model.graph
    made_by = " ".join(filter(None, (model.producer_name, model.producer_version))) or "?"
    header = "ONNX IR version {}, opset {}, made by {}".format(model.ir_version, source_model.opset(model), made_by)
    fed = [value for value in graph.inputs if value.name not in graph.initializers]
    computed = [
        "{} = {}({})".format(_typed(value), node.op_type, ", ".join("" if x is None else _name(x) for x in node.inputs))
        for node in graph
        for value in node.outputs
        if value.name
    ]
    counts = Counter(node.op_type for part in (graph, *model.functions.values()) for node in part.all_nodes())
    return "\n".join(
        [
            header,
            *_listed("inputs", map(_typed, fed)),
            *_listed("constants", map(_typed, graph.initializers.values())),
            *_listed("tensors", computed),
            *_listed("outputs", map(_name, graph.outputs)),
            *_listed("operators", ("{} {}".format(*each) for each in _most_frequent_first(counts))),
            "",
        ]
    )


def _listed(title, lines):
    return ["", "{} (".format(title), *("  " + line for line in lines), ")"]


def _name(value):
    return "%" + value.name


def _typed(value):
    dtype = (
        value.dtype.name if isinstance(value.type, ir.TensorType) else "?" if value.type is None else str(value.type)
    )
    sizes = [
        "?" if isinstance(size, ir.SymbolicDim) and size.value is None else str(size) for size in value.shape or ()
    ]
    shape = "?" if value.shape is None else "x".join(sizes) or "scalar"
    return "{}[{}, {}]".format(_name(value), dtype, shape)


def _most_frequent_first(counts):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
