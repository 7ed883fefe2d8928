"""What is left of a node at opset 13 when no rule replaces it: attributes and data types that 13 does not have.

Most operators of newer opsets mean what they meant, for more data types. An attribute at its default says nothing. An
integer too small for an operator is computed as a larger one, and cut off again, which is what the small one would have
wrapped to; a small float is computed as a large one.
"""

import functools

import onnx_ir as ir

from . import refused
from .operators import OPSET, Operators
from .rule import RULES, UnsupportedError, schema
from .unchanged import UNCHANGED

WIDER = {
    ir.DataType.INT8: ir.DataType.INT32,
    ir.DataType.UINT8: ir.DataType.INT32,
    ir.DataType.INT16: ir.DataType.INT32,
    ir.DataType.UINT16: ir.DataType.INT32,
    ir.DataType.UINT32: ir.DataType.INT64,
    ir.DataType.FLOAT16: ir.DataType.FLOAT,
}
# Opset 13 has them of integers of 8 and 16 bits, onnxruntime 1.6 does not.
SMALL = {"tensor({}int{})".format(sign, bits) for sign in ("", "u") for bits in (8, 16)}
LACKING = {
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min"), SMALL),
    "Where": SMALL - {"tensor(uint8)"},
}


def lower(node, opset):
    """Say a node that keeps its operator at opset 13; raises an UnsupportedError for one that 13 doesn't have."""
    at_13, known = schema(node, OPSET), schema(node, opset)
    if known is None:
        raise UnsupportedError("ONNX has no such operator at opset {}".format(opset))
    if at_13 is None:
        raise UnsupportedError(*refused.REASONS.get(node.op_type, ["opset {} has no such operator".format(OPSET)]))
    since = known.since_version
    if since > UNCHANGED.get(node.op_type, OPSET) and (node.domain, node.op_type, since) not in RULES:
        raise UnsupportedError("opset {} changed it".format(since))
    _drop_attributes(node, known, at_13)
    while node.inputs and node.inputs[-1] is None:
        node.resize_inputs(len(node.inputs) - 1)
    if len(node.inputs) > at_13.max_input:
        raise UnsupportedError("it has {} inputs, at most {} there".format(len(node.inputs), at_13.max_input))
    node.version = OPSET
    foreign = [value for value, formal in _formals(node.inputs, _inputs(at_13)) if _is_foreign(value, formal[1])]
    if foreign:
        _widen(node, at_13, foreign)
    for value, (_, allowed) in _formals(node.outputs, _outputs(at_13)):
        if _is_foreign(value, allowed):
            raise UnsupportedError("its output {!r} is of {}".format(value.name, value.dtype.name.lower()))


def _drop_attributes(node, known, at_13):
    for name in set(node.attributes) - set(at_13.attributes):
        default, value = known.attributes[name].default_value, node.attributes[name].value
        if not default.type or ir.from_proto(default).value != value:
            raise UnsupportedError("its {} is {}".format(name, value))
        node.attributes.pop(name)


def _widen(node, at_13, foreign):
    """Compute a node in larger types, before and behind which its own are cast."""
    wide = {formal[0] for value, formal in _formals(node.inputs, _inputs(at_13)) if value in foreign}
    op = Operators(node, OPSET)
    for index, (value, (kind, allowed)) in enumerate(_formals(node.inputs, _inputs(at_13))):
        if value is not None and kind in wide:
            larger = WIDER.get(value.dtype)
            if larger is None or _word(larger) not in allowed:
                raise UnsupportedError("its input {!r} is of {}".format(value.name, value.dtype.name.lower()))
            node.replace_input_with(index, op.Cast(value, to=larger))
    before = tuple(op.nodes)
    node.graph.insert_before(node, before)
    for value, (kind, _) in _formals(node.outputs, _outputs(at_13)):
        if kind in wide and value.dtype in WIDER:
            narrow, name = value.dtype, value.name
            value.name, value.dtype = "{}/wide".format(name), WIDER[narrow]
            result = op.Cast(value, to=narrow)
            ir.convenience.replace_all_uses_with(value, result, replace_graph_outputs=True)
            op.nodes[-1].replace_input_with(0, value)
            result.name = name
    node.graph.insert_after(node, op.nodes[len(before) :])


def _formals(values, formals):
    """Each value with the name of its type and the types that it may have; the last formal may be of many values."""
    return [(value, formals[min(index, len(formals) - 1)]) for index, value in enumerate(values)]


def _is_foreign(value, allowed):
    return value is not None and isinstance(value.type, ir.TensorType) and _word(value.dtype) not in allowed


def _word(dtype):
    return "tensor({})".format({"DOUBLE": "double", "FLOAT": "float"}.get(dtype.name, dtype.name.lower()))


@functools.cache
def _parameters(at_13, which):
    lacking = LACKING.get(at_13.name, set())
    return [(formal.type_str, frozenset(formal.types) - lacking) for formal in getattr(at_13, which)]


def _inputs(at_13):
    return _parameters(at_13, "inputs")


def _outputs(at_13):
    return _parameters(at_13, "outputs")
