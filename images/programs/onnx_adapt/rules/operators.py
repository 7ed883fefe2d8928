"""What rules build with: operators whose types and shapes are known as soon as they are there."""

import numpy as np
import onnx
import onnx_ir as ir

from .rule import UnsupportedError, array, schema

OPSET = 13
# Numbers of a constant from which ONNX infers shapes: sizes, axes and the like.
FEW = 1024
# Quantized weights stay integers, and what is drawn at random is no constant.
KEPT = ("Bernoulli", "DequantizeLinear", "QuantizeLinear")


class Operators:
    """Operators of opset 13 as methods: ``op.Add(x, y)``, ``op.Concat(x, y, axis=1)``.

    They are in place of a node, of a model of an opset, and named after it. What is constant is computed at once, so
    that sizes are numbers wherever they can be.
    """

    def __init__(self, node, opset, version=OPSET):
        self.opset = opset
        self.version = version
        self.nodes = []
        # Names of nodes and of values are two sets, each without repetition.
        self._value = next(value.name for value in node.outputs if value.name)
        self._node = node.name or self._value

    def __getattr__(self, op_type):
        def add(*inputs, outputs=1, **attributes):
            values = self.add(op_type, inputs, attributes, outputs)
            return values[0] if outputs == 1 else values

        return add

    def add(self, op_type, inputs, attributes, outputs, version=None):
        """The output values of a new operator as it is at an opset."""
        version = version or self.version
        suffix = "/{}_{}".format(op_type, len(self.nodes))
        name = self._node + suffix
        node = ir.node(op_type, inputs, attributes, num_outputs=outputs, version=version, name=name)
        for index, value in enumerate(node.outputs):
            value.name = "{}{}:{}".format(self._value, suffix, index)
        infer(node, version)
        numbers = _computed(node, version) if version >= OPSET else None
        if numbers is not None:
            node = ir.node("Constant", [], {"value": ir.tensor(numbers)}, version=OPSET, name=name)
            node.outputs[0].name = "{}{}:0".format(self._value, suffix)
            infer(node, OPSET)
        self.nodes.append(node)
        return node.outputs

    def constant(self, numbers, dtype=None, like=None):
        """A constant of a numpy dtype or of the data type of another value."""
        dtype = like.dtype.numpy() if like is not None else dtype
        return self.add("Constant", [], {"value": ir.tensor(np.array(numbers, dtype))}, 1, OPSET)[0]

    def shape(self, value):
        """A value's shape: a constant where it is known."""
        if value.shape is not None and value.shape.is_static():
            return self.constant(value.shape.numpy(), "int64")
        return self.Shape(value)

    def size(self, value, axis):
        """A value's size along an axis, as a tensor of one number: a constant where it is known."""
        known = value.shape[axis]
        if isinstance(known, int):
            return self.constant([known], "int64")
        return self.Gather(self.Shape(value), self.constant([axis], "int64"), axis=0)

    def cast(self, value, dtype):
        """A value in another data type, an `onnx_ir.DataType` or its name: the value itself if it is of it."""
        dtype = ir.DataType[dtype] if isinstance(dtype, str) else dtype
        return value if value.dtype == dtype else self.Cast(value, to=dtype)


def _computed(node, opset):
    """The numbers that a node makes, where these are few and all that it takes is constant; else None."""
    (value, *others) = node.outputs
    if others or node.op_type in KEPT or value.type is None or value.shape is None or not _is_small(value):
        return None
    if node.op_type == "Shape" and node.inputs[0].shape is not None and node.inputs[0].shape.is_static():
        given = {node.inputs[0].name: np.broadcast_to(np.float32(0), node.inputs[0].shape.numpy())}
    else:
        given = {each.name: array(each) for each in node.inputs if each is not None}
    if not given or any(numbers is None for numbers in given.values()):
        return None
    # Few models need it, and it takes as long to import as onnxruntime.
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    (numbers,) = ReferenceEvaluator(ir.serde.serialize_node(node), opsets={"": opset}).run(None, given)
    return np.asarray(numbers, value.dtype.numpy())


def infer(node, opset):
    """Give a node's outputs the types and shapes that follow from its inputs; what can't be inferred stays unknown.

    Raises an UnsupportedError for data types that an operator does not have at the opset.
    """
    found = schema(node, opset)
    given = [value for value in node.inputs if value is not None]
    if found is None or found.deprecated or any(value.type is None for value in given):
        return
    types = {value.name: type_proto(value) for value in given}
    small = {value.name: array(value) for value in given if value.shape is not None and _is_small(value)}
    data = {name: onnx.numpy_helper.from_array(numbers) for name, numbers in small.items() if numbers is not None}
    opsets = [onnx.helper.make_opsetid("", opset)]
    try:
        inferred = onnx.shape_inference.infer_node_outputs(
            found, ir.serde.serialize_node(node), types, data, opset_imports=opsets
        )
    except onnx.checker.ValidationError as error:
        dtypes = {value.dtype.name.lower() for value in given if value.dtype}
        if "to" in node.attributes:
            dtypes.add(ir.DataType(node.attributes.get_int("to")).name.lower())
        raise UnsupportedError("{} there is not of {}".format(node.op_type, " and ".join(sorted(dtypes)))) from error
    except onnx.shape_inference.InferenceError:
        return
    for value in node.outputs:
        if value.name in inferred:
            value.type = ir.serde.deserialize_type_proto_for_type(inferred[value.name])
            shape = ir.serde.deserialize_type_proto_for_shape(inferred[value.name])
            value.shape = value.shape if shape is None else shape


def _is_small(value):
    return value.shape.is_static() and np.prod(value.shape.numpy()) <= FEW


def type_proto(value):
    proto = onnx.TypeProto()
    ir.serde.serialize_type_into(proto, value.type)
    if value.shape is not None:
        ir.serde.serialize_shape_into(proto, value.shape)
    return proto
