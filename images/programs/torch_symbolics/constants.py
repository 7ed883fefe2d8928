"""What a value of the ONNX graph is known to hold while it is made: numbers, shapes, and what follows from them."""

import contextlib

import torch

DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
}


SCALAR_TYPES = {
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "Int": torch.int32,
    "Long": torch.int64,
    "Short": torch.int16,
}


# The model's parameters and buffers by their names, which are those of the graph's inputs.
weights = {}


class NotConstantError(Exception):
    """A value depends on what the model is fed."""


@contextlib.contextmanager
def without_weights():
    """While another graph is made, whose inputs may have the same names."""
    kept = dict(weights)
    weights.clear()
    try:
        yield
    finally:
        weights.update(kept)


def of(value):
    """The constant that a graph's value is: a tensor, a str, None, or a list of these. Raises NotConstantError."""
    node = value.node()
    kind = node.kind()
    if node.mustBeNone():
        return None
    if kind == "onnx::Constant":
        return node["value"]
    if kind == "prim::ListConstruct":
        return [of(item) for item in node.inputs()]
    if kind == "prim::Param" and value.debugName() in weights:
        return weights[value.debugName()].detach()
    if kind == "onnx::Shape":
        return torch.tensor(described(next(node.inputs()))[0], dtype=torch.int64)
    if kind not in OPERATORS:
        raise NotConstantError(kind)
    return OPERATORS[kind](node, *[_tensor(of(item)) for item in node.inputs()])


def _tensor(constant):
    """Lists of numbers become tensors only later in the export."""
    return torch.stack(constant) if isinstance(constant, list) else constant


def python(value):
    """The constant as Python's own numbers and lists. Raises NotConstantError."""
    return _python(of(value))


def _python(constant):
    if isinstance(constant, torch.Tensor):
        return constant.tolist()
    if isinstance(constant, list):
        return [_python(item) for item in constant]
    return constant


def described(value):
    """(sizes, dtype) of a tensor in the graph. Raises NotConstantError when they are not known."""
    if value.isCompleteTensor():
        return value.type().sizes(), SCALAR_TYPES[value.type().scalarType()]
    if value.node().kind() == "onnx::Reshape":
        tensor, shape = value.node().inputs()
        sizes, dtype = described(tensor)
        return list(torch.empty(sizes).reshape(python(shape)).shape), dtype
    constant = of(value)
    return list(constant.shape), constant.dtype


def _reshape(_, tensor, shape):
    return tensor.reshape([size or tensor.shape[at] for at, size in enumerate(shape.tolist())])


def _slice(_, tensor, starts, ends, axes, steps=None):
    steps = [1] * len(axes) if steps is None else steps.tolist()
    for axis, start, end, step in zip(axes.tolist(), starts.tolist(), ends.tolist(), steps):
        kept = range(tensor.shape[axis])[start:end:step]
        tensor = tensor.index_select(axis, torch.tensor(list(kept), dtype=torch.int64))
    return tensor


def _unsqueeze(node, tensor):
    for axis in sorted(node["axes"]):
        tensor = tensor.unsqueeze(axis)
    return tensor


def _squeeze(node, tensor):
    for axis in sorted(node["axes"], reverse=True):
        tensor = tensor.squeeze(axis)
    return tensor


def _gather(node, tensor, index):
    axis = node["axis"] if node.hasAttribute("axis") else 0
    chosen = tensor.index_select(axis, index.reshape(-1) % tensor.shape[axis])
    return chosen.reshape([*tensor.shape[:axis], *index.shape, *tensor.shape[axis + 1 :]])


def _filled(node, shape):
    value = node["value"] if node.hasAttribute("value") else torch.zeros(1)
    return value.reshape(()).expand(shape.tolist())


def _divide(_, one, other):
    # ONNX rounds integers towards zero.
    return (one / other).trunc().to(one.dtype) if not one.is_floating_point() else one / other


OPERATORS = {
    "onnx::Add": lambda _, one, other: one + other,
    "onnx::Cast": lambda node, tensor: tensor.to(DTYPES[node["to"]]),
    "onnx::Concat": lambda node, *tensors: torch.cat(tensors, node["axis"]),
    "onnx::ConstantOfShape": _filled,
    "onnx::Div": _divide,
    "onnx::Equal": lambda _, one, other: one == other,
    "onnx::Expand": lambda _, tensor, shape: tensor * torch.ones(shape.tolist(), dtype=tensor.dtype),
    "onnx::Floor": lambda _, tensor: tensor.floor(),
    "onnx::Gather": _gather,
    "onnx::Identity": lambda _, tensor: tensor,
    "onnx::Mul": lambda _, one, other: one * other,
    "onnx::Neg": lambda _, tensor: -tensor,
    "onnx::Range": lambda _, start, end, step: torch.arange(start.item(), end.item(), step.item()),
    "onnx::Reshape": _reshape,
    "onnx::Slice": _slice,
    "onnx::Squeeze": _squeeze,
    "onnx::Sub": lambda _, one, other: one - other,
    "onnx::Transpose": lambda node, tensor: tensor.permute(node["perm"]),
    "onnx::Unsqueeze": _unsqueeze,
    "onnx::Where": lambda _, condition, one, other: torch.where(condition, one, other),
}
