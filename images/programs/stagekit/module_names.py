"""Which modules of PyTorch's the nodes of an ONNX file are of, as far as the exporter that wrote it says so."""

import ast
import re

# What the dynamo exporter notes of a node: what it was called by, from the model on, as a list in Python's words.
SCOPES = "pkg.torch.onnx.name_scopes"


def of_scopes(text, weights):
    """The names of a node's modules by what is noted as `SCOPES`, "" for nothing: that in whose call it was, and those
    whose weights it reads, as a convolution does that has taken a BatchNorm in. ``weights`` are names in the file.
    """
    try:
        scopes = ast.literal_eval(text or "[]")
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        scopes = []
    # The last scope is the operator's own.
    called = scopes[-2:-1] if isinstance(scopes, list) and all(isinstance(each, str) for each in scopes) else []
    return _named([*called, *_modules_of(weights)])


def of_path(name, kind, weights):
    """The same by the name of a node of a ``kind``, as torch 2.13's exporter by trace gives it:
    /layer1/layer1.0/conv1/Conv_2. Nothing for any other name.
    """
    if not re.fullmatch("/(.*/)?{}(_[0-9]+)?".format(re.escape(kind)), name):
        return []
    *called, _ = name[1:].split("/")
    path = ""
    for each in called:
        # A module with a number has its parent's name before it, which is in the path where the parent was called.
        parent, dot, own = each.rpartition(".")
        within = dot and (path == parent or path.endswith("." + parent))
        path = ".".join(filter(None, [path, own if within else each]))
    return _named([path, *_modules_of(weights)])


def _modules_of(weights):
    return [name.rpartition(".")[0] for name in weights]


def _named(modules):
    return sorted({name for name in modules if name})
