"""All operators of a .tflite file with what they take and give, as plain values."""

import numpy as np

from . import cost, file_tables


def of(content):
    """{operators} of a file's bytes, of all of its graphs in their order: [{kind, inputs, outputs, macs}].

    ``inputs`` and ``outputs`` are [{name, type, shape}] of tensors; a constant has {constant: true}, a quantized one
    {scale, zero_point}, the first of as many as there are {channels}, and {seen}, the least and the most that the
    converter has noted. ``macs`` are counted as `cost.of` does.
    """
    model = file_tables.model(content)
    return {
        "operators": [
            {
                "kind": file_tables.kind(model, operator),
                "inputs": [
                    _described(model, graph.Tensors(operator.Inputs(at)))
                    for at in range(operator.InputsLength())
                    if operator.Inputs(at) >= 0
                ],
                "outputs": [
                    _described(model, graph.Tensors(operator.Outputs(at))) for at in range(operator.OutputsLength())
                ],
                "macs": cost.macs(graph, operator, file_tables.kind(model, operator)),
            }
            for graph in file_tables.graphs(model)
            for operator in file_tables.operators(graph)
        ]
    }


def _described(model, tensor):
    found = {
        "name": tensor.Name().decode(errors="backslashreplace"),
        "type": file_tables.TYPES[tensor.Type()],
        "shape": [tensor.Shape(at) for at in range(tensor.ShapeLength())],
    }
    if model.Buffers(tensor.Buffer()).DataLength():
        found["constant"] = True
    noted = tensor.Quantization()
    if noted is not None and noted.ScaleLength():
        found.update(scale=noted.Scale(0), zero_point=noted.ZeroPoint(0), channels=noted.ScaleLength())
        if noted.MinLength() and noted.MaxLength():
            seen = [float(noted.MinAsNumpy().min()), float(noted.MaxAsNumpy().max())]
            found.update({"seen": seen} if np.isfinite(seen).all() else {})
    return found
