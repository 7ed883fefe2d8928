"""PyTorch to TFLite through pinned containers: converted, compared with PyTorch, and the same bytes every time."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinlite.api import audit as audit
    from pinlite.api import batch as batch
    from pinlite.api import build_images as build_images
    from pinlite.api import collect_images as collect_images
    from pinlite.api import convert as convert
    from pinlite.api import debug as debug
    from pinlite.api import diff as diff
    from pinlite.api import doctor as doctor
    from pinlite.api import images as images
    from pinlite.api import inspect as inspect
    from pinlite.api import match as match
    from pinlite.api import pull as pull
    from pinlite.api import push as push
    from pinlite.api import remove_images as remove_images
    from pinlite.api import reproduce as reproduce
    from pinlite.api import run as run
    from pinlite.api import tune as tune
    from pinlite.api import verify as verify
    from pinlite.errors import PinliteError as PinliteError
    from pinlite.schema.report import Report as Report

__version__: str
__all__ = [
    "PinliteError",
    "Report",
    "__version__",
    "audit",
    "batch",
    "build_images",
    "collect_images",
    "convert",
    "debug",
    "diff",
    "doctor",
    "images",
    "inspect",
    "match",
    "pull",
    "push",
    "remove_images",
    "reproduce",
    "run",
    "tune",
    "verify",
]

_HOMES = {"PinliteError": "pinlite.errors", "Report": "pinlite.schema.report"}


def __getattr__(name: str) -> Any:
    # Looked up late, so that no command waits for what it does not need.
    if name == "__version__":
        # Looked up once: a batch says it in every result.
        globals()[name] = importlib.import_module("importlib.metadata").version("pinlite")
        return globals()[name]
    if name in __all__:
        if name not in _HOMES:
            importlib.import_module("pinlite.machine.system").check()
        return getattr(importlib.import_module(_HOMES.get(name, "pinlite.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
