"""Stage program of the torch image: the user's metric, on the outputs of each runtime."""

import math
import numbers

import torch

from stagekit import StageError, arrays

from . import python_source, seeding
from .finetuning import bound
from .user_code import UserCode

VERSIONS = ("torch", "torchvision", "numpy")
HOW = (
    "write a function (outputs, labels) -> number: arrays [samples, ...] by the output's name, and those of the labels"
)


def score(request):
    """Score outputs with the user's functions.

    Parameters: ``metrics``, [{module, callable}]; ``outputs``, how many roles there are; ``seed``. Roles in: source (a
    folder of modules), labels, outputs_0 and so on, each .npz arrays by the output's name. Returns {scores}, a list of
    numbers, one for each metric, for each of the outputs. Raises a StageError of kind ``usage`` for what a function
    does wrong.
    """
    parameters, folder = request.parameters, request.inputs["source"]
    seeding.seed(parameters["seed"])
    torch.set_num_threads(1)
    code = UserCode(folder)
    functions = [
        (entry["callable"], python_source.find(folder, entry["module"], entry["callable"], code))
        for entry in parameters["metrics"]
    ]
    labels = arrays.read(request.inputs["labels"])["labels"]
    outputs = [arrays.read(request.inputs["outputs_{}".format(at)]) for at in range(parameters["outputs"])]
    return {"scores": [[_scored(*named, each, labels, code) for named in functions] for each in outputs]}


def _scored(name, function, outputs, labels, code):
    bound(function, [outputs, labels], name, HOW)
    with code.blamed("{} fails".format(name), HOW):
        found = function(outputs, labels)
    if not isinstance(found, numbers.Real) or not math.isfinite(found):
        raise StageError("usage", "{} gives {!r}, no number".format(name, found), HOW)
    return float(found)


OPERATIONS = {"score": score}
