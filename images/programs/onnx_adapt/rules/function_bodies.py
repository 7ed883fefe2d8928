"""Operators that ONNX itself defines by simpler ones, where that definition loses no digits."""

import onnx
import onnx_ir as ir

from .operators import type_proto
from .rule import PREVIEW, UnsupportedError, rule, schema


@rule("Attention", since=(23, 24, 25))
@rule("CausalConvWithState", since=27)
@rule("RotaryEmbedding", "RMSNormalization", since=23)
@rule("CenterCropPad", since=18)
@rule("SpaceToDepth", since=28)
@rule("FlexAttention", since=1, domain=PREVIEW)
def by_body(node, op):
    """The values that take the place of a node's outputs, None for one that it leaves out, by its function body."""
    body = _body(node, schema(node, op.opset), op.opset)
    given = {**{attribute.name: attribute for attribute in body.attributes.values()}, **node.attributes}
    version = body.opset_imports.get("", op.opset)
    values = dict(zip(body.inputs, node.inputs))
    for each in body:
        inputs = [None if value is None else values.get(value) for value in each.inputs]
        attributes = {name: _attribute(attribute, given) for name, attribute in each.attributes.items()}
        attributes = {name: attribute for name, attribute in attributes.items() if attribute is not None}
        made = op.add(each.op_type, inputs, attributes, len(each.outputs), version)
        values.update(zip(each.outputs, made))
    made = {value.name: values[value] for value in body.outputs}
    return [made.get(formal.name) for formal, _ in zip(schema(node, op.opset).outputs, node.outputs)]


def _attribute(attribute, given):
    """An attribute of a body's node: a reference to one of the operator's is that one, or None if it isn't there."""
    if attribute.is_ref():
        return given[attribute.ref_attr_name].value if attribute.ref_attr_name in given else None
    return attribute.value


def _body(node, known, opset):
    if known.has_function:
        version = max(at for at in known.function_opset_versions if at <= opset)
        proto = known.get_function_with_opset_version(version)
    else:
        version = max(at for at in known.context_dependent_function_opset_versions if at <= opset)
        if any(value is not None and value.type is None for value in node.inputs):
            raise UnsupportedError("the data types of its inputs are unknown")
        types = [(type_proto(value) if value else onnx.TypeProto()).SerializeToString() for value in node.inputs]
        proto = known.get_context_dependent_function_with_opset_version(
            version, ir.to_proto(node).SerializeToString(), types
        )
    function = onnx.FunctionProto()
    function.ParseFromString(proto)
    # A body has no nodes for outputs that a node leaves out.
    made = {name for each in function.node for name in each.output}
    function.output[:] = [name for name in function.output if name in made]
    return ir.from_proto(function)
