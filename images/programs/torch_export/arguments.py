"""How a model is called: what its inputs are to the parameters of ``forward``."""

import ast
import inspect
import textwrap

import torch
from torch import nn

from stagekit import StageError

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Called(nn.Module):
    """A model that takes tensors by position, for one that takes them in another way: ``arranged`` gives the arguments
    of a call, (args, kwargs), for such tensors. It has the state_dict of the model inside.
    """

    def __init__(self, model, arranged):
        super().__init__()
        self.model = model
        self._arranged = arranged

    def state_dict(self, *args, **kwargs):
        return self.model.state_dict(*args, **kwargs)

    def forward(self, *tensors):
        args, kwargs = self._arranged(tensors)
        return self.model(*args, **kwargs)


def of(model, names, fixed):
    """(the names in the order of the call, what is called in the model's place with tensors in that order).

    Inputs are given by name where each is named after a parameter of ``forward``: a part before a dot stands for the
    whole parameter. Others are given by position. ``fixed`` are values by name. Raises a StageError of kind ``usage``
    for one that is no parameter.
    """
    own = _own_names(model)
    if own is not None:
        if fixed:
            message = "--fix {}: the file takes tensors alone".format(next(iter(fixed)))
            raise StageError("usage", message, "convert the code that builds the model")
        ordered = _in_order(names, own)
        return ordered, Called(model, model.arranged) if hasattr(model, "arranged") else model
    signature = inspect.signature(model.forward)
    places = {name: at for at, (name, each) in enumerate(signature.parameters.items()) if each.kind in NAMED}
    kinds = {each.kind for each in signature.parameters.values()}
    any_name = inspect.Parameter.VAR_KEYWORD in kinds
    for name in fixed:
        if name in names or not (_first(name) in places or any_name):
            what = "is an input, too" if name in names else "forward has no such parameter"
            raise StageError("usage", "--fix {}: {}".format(name, what), "forward takes {}".format(signature))
    open_ = any_name and inspect.Parameter.VAR_POSITIONAL not in kinds
    if not (open_ or all(_first(name) in places for name in names)):
        return names, Called(model, lambda tensors: (tensors, _nested(fixed))) if fixed else model
    ordered = sorted(names, key=lambda name: places.get(_first(name), len(places)))
    positions = [name for name in places if signature.parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY]
    by_position = positions[: len(ordered)] == ordered and not fixed
    if by_position:
        return ordered, model
    return ordered, Called(model, lambda tensors: ((), _nested({**dict(zip(ordered, tensors)), **fixed})))


def taken(model):
    """The parameters of ``forward``, in words."""
    own = _own_names(model)
    return str(inspect.signature(model.forward)) if own is None else "({})".format(", ".join(own))


def keys(model):
    """What ``forward`` takes out of parameters that are dicts, as inputs are called: ["batch.image"]. Its code is read;
    [] where there is none.
    """
    if _own_names(model) is not None:
        return []
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(model.forward))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return []
    if not isinstance(function, ast.FunctionDef):
        return []
    names = {argument.arg for argument in function.args.args}
    subscripts = [node for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    found = [_key(node) for node in sorted(subscripts, key=lambda node: (node.lineno, node.col_offset))]
    return list(dict.fromkeys(".".join(each) for each in found if each and each[0] in names))


def _key(node):
    """(name, key) of an expression ``name["key"]``, or None."""
    if not isinstance(node.value, ast.Name):
        return None
    # Python 3.8 has a node around what is between the brackets.
    inner = getattr(node.slice, "value", node.slice)
    key = getattr(inner, "value", inner)
    return (node.value.id, key) if isinstance(key, str) else None


def _own_names(model):
    """The names of a file's inputs: TorchScript and programs of torch.export know them. None for any other model."""
    if isinstance(model, torch.jit.ScriptModule):
        return [argument.name for argument in model.forward.schema.arguments[1:]]
    return [each["name"] for each in model.inputs] if hasattr(model, "arranged") else None


def _in_order(names, own):
    """Names in the order of the call, where they are the file's own; others stay as they are."""
    if not set(names) <= set(own):
        return names
    ordered = [name for name in own if name in names]
    absent = [name for name in own[: own.index(ordered[-1])] if name not in names] if ordered else []
    if absent:
        message = "the file takes {} before {}".format(", ".join(absent), ordered[-1])
        raise StageError("usage", message, "give it too: --input {}=SHAPE".format(absent[0]))
    return ordered


def _first(name):
    return name.partition(".")[0]


def _nested(values):
    """Values by dotted names as dicts of dicts; what is named 0, 1 and so on is a list."""
    found = {}
    for name, value in values.items():
        *path, last = name.split(".")
        holder = found
        for key in path:
            holder = holder.setdefault(key, {})
        holder[last] = value
    return {key: _listed(value) for key, value in found.items()}


def _listed(value):
    if not isinstance(value, dict):
        return value
    items = {key: _listed(inner) for key, inner in value.items()}
    if sorted(items) == sorted(map(str, range(len(items)))):
        return [items[str(at)] for at in range(len(items))]
    return items
