"""How the torch that is here exports: as the package says that is there for it, else by itself."""

import importlib
import importlib.util

from stagekit import environment

# For torch 1.7.1, which needs aids, and for PyTorch of today.
OWN = {"torch_symbolics": "aided", "torch_dynamo": "exported"}
ITSELF = "torch_export.unaided"

# Why the package can't be imported, in an environment of the user's own.
failure = None
try:
    aids = importlib.import_module(
        next(
            ("{}.{}".format(package, name) for package, name in OWN.items() if importlib.util.find_spec(package)),
            ITSELF,
        )
    )
except Exception as error:
    if not environment.is_users():
        raise
    aids, failure = importlib.import_module(ITSELF), error
