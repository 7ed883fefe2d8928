"""Whether the packages of the user's own environment go together with those that it was lent for the export."""

import traceback
from importlib import metadata

import numpy as np
import torch

from stagekit import StageError, environment

from . import exporter
from .user_code import one_line

UPDATE = "update it in the environment of --python, or remove it: pinlite brings one that fits"
UPDATE_ALL = (
    "update onnx, onnx-ir and onnxscript in the environment of --python, or remove them: pinlite brings its own"
)
NUMPY = "install a numpy of torch's time in the environment of --python: pip install 'numpy<2'"


def check():
    """Raise a StageError of kind ``usage`` that names the packages that don't go together."""
    if not environment.is_users():
        return
    try:
        torch.from_numpy(np.zeros(1))
    except RuntimeError as error:
        message = "torch {} does not work with numpy {}: {}".format(torch.__version__, np.__version__, one_line(error))
        raise StageError("usage", message, NUMPY) from error
    lent = [found for folder in environment.overlays() for found in metadata.distributions(path=[folder])]
    unmet = sorted(line for distribution in lent for line in _unmet(distribution))
    if unmet:
        raise StageError("usage", "; ".join(unmet), UPDATE)
    if exporter.failure:
        error = exporter.failure
        traceback.print_exception(type(error), error, error.__traceback__)
        what = "{}: {}".format(type(error).__name__, one_line(error))
        message = "the exporter of torch {} can't be imported: {}".format(torch.__version__, what)
        raise StageError("usage", message, UPDATE_ALL) from error


def _unmet(distribution):
    """A line for each requirement of a package that what is there does not meet."""
    for text in distribution.requires or ():
        # What is lent with requirements is lent with this one.
        from packaging.requirements import Requirement  # noqa: PLC0415 - it is not in every environment

        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        there = metadata.version(wanted.name)
        if not wanted.specifier.contains(there, prereleases=True):
            yield "{} {} needs {}{}, the environment has {}".format(
                distribution.metadata["Name"], distribution.version, wanted.name, wanted.specifier, there
            )
