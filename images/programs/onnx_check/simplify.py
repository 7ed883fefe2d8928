"""The simplified model: what onnxruntime's basic optimizations leave, made fit for a translator."""

import onnx

from . import expansions, model_file, onnxruntime_session


def session(model, path=None):
    """The onnxruntime session of a model, which writes its optimized graph to a path, if there is one."""
    return onnxruntime_session.session(_with_constant_weights(model), path)


def simplified(model, path):
    """Write the simplified model to a path; return the onnxruntime session that made it, and the model.

    The session runs the very graph that is written, so that comparing its outputs with PyTorch's judges both. Where
    something of the model is written out (`expansions`), the session runs the model as it was before.
    """
    opened = session(model, path)
    found = _read(path)
    while expansions.expand(found):
        onnxruntime_session.session(found, path)
        found = _read(path)
    _make_outputs_by_nodes(found.graph)
    model_file.check(found)
    _same_interface(model, found)
    path.write_bytes(found.SerializeToString())
    return opened, found


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
    """What onnxruntime wrote, with ONNX's operator set alone of all those that it knows, and lists."""
    model = onnx.load_model_from_string(path.read_bytes())
    version = model_file.opset(model)
    del model.opset_import[:]
    model.opset_import.extend([onnx.helper.make_opsetid("", version)])
    return model


def _make_outputs_by_nodes(graph):
    """An output folded to a constant is an initializer now; translators look for the node that makes an output."""
    outputs = {value.name for value in graph.output}
    folded = [tensor for tensor in graph.initializer if tensor.name in outputs]
    kept = [tensor for tensor in graph.initializer if tensor.name not in outputs]
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
