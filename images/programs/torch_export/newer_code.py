"""Code and files of a later Python or PyTorch than the image's, told by the errors that they end with."""

import re
import sys

import torch
from torch.nn import functional

# torch.export, and what is made for it, came with torch 2.1.
IS_OLD = not hasattr(torch, "export")
HINT = (
    "this is Python {}.{} with torch {}: if it is right for later ones, convert with --toolchain current".format(
        *sys.version_info[:2], torch.__version__
    )
    if IS_OLD
    else ""
)

# int | None, and list[int].
TYPES = ("unsupported operand type(s) for |", "object is not subscriptable")
ABSENT = re.compile(
    r"module '(?:torch|torchvision)\b[^']*' has no attribute|cannot import name '\w+' from '(?:torch|typing)\b"
)
ABSENT_METHOD = re.compile(r"'(?:Tensor|Parameter)' object has no attribute")
# Modules of the standard library that later Pythons have.
MODULES = ("graphlib", "tomllib", "zoneinfo")
ARGUMENT = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")
# Which layers take since torch 1.9.
OF_LAYERS = ("device", "dtype")


def hint(error):
    """What to do about an exception, if a later Python or PyTorch may not raise it; else ''."""
    return HINT if IS_OLD and _may_be_newer(error) else ""


def _may_be_newer(error):
    message = str(error)
    if isinstance(error, SyntaxError):
        return True
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "").partition(".")[0] in ("torch", "torchvision", *MODULES)
    if isinstance(error, TypeError):
        unknown = ARGUMENT.search(message)
        if unknown:
            return (
                unknown.group(2) in OF_LAYERS
                or hasattr(functional, unknown.group(1))
                or hasattr(torch, unknown.group(1))
            )
        return any(text in message for text in TYPES)
    if isinstance(error, (AttributeError, ImportError)):
        return bool(ABSENT.search(message) or ABSENT_METHOD.search(message))
    return False
