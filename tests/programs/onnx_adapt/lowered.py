"""Small models made by hand, run as they are and lowered to opset 13."""

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper

from onnx_adapt import functions, opset_13, reference

MICROSOFT = "com.microsoft"


def model(nodes, inputs, constants=None, opset=17, outputs=1, functions=(), domains=(MICROSOFT,), shapes=None):
    """A ModelProto of nodes; the inputs are arrays by name, or ``shapes`` by name where some are to be open.

    The outputs are the last node's, or a list of names.
    """
    if isinstance(outputs, int):
        outputs = [name for name in nodes[-1].output if name][:outputs]
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), (shapes or {}).get(name, array.shape)
            )
            for name, array in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10 if opset > 6 else 3)


def lowered(proto):
    """The model at opset 13, checked by ONNX in full."""
    made = ir.from_proto(proto)
    functions.inline(made)
    proto = ir.to_proto(opset_13.lower(made))
    onnx.checker.check_model(proto, full_check=True)
    assert [entry.domain for entry in proto.opset_import] == [""]
    return proto


def operators(proto):
    return [node.op_type for node in proto.graph.node if node.op_type != "Constant"]


def run(proto, inputs):
    return list(reference.of(ir.from_proto(proto)).run(inputs).values())


def assert_same(proto, inputs, tolerance=1e-6):
    """The model and its lowered form compute the same; returns the lowered form.

    ``tolerance`` is relative to the largest number of each output.
    """
    made = lowered(proto)
    for wanted, got in zip(run(proto, inputs), run(made, inputs), strict=True):
        assert (wanted.shape, wanted.dtype) == (got.shape, got.dtype), (wanted.shape, got.shape, got.dtype)
        largest = max(1.0, float(np.abs(wanted.astype(np.float64)).max(initial=0)))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * largest)
    return made
