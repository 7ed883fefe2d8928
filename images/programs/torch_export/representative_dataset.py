"""Stage program of the torch image: samples that a model is calibrated on, from images or from the user's code."""

import functools
import inspect

import numpy as np
import torch

from stagekit import StageError, arrays

from . import image_samples, python_source, seeding
from .user_code import UserCode

VERSIONS = ("torch", "torchvision", "pillow", "numpy")

HOW = (
    "write a function without arguments, or of the path of --data, that yields samples: a dict of arrays by the names "
    "of the inputs, a tuple in their order, or the array of the only one"
)


def calibrate(request):
    """Gather calibration samples.

    Parameters: ``kind``, "images" or "python"; ``inputs`` of the model, [{name, shape, dtype}]; ``mean`` and ``std``
    of images, one number or one a channel, [] for none; ``module`` and ``callable``; ``seed``. Roles in: source, a
    folder of images or of modules; data (optional), for a function that has a parameter. Roles out: samples (.npz),
    [samples, *shape of the input] each. Returns {preparation}, what was done to images, in words. Raises a StageError
    of kind ``usage`` that says what is wrong.
    """
    parameters = request.parameters
    source, inputs = request.inputs["source"], parameters["inputs"]
    if parameters["kind"] == "images":
        made, preparation = image_samples.read(source, inputs, parameters["mean"], parameters["std"])
    else:
        seeding.seed(parameters["seed"])
        torch.set_num_threads(1)
        made, preparation = _yielded(request), ""
    arrays.write(request.outputs["samples"], made)
    return {"preparation": preparation}


def _yielded(request):
    folder, inputs = request.inputs["source"], request.parameters["inputs"]
    module, path = request.parameters["module"], request.parameters["callable"]
    code = UserCode(folder)
    function = python_source.find(folder, module, path, code)
    if "data" in request.inputs and _wants(function):
        function = functools.partial(function, request.inputs["data"])
    given = python_source.called(function, path, HOW, code)
    gathered = {spec["name"]: [] for spec in inputs}
    with code.blamed("{} fails".format(path)):
        try:
            samples = iter(given)
        except TypeError as error:
            message = "{} gives {}, no samples".format(path, python_source.kind(given))
            raise StageError("usage", message, HOW) from error
        for number, sample in enumerate(samples):
            sized = named(sample, inputs, "sample {} of {}".format(number, path))
            for spec in inputs:
                gathered[spec["name"]].append(sized[spec["name"]])
    if not gathered[inputs[0]["name"]]:
        raise StageError("usage", "{} yields no sample".format(path), "yield at least one, better a hundred")
    return {name: np.concatenate(parts) for name, parts in gathered.items()}


def _wants(function):
    """Whether a function can't be called without an argument, which is the data then."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False  # nothing to call, or written in C
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(each.kind in kinds and each.default is inspect.Parameter.empty for each in parameters)


def named(sample, inputs, which):
    """The arrays of one sample by name, [samples, *shape of the input] each."""
    names = [spec["name"] for spec in inputs]
    if not isinstance(sample, dict):
        values = list(sample) if isinstance(sample, (tuple, list)) else [sample]
        if len(values) != len(names):
            message = "{} has {} values for {} inputs: {}".format(which, len(values), len(names), ", ".join(names))
            raise StageError("usage", message, HOW)
        sample = dict(zip(names, values))
    if sorted(map(str, sample)) != sorted(names):
        message = "{} is of {}, the inputs are {}".format(which, ", ".join(map(str, sample)), ", ".join(names))
        raise StageError("usage", message, HOW)
    return {spec["name"]: _stacked(sample[spec["name"]], spec, which) for spec in inputs}


def _stacked(value, spec, which):
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    shape = tuple(spec["shape"])
    if shape and array.shape == shape[1:] and shape[0] == 1:
        array = array[np.newaxis]
    whole = shape and array.shape[1:] == shape[1:] and array.ndim == len(shape)
    if array.dtype != np.dtype(spec["dtype"]) or not (array.shape == shape or (whole and len(array) % shape[0] == 0)):
        message = "{}: input {!r} is {} of {}, the sample {} of {}".format(
            which, spec["name"], list(shape), spec["dtype"], list(array.shape), array.dtype
        )
        raise StageError("usage", message, "yield arrays of the input's shape and dtype")
    return array.reshape(-1, *shape)


OPERATIONS = {"calibrate": calibrate}
