"""How a rule for an operator of Microsoft's is registered, and what several of them need."""

import contextlib
import functools

import onnx
import onnx_ir as ir

from stagekit import StageError

from ..rule import RULES, rule

DOMAIN = "com.microsoft"
_TYPES = {}


def microsoft(*op_types, types=None):
    """Register a function as the rule of operators of com.microsoft.

    A rule that needs shapes comes with ``types``: of an inference context, the (element type, sizes) of each output,
    which ONNX's shape inference then knows. Other rules are applied before shapes are inferred, so that it need not.
    """

    def register(function):
        @functools.wraps(function)
        def typed(node, op):
            made = function(node, op)
            values = [made] if isinstance(made, ir.Value) else made
            for value in values:
                value.type = value.type or node.inputs[0].type
            return values

        if types is not None:
            _TYPES.update(dict.fromkeys(op_types, _inference(types)))
        return rule(*op_types, since=1, domain=DOMAIN)(typed)

    return register


def is_shapeless(node):
    """Whether a node can be lowered before shapes are known."""
    return node.domain == DOMAIN and node.op_type not in _TYPES


def name_by_domain(model):
    """Put nodes of operators that onnxruntime adds to ONNX's own domain into Microsoft's, in place."""
    opset = model.opset_imports.get("", 1)
    for node in model.graph.all_nodes():
        if not (node.domain or onnx.defs.has(node.op_type, opset)) and (DOMAIN, node.op_type, 1) in RULES:
            node.domain = DOMAIN
            model.opset_imports.setdefault(DOMAIN, 1)


@contextlib.contextmanager
def known_to_inference():
    """Let ONNX's shape inference know the types of what these operators compute, for a while.

    ONNX's own evaluator can't be imported as long as operators of two domains have one name.
    """
    for op_type, infer in _TYPES.items():
        schema = onnx.defs.OpSchema(op_type, DOMAIN, 1)
        schema.set_type_and_shape_inference_function(infer)
        onnx.defs.register_schema(schema)
    try:
        yield
    finally:
        for op_type in _TYPES:
            onnx.defs.deregister_schema(op_type, 1, DOMAIN)


def _inference(types):
    def infer(context):
        for at, (element, sizes) in enumerate(types(context)[: context.get_num_outputs()]):
            if element and sizes is not None:
                made = onnx.TypeProto()
                made.tensor_type.elem_type = element
                made.tensor_type.shape.dim.extend(sizes)
                context.set_output_type(at, made)

    return infer


def type_of(context, at):
    """Element type and sizes of an input of an inference context: 0 and None where they are not known."""
    kind = context.get_input_type(at) if context.has_input(at) else None
    if kind is None:
        return 0, None
    tensor = kind.tensor_type
    return tensor.elem_type, list(tensor.shape.dim) if tensor.HasField("shape") else None


def size(number):
    """A number as a size of a shape of ONNX's."""
    return onnx.TensorShapeProto.Dimension(dim_value=number)


def like_first(context):
    return [type_of(context, 0)]


def optional(node, count):
    """The first inputs of a node, None where one is left out."""
    return [*node.inputs, *[None] * count][:count]


def number(op, value, *like):
    """A constant of the type of the first of some values that has one."""
    dtypes = [each.dtype for each in like if each is not None and each.dtype]
    return op.constant(value, dtypes[0].numpy() if dtypes else "float32")


def refused(node, why):
    """The error for a form of an operator that has no rule."""
    return StageError(
        "model",
        "{} (node {}), an operator of onnxruntime's own, {}".format(node.op_type, node.name or "?", why),
        "give the model as it was before onnxruntime's optimizer, or cut it before the node with --to-tensor",
    )
