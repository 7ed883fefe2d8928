"""How this image's torch exports: as the package says that the image carries for it, else by itself."""

import importlib
import importlib.util

# For torch 1.7.1, which needs aids, and for PyTorch of today.
OWN = {"torch_symbolics": "aided", "torch_dynamo": "exported"}

aids = importlib.import_module(
    next(
        ("{}.{}".format(package, name) for package, name in OWN.items() if importlib.util.find_spec(package)),
        "torch_export.unaided",
    )
)
