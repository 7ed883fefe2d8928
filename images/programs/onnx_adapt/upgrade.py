"""Operators of the opsets below 13, as they are at 13.

ONNX's own version converter leaves the slope of a PRelu of opset 6 as it is, along the wrong axis, and has no way for
the operators of opset 1.
"""

import numpy as np
import onnx
import onnx_ir as ir

from stagekit import StageError

from . import constant_folding
from .rules.operators import Operators
from .rules.rule import array
from .source_model import opset

# Two steps, because ONNX infers shapes, which some forms need, for few operators of the opsets before 6.
STEPS = 6, 13
# {operator: [(opset in which it became another, the step that this is part of, function)]}
_FORMS = {}


def upgrade(model):
    """Bring a model of an opset below 13 up to it, in place.

    A StageError of kind "model" names what has no form there.
    """
    given = opset(model)
    for step in STEPS:
        if given >= step:
            continue
        if step != STEPS[0]:
            constant_folding.infer(model)
        for graph in model.graphs():
            for node in tuple(graph):
                _change(graph, node, given, step)
        model.opset_imports[""] = step


def _change(graph, node, given, step):
    if node.domain:
        return
    # Which inputs a runtime of 2017 may overwrite.
    node.attributes.pop("consumed_inputs", None)
    for before, at, form in _FORMS.get(node.op_type, ()):
        if given < before and step == at:
            made = Operators(node, given, step)
            values = form(node, made)
            values = [values] if isinstance(values, ir.Value) else values
            ir.convenience.replace_nodes_and_values(graph, node, [node], made.nodes, node.outputs, values)
            return


def _before(version, *op_types, step=None):
    """Register how operators are said that became others in an opset: a function of the node and `Operators`."""
    at = step or next(each for each in STEPS if version <= each)

    def register(function):
        for op_type in op_types:
            _FORMS.setdefault(op_type, []).append((version, at, function))
        return function

    return register


def _again(node, op, *inputs, without=(), **attributes):
    """The same operator with other inputs, and attributes added or left out."""
    kept = {name: attribute for name, attribute in node.attributes.items() if name not in without}
    return getattr(op, node.op_type)(*inputs, outputs=len(node.outputs), **(kept | attributes))


def _rank(value, node):
    if value.shape is None:
        raise StageError(
            "model",
            "{} (node {}) is one of an old opset, whose meaning depends on how many dimensions {!r} has: "
            "the model does not say it".format(node.op_type, node.name or "?", value.name),
            "give the model's inputs a shape, or export it again at opset 13",
        )
    return len(value.shape)


@_before(6, "Cast")
def _cast(node, op):
    return op.Cast(node.inputs[0], to=onnx.TensorProto.DataType.Value(node.attributes.get_string("to").upper()))


@_before(4, "Concat")
def _concat(node, op):
    return op.Concat(*node.inputs, axis=node.attributes.get_int("axis", 1))


@_before(2, "Pad")
def _paddings(node, op):
    return _again(node, op, *node.inputs, without=("paddings",), pads=node.attributes.get_ints("paddings"))


@_before(2, "LpPool", "GlobalLpPool")
def _lp_pool(node, op):
    return _again(node, op, *node.inputs, p=int(node.attributes.get_float("p", 2.0)))


@_before(5, "Reshape")
def _reshape(node, op):
    return op.Reshape(node.inputs[0], op.constant(node.attributes.get_ints("shape"), "int64"))


@_before(6, "Tile", step=13)
def _tile(node, op):
    """Along one axis, which an input says, as many times as another input says."""
    x, *numbers = node.inputs
    tiles, axis = (op.Cast(op.Reshape(each, op.constant([1], "int64")), to=ir.DataType.INT64.value) for each in numbers)
    once = op.constant([1], "int64")
    repeats = op.OneHot(axis, op.Size(op.Shape(x)), op.Concat(once, tiles, axis=0))
    return op.Tile(x, op.Reshape(repeats, op.constant([-1], "int64")))


@_before(7, "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less")
def _broadcast(node, op):
    """With an axis the second input lies along the first one's dimensions from there on, not along its last ones."""
    a, b = node.inputs
    if node.attributes.get_int("broadcast", 0) and "axis" in node.attributes:
        first, rank = _rank(a, node), _rank(b, node)
        behind = first - node.attributes.get_int("axis") % first - rank
        if behind > 0:
            b = op.Unsqueeze(b, op.constant(range(rank, rank + behind), "int64"))
    return _again(node, op, a, b, without=("broadcast", "axis"))


@_before(7, "PRelu")
def _prelu(node, op):
    """A slope for each channel."""
    x, slope = node.inputs
    behind = _rank(x, node) - 2
    if _rank(slope, node) == 1 and slope.shape[0] != 1 and behind > 0:
        slope = op.Unsqueeze(slope, op.constant(range(1, 1 + behind), "int64"))
    return op.PRelu(x, slope)


@_before(7, "Gemm")
def _gemm(node, op):
    return _again(node, op, *node.inputs, without=("broadcast",))


@_before(7, "RNN", "GRU", "LSTM")
def _recurrent(node, op):
    """Whether all steps or the last one are wanted is said by which outputs are used."""
    return _again(node, op, *node.inputs, without=("output_sequence",))


@_before(7, "BatchNormalization")
def _batch_normalization_6(node, op):
    if not node.attributes.get_int("is_test", 0):
        raise StageError(
            "model",
            "BatchNormalization (node {}) has is_test=0: it is one for training".format(node.name or "?"),
            "export the model for inference, with is_test=1",
        )
    return _batch_normalization(node, op)


@_before(9, "BatchNormalization")
def _batch_normalization(node, op):
    if node.attributes.get_int("spatial", 1):
        return _again(node, op, *node.inputs, without=("is_test", "spatial"))
    x, scale, bias, mean, variance = node.inputs
    epsilon = op.constant(node.attributes.get_float("epsilon", 1e-5), "float32")
    scaled = op.Div(op.Mul(op.Sub(x, mean), scale), op.Sqrt(op.Add(variance, epsilon)))
    return op.Add(scaled, bias)


@_before(12, "Dropout")
def _dropout(node, op):
    return _again(node, op, node.inputs[0], without=("is_test", "ratio"))


@_before(11, "Clip")
def _clip(node, op):
    (x,) = node.inputs
    bounds = [node.attributes.get(name) for name in ("min", "max")]
    return op.Clip(x, *(bound and _number(op, bound.as_float(), x) for bound in bounds))


@_before(11, "Pad")
def _pad(node, op):
    (x,) = node.inputs
    pads = op.constant(node.attributes.get_ints("pads"), "int64")
    value = _number(op, node.attributes.get_float("value", 0.0), x)
    return _again(node, op, x, pads, value, without=("pads", "value"))


def _number(op, number, like):
    return op.constant(number, like.dtype.numpy() if like.dtype else "float32")


@_before(10, "Slice")
def _slice(node, op):
    starts, ends = (node.attributes.get_ints(name) for name in ("starts", "ends"))
    axes = node.attributes.get_ints("axes", range(len(starts)))
    return op.Slice(node.inputs[0], *(op.constant(numbers, "int64") for numbers in (starts, ends, axes)))


@_before(10, "TopK")
def _top_k(node, op):
    k = op.constant([node.attributes.get_int("k")], "int64")
    return _again(node, op, node.inputs[0], k, without=("k",))


@_before(11, "Scatter")
def _scatter(node, op):
    return op.ScatterElements(*node.inputs, axis=node.attributes.get_int("axis", 0))


@_before(10, "Upsample")
def _upsample(node, op):
    if len(node.inputs) > 1:
        scales = node.inputs[1]
    elif "scales" in node.attributes:
        scales = op.constant(node.attributes.get_floats("scales"), "float32")
    else:
        sides = [node.attributes.get_float(name) for name in ("height_scale", "width_scale")]
        scales = op.constant([1, 1, *sides], "float32")
    return _resized(node, op, scales, "floor")


@_before(11, "Resize")
def _resize(node, op):
    """Opset 10 does not say which neighbour is the nearest: onnxruntime takes the next one where an image shrinks."""
    scales = array(node.inputs[1])
    shrinks = scales is not None and (scales <= 1).all()
    return _resized(node, op, node.inputs[1], "ceil" if shrinks else "floor")


def _resized(node, op, scales, nearest):
    given = node.attributes.get_string("mode", "nearest")
    return op.Resize(
        node.inputs[0],
        None,
        scales,
        mode="linear" if given == "bilinear" else given,
        coordinate_transformation_mode="asymmetric",
        nearest_mode=nearest,
    )


@_before(10, "Affine")
def _affine(node, op):
    """One of those that ONNX had as experimental up to opset 9, as are the ones after it."""
    (x,) = node.inputs
    scaled = op.Mul(x, _number(op, node.attributes.get_float("alpha", 1.0), x))
    return op.Add(scaled, _number(op, node.attributes.get_float("beta", 0.0), x))


@_before(10, "ImageScaler")
def _image_scaler(node, op):
    (x,) = node.inputs
    scaled = op.Mul(x, _number(op, node.attributes.get_float("scale", 1.0), x))
    bias = np.array(node.attributes.get_floats("bias"), "float32")
    return op.Add(scaled, op.constant(bias[:, None, None]))


@_before(10, "Crop")
def _crop(node, op):
    left, top, right, bottom = node.attributes.get_ints("border")
    ends = [-bottom or np.iinfo(np.int64).max, -right or np.iinfo(np.int64).max]
    if "scale" in node.attributes:
        ends = np.add((top, left), node.attributes.get_ints("scale"))
    return op.Slice(node.inputs[0], *(op.constant(numbers, "int64") for numbers in ((top, left), ends, (2, 3))))


@_before(10, "ParametricSoftplus")
def _parametric_softplus(node, op):
    (x,) = node.inputs
    alpha, beta = (_number(op, node.attributes.get_float(name), x) for name in ("alpha", "beta"))
    return op.Mul(op.Softplus(op.Mul(x, beta)), alpha)


@_before(10, "ScaledTanh")
def _scaled_tanh(node, op):
    (x,) = node.inputs
    alpha, beta = (_number(op, node.attributes.get_float(name), x) for name in ("alpha", "beta"))
    return op.Mul(op.Tanh(op.Mul(x, beta)), alpha)


@_before(13, "Softmax", "LogSoftmax", "Hardmax")
def _softmax(node, op):
    """Over all dimensions from an axis on, as if they were one."""
    (x,) = node.inputs
    axis = node.attributes.get_int("axis", 1)
    if axis in (-1, _rank(x, node) - 1):
        return _again(node, op, x, axis=-1)
    rows = _again(node, op, op.Flatten(x, axis=axis), axis=-1)
    return op.Reshape(rows, op.Shape(x))


@_before(13, "Squeeze", "Unsqueeze", "ReduceSum")
def _axes(node, op):
    axes = node.attributes.get_ints("axes", None)
    given = [] if axes is None else [op.constant(axes, "int64")]
    return _again(node, op, node.inputs[0], *given, without=("axes",))


@_before(13, "Split")
def _split(node, op):
    sizes = node.attributes.get_ints("split", None)
    given = node.inputs[1:] if sizes is None else [op.constant(sizes, "int64")]
    return _again(node, op, node.inputs[0], *given, without=("split",))
