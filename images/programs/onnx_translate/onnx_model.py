"""What both lowerings ask of an ONNX model."""

from onnx import TensorProto, mapping

from stagekit import StageError, arrays


def inputs(model, samples):
    """The inputs that a caller feeds, as [{name, shape, dtype}] in the model's order.

    A dimension that the model leaves open is None. A StageError says which of the samples does not fit.
    """
    weights = {weight.name for weight in model.graph.initializer}
    specs = [_spec(value) for value in model.graph.input if value.name not in weights]
    arrays.matching(samples, specs)
    return specs


def output_names(model):
    return [value.name for value in model.graph.output]


def _spec(value):
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise StageError(
            "model",
            "input {!r} is no tensor".format(value.name),
            "give the model tensors instead of sequences or maps",
        )
    if tensor.elem_type not in mapping.TENSOR_TYPE_TO_NP_TYPE:
        raise StageError(
            "model",
            "input {!r} is {}".format(value.name, TensorProto.DataType.Name(tensor.elem_type)),
            "give the model numbers of a dtype that numpy has",
        )
    return {
        "name": value.name,
        "shape": [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim],
        "dtype": str(mapping.TENSOR_TYPE_TO_NP_TYPE[tensor.elem_type]),
    }
