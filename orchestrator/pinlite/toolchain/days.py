"""Days as of which packages are chosen: what was uploaded later does not count."""

import datetime as dt
from collections.abc import Iterable

from pinlite.errors import UsageError


def checked(option: str, text: str) -> str:
    """A day like 2021-09-01; a UsageError for what is none."""
    try:
        if dt.date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise UsageError(f"{option} {text!r} is not a day", hint=f"e.g. {option} 2021-09-01")


def options(day: str | None, spared: Iterable[str]) -> list[str]:
    """uv's, for packages as of a day, but for those that are ``spared``; none without a day."""
    if not day:
        return []
    return ["--exclude-newer", day] + [word for name in spared for word in ("--exclude-newer-package", f"{name}=false")]
