"""Weights from a state_dict file."""

import torch

from stagekit import StageError

from . import tensors_file
from .user_code import one_line

SHOWN = 5
DATA_PARALLEL = "module."
# Where training scripts keep the state_dict in their checkpoints.
WRAPPERS = ("state_dict", "model_state_dict", "model")


def load(model, path):
    """Load a state_dict into a model, strictly.

    Raises a StageError of kind ``usage`` that names the keys that are missing, unexpected or of another shape.
    """
    given = _state_dict(path)
    own = model.state_dict()
    shapes = [
        "{} {} instead of {}".format(key, list(given[key].shape), list(own[key].shape))
        for key in own
        if key in given and given[key].shape != own[key].shape
    ]
    fitting = {key: value for key, value in given.items() if key not in own or value.shape == own[key].shape}
    try:
        # A module may know older names of its keys: only loading tells which are missing.
        missing, unexpected = model.load_state_dict(fitting, strict=False)
    except RuntimeError as error:
        raise StageError("usage", "the weights don't fit the model: {}".format(one_line(error))) from error
    missing = [key for key in missing if key not in given]
    problems = [
        "{} {}: {}".format(len(keys), what, ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else ""))
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise StageError("usage", "the weights don't fit the model: {}".format("; ".join(problems)), _hint(unexpected))


def _state_dict(path):
    given = tensors_file.read(path)
    if not isinstance(given, dict):
        message = "the weights are a value of type {}, no state_dict".format(type(given).__qualname__)
        raise StageError("usage", message, "save them with torch.save(model.state_dict(), FILE)")
    wrapped = [key for key, value in given.items() if isinstance(value, dict)]
    if wrapped:
        inner = next((key for key in WRAPPERS if key in wrapped), wrapped[0])
        message = "the weights are a dict of {}, no state_dict".format(", ".join(str(key) for key in given))
        hint = "save the inner one: torch.save(torch.load(FILE, map_location='cpu')[{!r}], OTHER_FILE)".format(inner)
        raise StageError("usage", message, hint)
    foreign = [str(key) for key, value in given.items() if not isinstance(value, torch.Tensor)]
    if foreign:
        message = "the weights hold something else than tensors: {}".format(", ".join(foreign[:SHOWN]))
        raise StageError("usage", message, "save them with torch.save(model.state_dict(), FILE)")
    return given


def _hint(unexpected):
    if unexpected and all(key.startswith(DATA_PARALLEL) for key in unexpected):
        return "the keys begin with 'module.', as DataParallel's do: save model.module.state_dict()"
    return ""
