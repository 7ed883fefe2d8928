"""A model's outputs as a flat list of tensors, and their names."""

import dataclasses

import torch

from stagekit import StageError

# The dtypes that both numpy and ONNX have.
DTYPES = frozenset(
    (
        torch.float16,
        torch.float32,
        torch.float64,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bool,
    )
)


def flatten(value):
    """[(path, tensor)] of nested tuples, lists, dicts and dataclasses, in their own order; None is left out.

    A path is a tuple of dict keys and field names (str) and of positions (int). Raises a StageError of kind ``model``
    for anything but dense tensors of numbers, and when there is no tensor at all.
    """
    leaves = list(_leaves(value, ()))
    if not leaves:
        raise StageError("model", "the model returns no tensor", "return the tensors to convert from forward")
    return leaves


def _leaves(value, path):
    if isinstance(value, torch.Tensor):
        if value.dtype not in DTYPES or value.layout is not torch.strided:
            raise _refused(path, "a tensor of {}, {}".format(value.dtype, value.layout))
        yield path, value
    elif value is not None:
        for key, inner in _items(value, path):
            yield from _leaves(inner, (*path, key))


def _items(value, path):
    # A dict comes first: transformers' ModelOutput is a dataclass too, whose fields may be unset.
    if isinstance(value, dict):
        return [(key if isinstance(key, int) else str(key), inner) for key, inner in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value)
    if isinstance(value, (tuple, list)):
        return enumerate(value)
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    raise _refused(path, "a value of type {}".format(type(value).__qualname__))


def _refused(path, what):
    where = "output" + "".join("[{!r}]".format(key) for key in path)
    return StageError("model", "the model returns {} at {}".format(what, where), "return dense tensors of numbers only")


def named(leaves, given, inputs):
    """A name for each leaf of `flatten`: those given, or else dict keys joined by dots, ``output`` or ``output_0``...

    ``inputs`` are names that are taken. Raises a StageError of kind ``usage`` when there are not as many names as
    leaves, or when they don't tell values apart.
    """
    names = given or _own_names([path for path, _ in leaves], inputs)
    if len(names) != len(leaves):
        shapes = ", ".join("{} of {}".format(list(tensor.shape), _dtype(tensor)) for _, tensor in leaves)
        message = "{} output names for {} outputs: {}".format(len(names), len(leaves), shapes)
        raise StageError("usage", message, "give --output-name {} times, or not at all".format(len(leaves)))
    if not _usable(names, inputs):
        message = "inputs and outputs need different names, which are no mere numbers: {} -> {}".format(
            ", ".join(inputs), ", ".join(names)
        )
        raise StageError("usage", message, "give each output another name with --output-name")
    return names


def _own_names(paths, taken):
    if len(paths) == 1 and not _keys(paths[0]):
        return ["output"]
    numbered = ["output_{}".format(position) for position in range(len(paths))]
    names = [_name(path) if _keys(path) else number for path, number in zip(paths, numbered)]
    # Keys that don't tell the outputs apart are no names.
    return names if _usable(names, taken) else numbered


def _keys(path):
    return [key for key in path if isinstance(key, str)]


def _name(path):
    """From the first key on: ``(0, "features", 1)`` is ``features.1``. A number alone is no name in ONNX."""
    first = path.index(_keys(path)[0])
    name = ".".join(str(key) for key in path[first:])
    return "output_" + name if name.isdigit() else name


def _usable(names, taken):
    return len({*names, *taken}) == len(names) + len(taken) and all(name and not name.isdigit() for name in names)


def _dtype(tensor):
    return str(tensor.dtype).replace("torch.", "")
