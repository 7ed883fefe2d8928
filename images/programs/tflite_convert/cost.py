"""What a .tflite file costs to run: `stagekit.file_cost` of its tables."""

from tensorflow.lite.python import schema_py_generated as schema

from stagekit import file_cost


def of(file):
    """{macs, parameters} of a `file_tables.File`.

    ``macs`` are the multiplications with an addition of convolutions, dense layers, products of matrices and recurrent
    layers in one invocation, at the sizes that the file has; what is in a loop counts once. ``parameters`` are the
    numbers of its constants, floats and quantized integers; what several operators share counts once.
    """
    # By their buffers: what several operators share counts once.
    kept = {
        tensor.buffer: tensor
        for tensor in file.tensors
        if file_cost.are_parameters(tensor.type, tensor.scales) and file.has_numbers(tensor)
    }
    return {
        "macs": sum(macs(graph, operator) for graph in file.graphs for operator in graph.operators),
        "parameters": sum(file_cost.size(tensor.shape) for tensor in kept.values()),
    }


def macs(graph, operator):
    """Those of one operator."""
    reads, gives = (
        [None if place < 0 else _operand(graph.tensors[place]) for place in places]
        for places in (operator.inputs, operator.outputs)
    )
    return file_cost.macs(operator.kind, reads, gives, operator.kind == "BATCH_MATMUL" and _transposes_first(operator))


def _operand(tensor):
    return file_cost.Operand(tuple(tensor.shape), tensor.variable)


def _transposes_first(operator):
    table = operator.table.BuiltinOptions()
    if table is None:
        return False
    options = schema.BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return options.AdjX()
