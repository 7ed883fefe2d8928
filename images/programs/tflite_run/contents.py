"""What is in a .tflite file, as plain JSON: its tensors and operators, and what each of these costs."""

import math

from stagekit import file_cost

from . import memory_use


def of(model):
    """The contents of a `parts.Model`, whose sizes are those that the file has where it leaves some open:

    - ``version`` of the schema, ``description``, ``metadata``, [{name, size in bytes}];
    - ``signatures``, [{key, graph, inputs, outputs}], of both [{name, tensor's place in the graph}];
    - ``graphs``, [{name, inputs, outputs, tensors, operators}]: a tensor has {name, type, shape, open, the places of
      sizes that the file leaves open, size in bytes, constant, variable}, and where it is quantized the first
      {scale, zero_point} and how many {channels} have one. An operator has {kind, version, inputs, outputs, macs,
      parameters, weights, memory, alive}: ``weights`` are the bytes of the constants that it reads, ``memory`` those of
      the activations that it reads and gives, ``alive`` those of all that are in use while it runs;
    - ``parameters`` and ``weights`` of the file, where what several operators share counts once.
    """
    constants = {}
    for graph in model.graphs:
        for tensor in graph.tensors:
            if tensor.constant.data.size:
                numbers, _ = constants.get(tensor.buffer, (0, 0))
                constants[tensor.buffer] = max(numbers, _parameters(tensor)), tensor.constant.data.size
    return {
        "version": model.version,
        "description": model.description,
        "metadata": [{"name": name, "size": buffer.data.size} for name, buffer in model.metadata],
        "signatures": [
            {
                "key": each.key,
                "graph": each.graph,
                "inputs": _named(each.inputs),
                "outputs": _named(each.outputs),
            }
            for each in model.signatures
        ],
        "graphs": [_graph(graph) for graph in model.graphs],
        "parameters": sum(numbers for numbers, _ in constants.values()),
        "weights": sum(size for _, size in constants.values()),
    }


def _graph(graph):
    taken = memory_use.sizes(graph)
    alive = memory_use.alive(graph, taken)
    return {
        "name": graph.name,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "tensors": [_tensor(*each) for each in zip(graph.tensors, taken)],
        "operators": [_operator(graph, *each, taken) for each in zip(graph.operators, alive)],
    }


def _tensor(tensor, taken):
    found = {
        "name": tensor.name,
        "type": tensor.dtype,
        "shape": list(tensor.shape),
        "open": [at for at, each in enumerate(tensor.signature) if each < 0],
        "size": tensor.constant.data.size or taken,
        "constant": tensor.constant.data.size > 0,
        "variable": tensor.variable,
    }
    noted = tensor.quantization
    if noted.scales:
        scale = noted.scales[0]
        found.update(
            scale=scale if math.isfinite(scale) else None,
            zero_point=noted.zero_points[0] if noted.zero_points else None,
            channels=len(noted.scales),
        )
    return found


def _operator(graph, operator, alive, taken):
    reads = [graph.tensors[place] if place >= 0 else None for place in operator.inputs]
    gives = [graph.tensors[place] if place >= 0 else None for place in operator.outputs]
    kept = {place: graph.tensors[place] for place in operator.inputs if place >= 0}
    constants = [each for each in kept.values() if each.constant.data.size]
    return {
        "kind": operator.kind,
        "version": operator.version,
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
        "macs": file_cost.macs(
            operator.kind, _operands(reads), _operands(gives), operator.options.get("adj_x") == "true"
        ),
        "parameters": sum(map(_parameters, constants)),
        "weights": sum(each.constant.data.size for each in constants),
        "memory": memory_use.at_operator(operator, taken),
        "alive": alive,
    }


def _operands(tensors):
    return [each and file_cost.Operand(each.shape, each.variable) for each in tensors]


def _parameters(tensor):
    counted = file_cost.are_parameters(tensor.dtype, len(tensor.quantization.scales))
    return file_cost.size(tensor.shape) if counted else 0


def _named(entries):
    return [{"name": name, "tensor": place} for name, place in entries]
