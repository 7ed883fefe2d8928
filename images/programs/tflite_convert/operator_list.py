"""All operators of a .tflite file with what they take and give, as plain values."""

import numpy as np

from . import cost


def of(file):
    """{operators} of a `file_tables.File`, of all of its graphs in their order: [{kind, inputs, outputs, macs}].

    ``inputs`` and ``outputs`` are [{name, type, shape}] of tensors; a constant has {constant: true}, a quantized one
    {scale, zero_point}, the first of as many as there are {channels}, and {seen}, the least and the most that the
    converter has noted. ``macs`` are counted as `cost.of` does.
    """
    return {
        "operators": [
            {
                "kind": operator.kind,
                "inputs": [_described(file, graph.tensors[place]) for place in operator.inputs if place >= 0],
                "outputs": [_described(file, graph.tensors[place]) for place in operator.outputs],
                "macs": cost.macs(graph, operator),
            }
            for graph in file.graphs
            for operator in graph.operators
        ]
    }


def _described(file, tensor):
    found = {"name": tensor.name.decode(errors="backslashreplace"), "type": tensor.type, "shape": tensor.shape}
    if file.has_numbers(tensor):
        found["constant"] = True
    noted = tensor.quantization
    if tensor.scales:
        found.update(scale=noted.Scale(0), zero_point=noted.ZeroPoint(0), channels=tensor.scales)
        if noted.MinLength() and noted.MaxLength():
            seen = [float(noted.MinAsNumpy().min()), float(noted.MaxAsNumpy().max())]
            found.update({"seen": seen} if np.isfinite(seen).all() else {})
    return found
