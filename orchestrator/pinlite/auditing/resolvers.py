"""Which builtin operators a runtime of microcontrollers has at all."""

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path

_TABLE = Path(__file__).with_suffix(".toml")


def lacking(package: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """Those of the operators that a package's runtime does not resolve, sorted; none where it is not in the table."""
    known = _table().get(package)
    return () if known is None else tuple(sorted(set(kinds) - known))


@functools.cache
def _table() -> dict[str, frozenset[str]]:
    return {package: frozenset(kinds) for package, kinds in tomllib.loads(_TABLE.read_text()).items()}
