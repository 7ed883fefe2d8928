"""The differences of two JSON values, a line each."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# So that a sha256 is shown whole.
_LONGEST = 64


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A line for each value that is another, new, or gone, by the keys that lead to it, in their order."""
    old, new = dict(_flat(before)), dict(_flat(now))
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"{name} is new: {_short(new[name])}"
        elif name not in new:
            yield f"{name} is gone: {_short(old[name])}"
        elif old[name] != new[name]:
            yield f"{name} was {_short(old[name])}, is {_short(new[name])}"


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name} {key}" if name else key)
    else:
        yield name, value


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
