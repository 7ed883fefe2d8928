"""Stage program of the torch image: labelled samples from the user's code, which a model is scored on."""

import numpy as np
import torch

from stagekit import StageError, arrays

from . import python_source, representative_dataset, seeding
from .finetuning import bound
from .user_code import UserCode

VERSIONS = ("torch", "torchvision", "numpy")

HOW = (
    "write a function of the path of --data, or of nothing without it, that yields pairs of a sample and its label: "
    "the sample is a dict of arrays by the names of the inputs, a tuple in their order, or the array of the only one; "
    "the label a number, or an array"
)


def gather(request):
    """Gather labelled samples.

    Parameters: ``module`` and ``callable``; ``inputs`` of the model, [{name, shape, dtype}]; ``seed``. Roles in:
    source, a folder of modules; data (optional). Roles out: samples (.npz), [samples, *shape of the input] each; labels
    (.npz), ``labels``, [samples, *shape of a label]. Returns {}. Raises a StageError of kind ``usage`` that says what
    is wrong.
    """
    parameters = request.parameters
    seeding.seed(parameters["seed"])
    torch.set_num_threads(1)
    folder, name, inputs = request.inputs["source"], parameters["callable"], parameters["inputs"]
    code = UserCode(folder)
    function = python_source.find(folder, parameters["module"], name, code)
    data = [request.inputs["data"]] if "data" in request.inputs else []
    bound(function, data, name, HOW)
    gathered, labels = {spec["name"]: [] for spec in inputs}, []
    with code.blamed("{} fails".format(name)):
        for number, pair in enumerate(_iterated(function(*data), name)):
            which = "sample {} of {}".format(number, name)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                message = "{} is no pair of a sample and its label".format(which)
                raise StageError("usage", message, HOW)
            for input_name, array in representative_dataset.named(pair[0], inputs, which).items():
                if len(array) != 1:
                    message = "{} is {} samples for its label".format(which, len(array))
                    raise StageError("usage", message, "yield one sample with each label")
                gathered[input_name].append(array)
            labels.append(_label(pair[1], which, labels))
    if not labels:
        raise StageError("usage", "{} yields no sample".format(name), "yield those that the model is to be scored on")
    arrays.write(request.outputs["samples"], {key: np.concatenate(parts) for key, parts in gathered.items()})
    arrays.write(request.outputs["labels"], {"labels": np.stack(labels)})
    return {}


def _iterated(given, name):
    try:
        return iter(given)
    except TypeError as error:
        raise StageError("usage", "{} gives {}, no samples".format(name, python_source.kind(given)), HOW) from error


def _label(value, which, before):
    label = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if label.dtype.kind not in "biuf" or not np.isfinite(label).all():
        raise StageError("usage", "{}: its label is no number and no array of numbers".format(which), HOW)
    if before and (label.shape, label.dtype.kind) != (before[0].shape, before[0].dtype.kind):
        message = "{}: its label is {} of {}, the first one {} of {}".format(
            which, list(label.shape), label.dtype, list(before[0].shape), before[0].dtype
        )
        raise StageError("usage", message, "yield labels of one shape and dtype")
    return label


OPERATIONS = {"gather": gather}
