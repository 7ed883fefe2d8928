"""Code and files of a later Python or PyTorch than the image's, told by the errors that they end with."""

import re
import sys
import sysconfig
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

# torch.export, and what is made for it, came with torch 2.1.
IS_OLD = not hasattr(torch, "export")
ELSEWHERE = "convert with --toolchain current, or in an environment of your own with --python PATH"
HINT = (
    "this is Python {}.{} with torch {}: if it is right for later ones, {}".format(
        *sys.version_info[:2], torch.__version__, ELSEWHERE
    )
    if IS_OLD
    else ""
)

# int | None, list[int], zip(strict=True), `with torch.device("cpu"):`; and torch.fft, which is no module yet.
CERTAIN = re.compile(
    r"unsupported operand type\(s\) for \||object is not subscriptable|^zip\(\) takes no keyword|^__enter__$"
    r"|'builtin_function_or_method' object has no attribute"
)
# Functions of torch that take other arguments since, or arguments of other types.
POSSIBLE = re.compile(
    r"^\w+\(\) received an invalid combination of arguments|^\w+\(\): argument '\w+' .*must be|^expected scalar type"
    r"|Named tensors are not supported"
)
OF_MODULE = re.compile(r"module '([\w.]+)' has no attribute|cannot import name '\w+' from '([\w.]+)'")
OF_OBJECT = re.compile(r"'(\w+)'(?: object)? has no attribute '(\w+)'")
TENSORS = ("Tensor", "Parameter")
# Methods that str, int and nn.Module have since.
METHODS = (
    "bit_count",
    "compile",
    "get_buffer",
    "get_parameter",
    "get_submodule",
    "register_full_backward_hook",
    "register_module",
    "removeprefix",
    "removesuffix",
    "to_empty",
)
# Modules of the standard library that later Pythons have.
MODULES = ("graphlib", "tomllib", "zoneinfo")
ARGUMENT = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")
# Which layers take since torch 1.9.
OF_LAYERS = ("device", "dtype")


def hint(error, otherwise=""):
    """What to do about an exception: whether a later Python or PyTorch raises none, and what there is ``otherwise``."""
    if IS_OLD and _is_newer(error):
        return HINT
    # torch raises a NotImplementedError where it has no kernel, which a later one may have.
    possible = IS_OLD and (isinstance(error, NotImplementedError) or POSSIBLE.search(str(error)))
    return "; ".join(filter(None, [otherwise, possible and HINT]))


def _is_newer(error):
    message = str(error)
    if isinstance(error, SyntaxError):
        return True
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "").partition(".")[0] in ("torch", "torchvision", *MODULES)
    if isinstance(error, (AttributeError, ImportError)):
        module, thing = OF_MODULE.search(message), OF_OBJECT.search(message)
        if module and _is_torchs_or_pythons(module.group(1) or module.group(2)):
            return True
        if thing and (thing.group(1) in TENSORS or thing.group(2) in METHODS):
            return True
    unknown = isinstance(error, TypeError) and ARGUMENT.search(message)
    if unknown:
        function, argument = unknown.groups()
        known = any(hasattr(holder, function) for holder in (functional, torch, nn.Module))
        return known or argument in OF_LAYERS or function == "dataclass"
    return isinstance(error, (AttributeError, TypeError)) and bool(CERTAIN.search(message))


def _is_torchs_or_pythons(name):
    """Whether a module that is imported is a part of PyTorch or of the standard library."""
    if name.partition(".")[0] in ("torch", "torchvision"):
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    library = Path(sysconfig.get_paths()["stdlib"])
    return name in sys.modules and (
        file is None or (library in Path(file).parents and "site-packages" not in Path(file).parts)
    )
