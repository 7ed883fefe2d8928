"""What a .tflite file costs to run, whatever runs it: multiplications, and numbers that it keeps."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import file_tables

# How many of the file's own numbers each number of the output is made of; a filter is [O, H, W, I], [1, H, W, C] where
# it is depthwise, [D, H, W, I, O] in three dimensions, and [O, I] of a dense layer.
PER_OUTPUT = {
    "CONV_2D": lambda filter_: filter_[1:],
    "DEPTHWISE_CONV_2D": lambda filter_: filter_[1:3],
    "CONV_3D": lambda filter_: filter_[:-1],
    "FULLY_CONNECTED": lambda filter_: filter_[-1:],
}
# The same of each number of the input; the places of the filter and of that input.
PER_INPUT = {
    "TRANSPOSE_CONV": (1, 2, lambda filter_: filter_[:-1]),
    "CONV_3D_TRANSPOSE": (1, 2, lambda filter_: filter_[:-1]),
}
# Every matrix of these meets every step of every sample once.
RECURRENT = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN")
FLOATS = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.FLOAT64)


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
        tensor.Buffer(): _size(tensor) for graph in graphs for tensor in file_tables.tensors(graph) if _counts(tensor)
    }
    return {
        "macs": counted,
        "parameters": sum(size for buffer, size in kept.items() if model.Buffers(buffer).DataLength()),
    }


def macs(graph, operator, kind):
    """Those of one operator."""

    def tensor(at):
        return graph.Tensors(operator.Inputs(at))

    made = graph.Tensors(operator.Outputs(0)) if operator.OutputsLength() else None
    if kind in PER_OUTPUT:
        return _size(made) * _product(PER_OUTPUT[kind](_shape(tensor(1))))
    if kind in PER_INPUT:
        filter_, fed, each = PER_INPUT[kind]
        return _size(tensor(fed)) * _product(each(_shape(tensor(filter_))))
    # What is known only once the file runs has no shape.
    if kind == "BATCH_MATMUL" and tensor(0).ShapeLength():
        rows, width = _shape(tensor(0))[-2:]
        return _size(made) * (rows if _transposes_first(operator) else width)
    if kind in RECURRENT:
        inputs = [tensor(at) for at in range(operator.InputsLength()) if operator.Inputs(at) >= 0]
        # The first is the sequence; states have no numbers of their own.
        matrices = [each for each in inputs[1:] if len(_shape(each)) == 2 and not each.IsVariable()]
        return _product(_shape(made)[:-1]) * sum(map(_size, matrices))
    return 0


def _transposes_first(operator):
    table = operator.BuiltinOptions()
    if table is None:
        return False
    options = schema.BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return options.AdjX()


def _counts(tensor):
    scales = tensor.Quantization()
    return tensor.Type() in FLOATS or (scales is not None and scales.ScaleLength() > 0)


def _shape(tensor):
    return [tensor.Shape(at) for at in range(tensor.ShapeLength())]


def _size(tensor):
    return _product(_shape(tensor))


def _product(sizes):
    return int(np.prod(sizes, dtype=np.int64))
