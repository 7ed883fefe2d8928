"""A model as its file has it: reading it, refusing it, and its inputs."""

import re

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from stagekit import StageError, module_names

from . import model_reading

GIVE_ANOTHER = "give a file that torch.onnx.export or onnx.save wrote"
FILE = "model.onnx"
LONG_NAME = "ai.onnx"
# What a model's ``meta`` says: whether a size that its file says was taken for an open one.
OPENED = "opened"
# What onnxruntime says before what is wrong: of which kind that is, which file it read, where in its C++ it was.
PREAMBLE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from \S+ failed:|/onnxruntime_src/\S+:\d+ .*?\)(?: const)? "
)


def file(path):
    """The .onnx file of what a request has as its model: itself, or the one in a folder."""
    return path / FILE if path.is_dir() else path


def read(path):
    """The `onnx_ir.Model` in a file, or in a folder as model.onnx beside the files that it keeps tensors in; all of its
    tensors are in memory then.

    A StageError says that it is no ONNX file, a damaged one, or one of sparse tensors.
    """
    try:
        proto, arrays = model_reading.read(file(path))
        model = ir.from_proto(proto)
        for name, array in arrays.items():
            value = model.graph.initializers[name]
            value.const_value = ir.Tensor(array, value.const_value.dtype, name=name)
        for graph in _graphs(model):
            _take_in(graph, path if path.is_dir() else None)
    except (DecodeError, ir.serde.SerdeError, ValueError, TypeError, OSError, RecursionError) as error:
        message = "this is no ONNX file, or a damaged one: {}".format(one_line(_first(error)))
        raise StageError("usage", message, GIVE_ANOTHER) from error
    if proto.graph.sparse_initializer:
        raise StageError(
            "model",
            "the model's tensor {!r} is sparse, which TFLite files of 2020 can't hold".format(
                proto.graph.sparse_initializer[0].values.name
            ),
            "write it as an initializer with all of its numbers",
        )
    # The other name of ONNX's own domain: onnx-ir renames the operators alone.
    for part in (model, *model.functions.values()):
        if LONG_NAME in part.opset_imports:
            part.opset_imports[""] = part.opset_imports.pop(LONG_NAME)
    values = [*model.graph.inputs, *model.graph.outputs, *(each for node in model.graph for each in node.outputs)]
    opened = [_leave_open(value) for value in values]
    model.meta[OPENED] = any(opened)
    return model


def modules(model):
    """{name: [names of PyTorch's modules]} by the names of nodes and of outputs, where the dynamo exporter says so."""
    found = {}
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        if module_names.SCOPES in node.metadata_props:
            weights = [each.name for each in node.inputs if each is not None and each.is_initializer()]
            of = module_names.of_scopes(node.metadata_props[module_names.SCOPES], weights)
            outputs = [value.name for value in node.outputs if value.is_graph_output()]
            found.update((name, of) for name in [node.name, *outputs] if name and of)
    return found


def _leave_open(value):
    """Take sizes of 0 and -1 for what exporters mean by them: a size that is not known yet. Whether there was one."""
    if value.shape is None or not any(isinstance(size, int) and size <= 0 for size in value.shape):
        return False
    value.shape = ir.Shape([None if isinstance(size, int) and size <= 0 else size for size in value.shape])
    return True


def _first(error):
    """What was raised first: onnx-ir wraps errors in others, which only say where it was."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _graphs(model):
    """All graphs, those of functions too."""
    for graph in (model.graph, *(function.graph for function in model.functions.values())):
        yield graph
        yield from graph.subgraphs()


def _take_in(graph, folder):
    for value in graph.initializers.values():
        value.const_value = _in_memory(value.const_value, folder)
    for node in graph:
        for name, attribute in tuple(node.attributes.items()):
            if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                node.attributes[name] = ir.AttrTensor(name, _in_memory(attribute.value, folder), attribute.doc_string)


def _in_memory(tensor, folder):
    if not isinstance(tensor, ir.ExternalTensor):
        return tensor
    if folder is None:
        raise ValueError("tensor {!r} is in {!r}, which is not there".format(tensor.name, tensor.location))
    if tensor.length not in (None, tensor.nbytes):
        raise ValueError(
            "tensor {!r} has {} bytes in {!r}, by its shape it has {}".format(
                tensor.name, tensor.length, tensor.location, tensor.nbytes
            )
        )
    tensor.base_dir = folder
    # Mapped, not copied.
    return ir.Tensor(tensor.numpy(), tensor.dtype, name=tensor.name, doc_string=tensor.doc_string)


def check(model):
    """Raise a StageError for a model of the future, and for what has no outputs."""
    if not model.graph.outputs:
        raise StageError("usage", "the file holds no graph with outputs, so it is no ONNX model", GIVE_ANOTHER)
    newest = onnx.defs.onnx_opset_version()
    for what, version, most in (("opset", opset(model), newest), ("IR version", model.ir_version, onnx.IR_VERSION)):
        if not 1 <= version <= most:
            raise StageError(
                "model",
                "the model is of {} {}, onnx {} knows 1 to {}".format(what, version, onnx.__version__, most),
                "write the model at {} {} or an older one".format(what, most),
            )


def one_line(error):
    return PREAMBLE.sub("", " ".join(str(error).split()))


def opset(model):
    """Of ONNX's own domain; a file of 2017 may not say it."""
    return model.opset_imports.get("", 1)


def inputs(model):
    """What a caller feeds, in order, as [{name, shape, dtype}]: None in a shape is a size left open, and None in its
    place a shape that the model does not say.
    """
    return [_spec(value) for value in model.graph.inputs if value.name not in model.graph.initializers]


def _spec(value):
    if value.dtype is None:
        raise StageError("model", "input {!r} has no type".format(value.name), GIVE_ANOTHER)
    shape = value.shape and [size if isinstance(size, int) else None for size in value.shape]
    return {"name": value.name, "shape": shape, "dtype": value.dtype.numpy().name}


def close(model, samples):
    """Fix the sizes that a model's inputs leave open as they are in the samples."""
    for value in model.graph.inputs:
        if value.name in samples:
            value.shape = ir.Shape(samples[value.name].shape)
