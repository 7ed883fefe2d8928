"""The operation ``trace``: what a .tflite file computes on its way."""

import numpy as np

from stagekit import arrays, interpreter, layouts

from . import parts


def trace(interpreter_class, request):
    """Run a .tflite file on samples and keep what is computed of them, as float numbers.

    ``interpreter_class`` keeps all tensors. Parameters: ``inputs``, [{name, tensor, layout}] as `convert` returned
    them. Roles in: model, samples. Roles out: values, an .npz of arrays "0", "1" and so on in the order of computing.
    Returns {names}, those of the arrays in the file.
    """
    path, inputs = request.inputs["model"], request.parameters["inputs"]
    graph = parts.read(path).graphs[0]
    opened = interpreter.load(interpreter_class, path, 1)
    samples = layouts.fed(arrays.read(request.inputs["samples"]), inputs)
    interpreter.feed(opened, interpreter.bind(opened.get_input_details(), inputs), samples)
    interpreter.invoke(opened)
    kept = [at for at in _computed(graph) if _is_real(graph.tensors[at])]
    values = {str(place): _real(opened.get_tensor(at), graph.tensors[at]) for place, at in enumerate(kept)}
    arrays.write(request.outputs["values"], values)
    return {"names": [graph.tensors[at].name for at in kept]}


def _computed(graph):
    """What depends on an input, in the order of computing."""
    known = list(graph.inputs)
    for operator in graph.operators:
        if not set(known).isdisjoint(operator.inputs):
            known.extend(operator.outputs)
    return known


def _is_real(tensor):
    """Whether it has numbers, and these are floats or stand for such."""
    return all(tensor.shape) and (tensor.dtype == "float32" or len(tensor.quantization.scales) == 1)


def _real(array, tensor):
    if array.dtype.kind == "f":
        return array
    (scale,), (zero_point,) = tensor.quantization.scales, tensor.quantization.zero_points
    return ((array.astype(np.float64) - zero_point) * scale).astype(np.float32)
