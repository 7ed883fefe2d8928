"""Sizes and numbers that don't depend on the inputs, computed once: rules need axes and sizes as constants."""

import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from . import branches, reference
from .rules import microsoft
from .rules.rule import array

# In bytes: larger constants are left to the stage after this one, which folds all of them.
MOST = 2**20
# Each round folds what needs the shapes of the one before; a model that needs more is none that anybody exported.
ROUNDS = 8
# Quantized weights: these two say what is an integer in the file.
KEPT = {"QuantizeLinear", "DequantizeLinear"}
# A few numbers in, any number of them out.
EVALUATED_IR_VERSION = 10
GROWING = {"ConstantOfShape", "EyeLike", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile", "Upsample"}


def settle(model):
    """Infer all shapes and fold small constants, in place, until nothing changes. Open sizes stay open."""
    common.RemoveInitializersFromInputsPass()(model)
    declared = [(value, value.shape) for value in model.graph.outputs]
    for node in model.graph.all_nodes():
        _forget_shapes(node)
    for _ in range(ROUNDS):
        infer(model)
        folded = [_fold(graph, model.opset_imports) for graph in model.graphs()]
        taken = [branches.take(graph) for graph in tuple(model.graphs())]
        common.RemoveUnusedNodesPass()(model)
        if not any(folded + taken) or _all_shapes_known(model):
            break
    for value, shape in declared:
        if value.shape is None or value.shape.is_dynamic():
            value.shape = shape


def infer(model):
    """Infer the shapes of all values, in place."""
    with microsoft.known_to_inference():
        common.ShapeInferencePass(check_type=False, strict_mode=False)(model)


def _forget_shapes(node):
    """Forget what the file says of a node's outputs, which may hold for other inputs; where shapes can't be inferred,
    the number of dimensions is kept.
    """
    for value in node.outputs:
        value.shape = ir.Shape([None] * len(value.shape)) if node.domain and value.shape else None


def _all_shapes_known(model):
    return all(value.shape is not None for node in model.graph.all_nodes() for value in node.outputs)


def _fold(graph, opsets):
    """Put constants in the place of the nodes of a graph whose outputs are known; whether there was any."""
    found, batch, known = {}, {}, set()
    for node in graph:
        sizes = _sizes(node)
        if sizes is not None:
            found[node.outputs[0]] = sizes
        elif _is_foldable(node, opsets) and all(value in known or _is_small(value) for value in node.inputs if value):
            batch[node] = None
        else:
            continue
        known.update(node.outputs)
    wanted = [value for node in batch for value in node.outputs if _is_used_beyond(value, batch)]
    found.update(_computed(batch, found, wanted, opsets))
    for value, numbers in found.items():
        constant = ir.node("Constant", [], {"value": ir.tensor(numbers, name=value.name)})
        (made,) = constant.outputs
        ir.convenience.replace_nodes_and_values(graph, value.producer(), [], [constant], [value], [made])
        made.shape, made.dtype = ir.Shape(numbers.shape), ir.DataType.from_numpy(numbers.dtype)
    return bool(found)


def _sizes(node):
    """What a Shape or Size says, or a Gather of some of the sizes that a Shape says, where these are known."""
    if node.domain:
        return None
    if node.op_type == "Gather":
        source, indices = node.inputs[0].producer(), array(node.inputs[1])
        said = _said(source) if source and source.op_type == "Shape" and indices is not None else None
        said = said if said is None else np.asarray(said[indices], object)
    else:
        said = _said(node)
    if said is None or not all(isinstance(size, int) for size in said.flat):
        return None
    return np.asarray(said.prod() if node.op_type == "Size" else said, np.int64)


def _said(node):
    """The sizes, known or open, of what a Shape or Size is about; None where not even their number is known."""
    if node.op_type not in ("Shape", "Size") or node.inputs[0].shape is None:
        return None
    sizes = np.array([*node.inputs[0].shape], object)
    return sizes[node.attributes.get_int("start", 0) : node.attributes.get_int("end", len(sizes))]


def _is_foldable(node, opsets):
    if node.domain or node.op_type in KEPT or node.op_type == "Constant" or not node.inputs:
        return False
    if not onnx.defs.has(node.op_type, opsets[""]):
        return False
    schema = onnx.defs.get_schema(node.op_type, opsets[""])
    return (
        schema.node_determinism != onnx.defs.OpSchema.NodeDeterminism.NonDeterministic
        and not any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values())
        and all(_fits(value, node) for value in node.outputs)
    )


def _fits(value, node):
    """Whether a computed value is of a type that numpy has, and small; one of unknown size is, where nothing grows."""
    if value.dtype is None or value.dtype.numpy().kind not in "biuf":
        return False
    if value.shape is None or value.shape.is_dynamic():
        return node.op_type not in GROWING
    return np.prod(value.shape.numpy(), dtype=object) * value.dtype.itemsize <= MOST


def _is_small(value):
    tensor = ir.convenience.get_const_tensor(value)
    return tensor is not None and tensor.nbytes <= MOST


def _is_used_beyond(value, batch):
    return value.is_graph_output() or any(user not in batch for user, _ in value.uses())


def _computed(batch, found, wanted, opsets):
    """The numbers of the values that are wanted of a batch of nodes; none where nothing can compute them."""
    if not wanted:
        return {}
    given = {value.name: found.get(value, array(value)) for node in batch for value in node.inputs if value}
    graph = onnx.helper.make_graph(
        [ir.serde.serialize_node(node) for node in batch],
        "constants",
        [],
        [onnx.ValueInfoProto(name=value.name) for value in wanted],
        [onnx.numpy_helper.from_array(numbers, name) for name, numbers in given.items() if numbers is not None],
    )
    opset = onnx.helper.make_opsetid("", opsets[""])
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=EVALUATED_IR_VERSION)
    computed = zip(wanted, reference.evaluated(model))
    # ONNX's inference takes some sequences, which come as lists, for tensors.
    return {value: numbers for value, numbers in computed if not isinstance(numbers, list)}
