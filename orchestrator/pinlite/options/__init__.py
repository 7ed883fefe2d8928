"""Options: declared once (`declared`, `commands`), and from defaults, pinlite.toml and the command line to a `Recipe`.

The declarations cost nothing to import. So nothing else is imported here before it is asked for.

May import `pinlite.toolchain`, and what that may import.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinlite.options.calibration import IMAGES, keyed_method, needs_calibration, words_of_method
    from pinlite.options.checked import keyed
    from pinlite.options.pinlite_toml import default_file, moved
    from pinlite.options.requirements import check_requirement
    from pinlite.options.resolution import resolve
    from pinlite.options.sources import parse_source
    from pinlite.options.values import duration, parse_input, size

__all__ = [
    "IMAGES",
    "check_requirement",
    "default_file",
    "duration",
    "keyed",
    "keyed_method",
    "moved",
    "needs_calibration",
    "parse_input",
    "parse_source",
    "resolve",
    "size",
    "words_of_method",
]

_HOMES = {
    "IMAGES": "calibration",
    "check_requirement": "requirements",
    "default_file": "pinlite_toml",
    "duration": "values",
    "keyed": "checked",
    "keyed_method": "calibration",
    "moved": "pinlite_toml",
    "needs_calibration": "calibration",
    "parse_input": "values",
    "parse_source": "sources",
    "resolve": "resolution",
    "size": "values",
    "words_of_method": "calibration",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
