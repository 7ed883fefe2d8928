"""A live torch.nn.Module of a script or a notebook, and the arguments that it is called with, as files for an export.

The module goes by value, with the classes and functions that no installed package has: those of the script itself, and
of the modules beside it. torch is the caller's, which has imported it.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from pinlite.errors import UsageError
from pinlite.inputs import npz

_BY_CODE = "convert the code that builds it: pinlite convert path/to/file.py:callable --python PATH --trust"


@dataclass(frozen=True)
class Written:
    """The file of a module, that of its samples, its inputs as ``--input`` takes them, and the values of parameters
    that are no inputs, as ``--fix`` does.
    """

    model: Path
    samples: Path
    inputs: tuple[str, ...]
    fixed: tuple[str, ...]


def is_one(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def write(module: Any, arguments: Sequence[Any] | Mapping[str, Any], folder: Path) -> Written:
    """Write a module, and the arguments of its call: by position, or by name.

    Raises:
        UsageError: The module can't be called so, or can't be pickled; or an argument is neither a tensor, nor made of
            tensors, nor a plain value.
    """
    tensors: dict[str, NDArray[np.generic]] = {}
    fixed: list[str] = []
    for name, value in _bound(module, arguments).items():
        leaves = dict(_leaves(name, value))
        if all(_is_tensor(leaf) for leaf in leaves.values()) and leaves:
            tensors |= {leaf: _array(leaf, tensor) for leaf, tensor in leaves.items()}
        elif isinstance(value, bool | int | float | str | None):
            fixed.append(f"{name}={value!r}")
        else:
            raise UsageError(
                f"the argument {name!r} is a {type(value).__name__}, no tensor", hint="give tensors, or dicts of them"
            )
    files = folder / f"{type(module).__name__}.pt", folder / "samples.npz"
    _save(module, files[0])
    npz.write(files[1], tensors)
    described = (f"{name}={'x'.join(map(str, array.shape))}:{array.dtype}" for name, array in tensors.items())
    return Written(*files, tuple(described), tuple(fixed))


def _bound(module: Any, arguments: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names of forward's parameters; those of ``*args`` by that name and a number."""
    signature = inspect.signature(module.forward)
    try:
        given = signature.bind(**arguments) if isinstance(arguments, Mapping) else signature.bind(*_as_tuple(arguments))
    except TypeError as error:
        raise UsageError(f"{type(module).__name__}.forward{signature}: {error}", hint="e.g. (image, mask)") from None
    found: dict[str, Any] = {}
    for name, value in given.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            found |= {f"{name}{at}": each for at, each in enumerate(value)}
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            found[name] = value
    return found


def _as_tuple(arguments: Any) -> Sequence[Any]:
    """As torch.onnx.export takes them: one tensor may stand for itself."""
    return (arguments,) if _is_tensor(arguments) else arguments


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _leaves(f"{name}.{at}", inner)
    else:
        yield name, value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, sys.modules["torch"].Tensor)


def _array(name: str, tensor: Any) -> NDArray[np.generic]:
    try:
        return np.asarray(tensor.detach().cpu().numpy())
    except (TypeError, RuntimeError) as error:
        raise UsageError(f"the argument {name!r} is no plain tensor: {error}", hint="e.g. give a float32") from error


def _save(module: Any, file: Path) -> None:
    with ExitStack() as undone:
        for each in _local_modules():
            cloudpickle.register_pickle_by_value(each)
            undone.callback(cloudpickle.unregister_pickle_by_value, each)
        try:
            sys.modules["torch"].save(module, file, pickle_module=cloudpickle)
        except Exception as error:
            # Whatever is in the module's attributes may refuse to be pickled, as it likes.
            raise UsageError(
                f"the live {type(module).__name__} can't be handed over: {type(error).__name__}: {error}", hint=_BY_CODE
            ) from error


def _local_modules() -> list[ModuleType]:
    """What neither Python brings nor an installed package: another process may not find it."""
    found_anywhere = {"__main__", "pinlite", *sys.stdlib_module_names, *metadata.packages_distributions()}
    return [
        module
        for name, module in sorted(sys.modules.items())
        if isinstance(module, ModuleType) and name.partition(".")[0] not in found_anywhere
    ]
