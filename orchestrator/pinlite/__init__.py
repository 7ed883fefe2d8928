"""PyTorch to TFLite through pinned containers: converted, compared with PyTorch, and the same bytes every time."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinlite.api import convert as convert
    from pinlite.errors import PinliteError as PinliteError
    from pinlite.schema.report import Report as Report

__version__: str
__all__ = ["PinliteError", "Report", "__version__", "convert"]

_HOMES = {"convert": "pinlite.api", "PinliteError": "pinlite.errors", "Report": "pinlite.schema.report"}


def __getattr__(name: str) -> Any:
    # Looked up late, so that no command waits for what it does not need.
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("pinlite")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
