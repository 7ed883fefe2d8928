"""Stage program of `make sweep`, in the onnx image: models that PyTorch's exporter does not write."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_check import check

VERSIONS = check.VERSIONS

node = helper.make_node


def model(nodes, inputs, outputs, **weights):
    """A model of floats; ``inputs`` and ``outputs`` map a name to its shape."""
    values = [[_value(*each) for each in side.items()] for side in (inputs, outputs)]
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "sweep", *values, constants), opset_imports=[helper.make_opsetid("", 12)]
    )
    made.ir_version = 7
    return made


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def write(request):
    """Write the model that ``code`` makes of `node` and `model` to the path ``file``."""
    made = eval(request.parameters["code"], {"node": node, "model": model, "np": np})
    onnx.checker.check_model(made)
    onnx.save(made, request.parameters["file"])
    return {}


OPERATIONS = {"write": write}
