"""An .onnx file: reading it, refusing it, and saying what it holds."""

from collections import Counter

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import mapping, numpy_helper

from stagekit import StageError, arrays, module_names, wire
from stagekit import index_bounds as bounds

from . import bodies, light_model

STANDARD_DOMAINS = ("", "ai.onnx")
SMALL = dict.fromkeys((onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.INT16), onnx.TensorProto.INT64)
SMALL[onnx.TensorProto.FLOAT16] = onnx.TensorProto.FLOAT
# What shape inference raises where shapes don't agree: it has had a class of its own since onnx 1.10.
DISAGREEMENT = getattr(onnx.shape_inference, "InferenceError", RuntimeError)
# In elements. What decides a shape is smaller; shape inference copies all that it is given.
LARGE = 64
EXPORT_AGAIN = "export the model again, at opset 12"
GIVE_ANOTHER = "give a file that torch.onnx.export or onnx.save wrote"

# onnx's printer of scalars knows the dtypes that others are stored as, not these.
for kind, storage in mapping.TENSOR_TYPE_TO_STORAGE_TENSOR_TYPE.items():
    mapping.STORAGE_TENSOR_TYPE_TO_FIELD.setdefault(kind, mapping.STORAGE_TENSOR_TYPE_TO_FIELD[storage])


def read(path):
    """The model in a file. All that is checked is that it is an ONNX model with its weights inside."""
    model, _ = _read(path.read_bytes)
    return model


def light(path):
    """The same without the values of large weights, as `light_model.light` says; and whether the file is the model, to
    the last size.
    """

    def content():
        with wire.mapped(path) as found:
            return light_model.light(found)

    return _read(content)


def _read(content):
    try:
        model = onnx.load_model_from_string(content())
    except (DecodeError, ValueError) as error:
        message = "this is no ONNX file, or a damaged one: {}".format(error)
        raise StageError("usage", message, GIVE_ANOTHER) from error
    if not model.HasField("graph") or not model.ir_version:
        raise StageError("usage", "this is no ONNX model: it holds no graph", GIVE_ANOTHER)
    if not model.graph.output:
        raise StageError("usage", "this ONNX model has no outputs", GIVE_ANOTHER)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
        raise StageError(
            "usage",
            "this ONNX model keeps its weights in other files",
            "save it as one file: onnx.save(onnx.load(path), other_path)",
        )
    # In between there are tensors of no numbers.
    changed = [_leave_open(value, 0) for value in [*model.graph.input, *model.graph.output]]
    changed += [_leave_open(value, -1) for value in model.graph.value_info]
    return model, not any(changed)


def _leave_open(value, most):
    """Take sizes of 0 and -1 for what exporters mean by them: a size that is not known yet. Whether there were any."""
    sizes = [size for size in value.type.tensor_type.shape.dim if size.HasField("dim_value") and size.dim_value <= most]
    for size in sizes:
        size.ClearField("dim_value")
    return bool(sizes)


def _tensors(graph):
    """Every tensor that a model holds; onnxruntime reads those that are kept outside from whatever path they name."""
    for part in _graphs(graph):
        sparse = list(part.sparse_initializer)
        yield from part.initializer
        for node in part.node:
            for attribute in node.attribute:
                sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
                yield attribute.t
                yield from attribute.tensors
        for tensor in sparse:
            yield tensor.values
            yield tensor.indices


def check(model):
    """Raise a StageError unless this is a model that onnx 1.8.0 finds well formed, of standard operators only."""
    newest = onnx.defs.onnx_opset_version()
    if opset(model) > newest:
        message = "the model is of opset {}, onnx {} knows {} at most".format(opset(model), onnx.__version__, newest)
        raise StageError("model", message, EXPORT_AGAIN)
    foreign = sorted(
        {
            "{}.{}".format(node.domain, node.op_type)
            for node in nodes(model.graph)
            if node.domain not in STANDARD_DOMAINS
        }
    )
    if foreign:
        raise StageError(
            "model",
            "not standard ONNX: the operators {}".format(", ".join(foreign)),
            "replace them in the model by operators that ONNX has",
        )
    try:
        onnx.checker.check_model(_with_shapes(model))
    except onnx.checker.ValidationError as error:
        raise StageError(
            "model", "the ONNX checker refuses the model: {}".format(one_line(error)), EXPORT_AGAIN
        ) from error


def _with_shapes(model):
    """The model with a type and a shape for each input and output, which onnx's checker asks for: onnxruntime finds out
    those of outputs, and the samples have those of inputs.
    """
    if all(value.type.tensor_type.HasField("shape") for value in [*model.graph.input, *model.graph.output]):
        return model
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    for value in [*typed.graph.input, *typed.graph.output]:
        if value.type.WhichOneof("value") in (None, "tensor_type"):
            tensor = value.type.tensor_type
            tensor.elem_type = tensor.elem_type or onnx.TensorProto.FLOAT
            tensor.shape.SetInParent()
    return typed


def one_line(error):
    return " ".join(str(error).split())


def opset(model):
    return max((entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS), default=1)


def nodes(graph):
    """Every node, those of the bodies of If, Loop and Scan too."""
    for part in _graphs(graph):
        yield from part.node


def _graphs(graph):
    yield graph
    for node in graph.node:
        for body in bodies.of(node):
            yield from _graphs(body)


def operators(model):
    """How often each operator occurs, the most frequent first."""
    counts = Counter(node.op_type for node in nodes(model.graph))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def inferred(model):
    """The type and shape of each value, as far as they are known: TypeProto.Tensor by name. Weights have theirs."""
    bare = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    bare.graph.node.extend(model.graph.node)
    # What the model says of others may be wrong, which would end it.
    bare.graph.input.extend(model.graph.input)
    listed = {value.name for value in model.graph.input}
    for weight in model.graph.initializer:
        if weight.name not in listed:
            bare.graph.input.append(onnx.helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
        if np.prod(weight.dims) <= LARGE:
            bare.graph.initializer.append(weight)
    found = _inferred(bare)
    return {value.name: value.type.tensor_type for value in [*found.input, *found.value_info]}


def _inferred(model):
    """The graph of a model, with the types and shapes of its values as far as they are known."""
    try:
        return onnx.shape_inference.infer_shapes(model).graph
    except DISAGREEMENT as error:
        message = "the shapes in the model don't agree: {}".format(one_line(error))
        raise StageError("model", message, EXPORT_AGAIN) from error


def inputs(model):
    """What a caller feeds, in order, as [{name, shape, dtype}]: None in a shape is a size left open, and None in its
    place a shape that the model does not say.

    Up to IR version 3 initializers had to be listed among the inputs, and later they may be.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return [_spec(value) for value in model.graph.input if value.name not in weights]


def modules(model):
    """{name: [names of PyTorch's modules]} by the names of nodes and of outputs, where the nodes' names say so."""
    weights, made = {tensor.name for tensor in model.graph.initializer}, {value.name for value in model.graph.output}
    found = {}
    for node in nodes(model.graph):
        of = module_names.of_path(node.name, node.op_type, weights.intersection(node.input))
        found.update((name, of) for name in [node.name, *made.intersection(node.output)] if of)
    return found


def index_bounds(model):
    """What the integers of the inputs stay below, by name, where that is less than other integers do: of places as
    `stagekit.index_bounds` finds it, of masks as `arrays.below` says.
    """
    fed = [spec["name"] for spec in inputs(model) if np.dtype(spec["dtype"]).kind in "iu"]
    if not fed:
        return {}
    types = inferred(model)
    described = [(node.op_type, node.input, node.output, _axis(node)) for node in nodes(model.graph)]
    found = bounds.of(described, lambda name: name in types and [size.dim_value for size in types[name].shape.dim])
    below = {name: arrays.below(name, found) for name in fed}
    return {name: bound for name, bound in below.items() if bound < arrays.INTEGER_SAMPLES_BELOW}


def _axis(node):
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)


def closed(model, samples):
    """The model with the sizes that its inputs leave open as they are in the samples."""
    if not any(spec["shape"] is None or None in spec["shape"] for spec in inputs(model)):
        return model
    found = onnx.ModelProto()
    found.CopyFrom(model)
    for value in found.graph.input:
        if value.name in samples:
            shape = onnx.TensorShapeProto()
            for count in samples[value.name].shape:
                shape.dim.add(dim_value=count)
            value.type.tensor_type.shape.CopyFrom(shape)
    return found


def outputs(model):
    return [value.name for value in model.graph.output]


def described(model):
    """The outputs as [{name, shape, dtype}] where the model says all of it, else None. None in a shape is a size that
    it leaves open.
    """
    tensors = [value.type.tensor_type for value in model.graph.output]
    known = all(tensor.HasField("shape") and _dtype(tensor) is not None for tensor in tensors)
    return [_spec(value) for value in model.graph.output] if known else None


def _spec(value):
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise StageError("model", "input {!r} is no tensor ({})".format(value.name, kind), EXPORT_AGAIN)
    tensor = value.type.tensor_type
    dtype = _dtype(tensor)
    if dtype is None:
        kinds = {number: word.lower() for word, number in onnx.TensorProto.DataType.items()}
        raise StageError(
            "model",
            "input {!r} is {}: pinlite converts models of floats, integers and booleans".format(
                value.name, kinds.get(tensor.elem_type, tensor.elem_type)
            ),
            "make it one of these in the model, or begin behind it, with --from-tensor",
        )
    shape = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    return {
        "name": value.name,
        "shape": shape if tensor.HasField("shape") else None,
        "dtype": dtype.name,
    }


def _dtype(tensor):
    """The dtype of a tensor that has numbers; None for what numpy has no numbers of, as a string or a bfloat16."""
    dtype = mapping.TENSOR_TYPE_TO_NP_TYPE.get(tensor.elem_type)
    return dtype if dtype is not None and dtype.kind in "biuf" else None


def words(model, *, by_operator=False):
    """The graph in words: what it computes, then the inferred type and shape of every value on the way, and
    ``by_operator`` what computes it.
    """
    graph = _inferred(model)
    _mark_open_sizes(graph)
    _widen_small_scalars(graph)
    typed = {value.name: onnx.helper.printable_value_info(value) for value in [*graph.value_info, *graph.output]}
    values = typed.values()
    if by_operator:
        values = [
            "{} = {}".format(typed.get(name, "%{}[?]".format(name)), node.op_type)
            for node in graph.node
            for name in node.output
            if name
        ]
    header = "ONNX IR version {}, opset {}, made by {} {}".format(
        model.ir_version, opset(model), model.producer_name or "?", model.producer_version
    )
    counts = ["  {} {}".format(name, count) for name, count in operators(model).items()]
    return "\n".join(
        [
            header.rstrip(),
            "",
            onnx.helper.printable_graph(graph),
            "",
            "values (",
            *("  " + value for value in values),
            ")",
            "",
            "operators (",
            *counts,
            ")",
            "",
        ]
    )


def _mark_open_sizes(graph):
    """Name a size ? where it has neither value nor name, which onnx's printer can't put in words."""
    for part in _graphs(graph):
        for value in [*part.input, *part.value_info, *part.output]:
            for size in value.type.tensor_type.shape.dim:
                if size.WhichOneof("value") is None:
                    size.dim_param = "?"


def _widen_small_scalars(graph):
    """Make numbers of 8 and 16 bits larger ones where they are attributes: onnx's printer doesn't know theirs."""
    for node in nodes(graph):
        for attribute in node.attribute:
            scalar = attribute.t
            if attribute.HasField("t") and not scalar.dims and scalar.data_type in SMALL:
                wide = SMALL[scalar.data_type]
                scalar.CopyFrom(onnx.helper.make_tensor(scalar.name, wide, [], [numpy_helper.to_array(scalar).item()]))
