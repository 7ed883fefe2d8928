"""A part of a model, between tensors that the user names: without what goes before it or comes after it."""

import difflib

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from stagekit import StageError

ALL_NAMES = "pinlite inspect lists all names"


def cut(model, begins, ends, given):
    """Leave of a model what lies between tensors, in place. Its inputs and outputs are in the order of the names.

    ``begins`` names the tensors that become inputs (none: those of the model's inputs that are still needed), ``ends``
    those that become outputs (none: the model's own). ``given`` are shapes and dtypes, [{name, shape, dtype}], of
    inputs for which the model says none. Raises a StageError of kind ``usage`` for a name that is not there, or that
    does not bound a part.
    """
    if not (begins or ends):
        return
    common.ShapeInferencePass(check_type=False, strict_mode=False)(model)
    graph = model.graph
    known = ir.convenience.create_value_mapping(graph, include_subgraphs=False)
    inner = ir.convenience.create_value_mapping(graph).keys() - known.keys()
    for option, names in (("--from-tensor", begins), ("--to-tensor", ends)):
        for name in names:
            if name not in known:
                raise _unknown(option, name, known, inner)
    if ends:
        graph.outputs[:] = [known[name] for name in dict.fromkeys(ends)]
    own = tuple(graph.inputs)
    graph.inputs.clear()
    starts = [_start(known[name]) for name in dict.fromkeys(begins)]
    common.RemoveUnusedNodesPass()(model)
    needed = [value for value in own if value.uses() or value.is_graph_output()]
    fed = [value for value in needed if not value.is_initializer()]
    if starts:
        _check_bounds(starts, fed)
    # Up to IR version 3 an initializer has to be among the inputs.
    graph.inputs.extend([*(starts or fed), *(value for value in needed if value.is_initializer())])
    _complete(starts, {spec["name"]: spec for spec in given})


def _start(value):
    """The input that stands for a tensor from now on; the node that computed it may be needed for its other outputs."""
    if value.is_initializer():
        raise StageError(
            "usage",
            "--from-tensor {}: this is a constant of the model, which nothing has to be fed to".format(value.name),
            "name a tensor that an operator computes",
        )
    if value.producer() is None:
        return value
    start = ir.Value(name=value.name, shape=value.shape, type=value.type)
    value.replace_all_uses_with(start, replace_graph_outputs=True)
    value.name += "/cut"
    return start


def _unknown(option, name, known, inner):
    if name in inner:
        return StageError(
            "usage",
            "{} {}: this tensor is computed in the body of another operator".format(option, name),
            "name a tensor of the model's own graph: {}".format(ALL_NAMES),
        )
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return StageError(
        "usage",
        "{} {}: the model has no tensor of this name".format(option, name),
        "did you mean {}? {}".format(" or ".join(near), ALL_NAMES) if near else ALL_NAMES,
    )


def _check_bounds(starts, needed):
    idle = [value.name for value in starts if not (value.uses() or value.is_graph_output())]
    if idle:
        raise StageError(
            "usage",
            "--from-tensor {}: nothing in the part reads this tensor".format(idle[0]),
            "leave it out, or name with --to-tensor an output that depends on it",
        )
    missing = [value.name for value in needed if value not in starts]
    if missing:
        raise StageError(
            "usage",
            "the part needs more than the tensors that --from-tensor names: the model's {} {}".format(
                "inputs" if len(missing) > 1 else "input", ", ".join(missing)
            ),
            "give {} too, or name fewer outputs with --to-tensor".format(
                " ".join("--from-tensor {}".format(name) for name in missing)
            ),
        )


def _complete(starts, given):
    """Give each tensor that becomes an input the shape and type that the user says, where the model says none."""
    for value in starts:
        if value.shape is not None and value.dtype is not None:
            continue
        if value.name not in given:
            raise StageError(
                "usage",
                "--from-tensor {}: the model does not say what shape and type this tensor has".format(value.name),
                "give them, e.g. --input {}=1x64:float32".format(value.name),
            )
        spec = given[value.name]
        value.shape = ir.Shape(spec["shape"])
        value.type = ir.TensorType(value.dtype or ir.DataType.from_numpy(np.dtype(spec["dtype"])))
