"""Axes that are counted from the last one, where onnxruntime allows it and ONNX does not."""

import onnx_ir as ir


def count_from_first(model):
    """Write the axes of every Transpose as ONNX has them, in place: its inference refuses those below 0."""
    for node in model.graph.all_nodes():
        order = node.attributes.get_ints("perm", ()) if (node.domain, node.op_type) == ("", "Transpose") else ()
        if any(axis < 0 for axis in order):
            node.attributes.add(ir.AttrInt64s("perm", [axis % len(order) for axis in order]))
