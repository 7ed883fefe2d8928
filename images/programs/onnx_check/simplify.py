"""The simplified model: what onnxruntime's basic optimizations leave, made fit for a translator."""

import tempfile
from pathlib import Path

import onnx

from stagekit import wire

from . import expansions, light_model, model_file, onnxruntime_session

# Operators whose weights none of onnxruntime's basic optimizations changes.
LEFT_ALONE = ("Gather", "Gemm", "MatMul")


def session(file, samples, path=None):
    """The onnxruntime session of a model with the sizes of the samples, which writes its optimized graph to a path, if
    there is one.

    The session runs the very graph that is written, so that comparing its outputs with PyTorch's judges both.
    """

    def meant(model):
        return onnxruntime_session.meant(_with_constant_weights(model_file.closed(model, samples)))

    light, is_whole = model_file.light(file)
    if not is_whole or meant(light) is not light:
        return onnxruntime_session.opened(meant(model_file.read(file)).SerializeToString(), path)
    referred = _referred(light)
    if not referred:
        return onnxruntime_session.opened(str(file), path)
    with tempfile.TemporaryDirectory(dir=path and path.parent) as folder:
        referring = Path(folder, "model.onnx")
        with wire.mapped(file) as content:
            referring.write_bytes(light_model.referring(content, referred, file, folder))
        return onnxruntime_session.opened(str(referring), path)


def _referred(model):
    """The names of the large weights that may be in another file: of those that go into a Conv, onnxruntime's
    optimizations lose the factors that they fuse with them.
    """
    found = {weight.name for weight in model.graph.initializer if light_model.is_light(weight)}
    others = (node for node in model_file.nodes(model.graph) if node.op_type not in LEFT_ALONE)
    return found - {name for node in others for name in node.input}


def simplified(file, samples, path):
    """Write the simplified model to a path; return the onnxruntime session that made it, and the model without its
    large weights.

    Where something of the model is written out (`expansions`), the session runs the model as it was before.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        optimized = Path(folder, "optimized.onnx")
        opened = session(file, samples, optimized)
        _write_standard(path, optimized, file)
    found, _ = model_file.light(path)
    if expansions.concern(found) or _folded(found.graph):
        found = _expanded(path)
        path.write_bytes(found.SerializeToString())
    model_file.check(found)
    light, _ = model_file.light(file)
    # A size of 0 is read as one that is open.
    _same_interface(*(model_file.closed(model, samples) for model in (light, found)))
    return opened, found


def _write_standard(path, optimized, file):
    """Write what onnxruntime wrote, with ONNX's set of operators alone and all weights of the file inside."""
    with wire.mapped(optimized) as content:
        head = wire.without(content, wire.whole(content), lambda each: each.number == light_model.GRAPH)
        model = onnx.ModelProto.FromString(head)
        _keep_standard_opset(model)
        light_model.write(path, content, file, [each.SerializeToString() for each in model.opset_import])


def _expanded(path):
    """What onnxruntime wrote, with all written out that is known."""
    found = _read(path)
    while expansions.expand(found):
        onnxruntime_session.session(found, path)
        found = _read(path)
    _make_outputs_by_nodes(found.graph)
    return found


def _with_constant_weights(model):
    """The model with its initializers taken off the inputs, which IR version 4 is the first to allow.

    Listed there they could be replaced by a caller, and onnxruntime would not fold them.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    if len(kept) == len(model.graph.input):
        return model
    constant = onnx.ModelProto()
    constant.CopyFrom(model)
    constant.ir_version = max(4, model.ir_version)
    del constant.graph.input[:]
    constant.graph.input.extend(kept)
    return constant


def _read(path):
    model = onnx.load_model_from_string(path.read_bytes())
    _keep_standard_opset(model)
    return model


def _keep_standard_opset(model):
    """Leave ONNX's set of operators alone of all those that onnxruntime knows, and lists."""
    version = model_file.opset(model)
    del model.opset_import[:]
    model.opset_import.extend([onnx.helper.make_opsetid("", version)])


def _folded(graph):
    """The outputs that are constants now."""
    outputs = {value.name for value in graph.output}
    return [tensor for tensor in graph.initializer if tensor.name in outputs]


def _make_outputs_by_nodes(graph):
    """An output folded to a constant is an initializer now; translators look for the node that makes an output."""
    folded = _folded(graph)
    names = {tensor.name for tensor in folded}
    kept = [tensor for tensor in graph.initializer if tensor.name not in names]
    if not folded:
        return
    for tensor in folded:
        graph.node.insert(0, onnx.helper.make_node("Constant", [], [tensor.name], name=tensor.name, value=tensor))
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _same_interface(model, simplified):
    if (model_file.inputs(model), model_file.outputs(model)) != (
        model_file.inputs(simplified),
        model_file.outputs(simplified),
    ):
        raise RuntimeError("onnxruntime's simplification changed the inputs or outputs of the model")
