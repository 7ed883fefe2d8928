"""PyTorch to TFLite through pinned containers: converted, compared with PyTorch, and the same bytes every time."""

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinlite.api import convert as convert
    from pinlite.errors import PinliteError as PinliteError
    from pinlite.model import Report as Report

__version__ = metadata.version("pinlite")
__all__ = ["PinliteError", "Report", "__version__", "convert"]

_HOMES = {"convert": "pinlite.api", "PinliteError": "pinlite.errors", "Report": "pinlite.model"}


def __getattr__(name: str) -> Any:
    # Looked up late, so that `pinlite --version` need not wait for the engine's packages.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
