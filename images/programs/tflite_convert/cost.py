"""What a .tflite file costs to run: `stagekit.file_cost` of its tables."""

from tensorflow.lite.python import schema_py_generated as schema

from stagekit import file_cost

from . import file_tables


def of(content):
    """{macs, parameters} of a file's bytes.

    ``macs`` are the multiplications with an addition of convolutions, dense layers, products of matrices and recurrent
    layers in one invocation, at the sizes that the file has; what is in a loop counts once. ``parameters`` are the
    numbers of its constants, floats and quantized integers; what several operators share counts once.
    """
    model = file_tables.model(content)
    graphs = file_tables.graphs(model)
    counted = sum(
        macs(graph, operator, file_tables.kind(model, operator))
        for graph in graphs
        for operator in file_tables.operators(graph)
    )
    kept = {
        tensor.Buffer(): file_cost.size(_shape(tensor))
        for graph in graphs
        for tensor in file_tables.tensors(graph)
        if _counts(tensor)
    }
    return {
        "macs": counted,
        "parameters": sum(size for buffer, size in kept.items() if model.Buffers(buffer).DataLength()),
    }


def macs(graph, operator, kind):
    """Those of one operator."""
    reads = [_operand(graph, operator.Inputs(at)) for at in range(operator.InputsLength())]
    gives = [_operand(graph, operator.Outputs(at)) for at in range(operator.OutputsLength())]
    return file_cost.macs(kind, reads, gives, kind == "BATCH_MATMUL" and _transposes_first(operator))


def _operand(graph, place):
    if place < 0:
        return None
    tensor = graph.Tensors(place)
    return file_cost.Operand(_shape(tensor), tensor.IsVariable())


def _transposes_first(operator):
    table = operator.BuiltinOptions()
    if table is None:
        return False
    options = schema.BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return options.AdjX()


def _counts(tensor):
    scales = tensor.Quantization()
    return file_cost.are_parameters(file_tables.TYPES[tensor.Type()], scales.ScaleLength() if scales else 0)


def _shape(tensor):
    return tuple(tensor.Shape(at) for at in range(tensor.ShapeLength()))
