"""Which release of TensorFlow is the first whose runtime has an operator in the version that a file asks for."""

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path

from pinlite.schema.audit import Need

_TABLE = Path(__file__).with_suffix(".toml")
_NONE = "-"
# From which release on a runtime runs each of several signatures: that of 2.4 has none, 2.5.3 looks for the tensors of
# a second one in the first graph, 2.6.5 refuses several, 2.7.0 runs them.
SEVERAL_SIGNATURES = "2.7"

Release = tuple[int, ...]


def first(kind: str, version: int) -> str:
    """The release, e.g. 2.4, or an empty text where the table doesn't know the operator or its version."""
    releases = dict(enumerate(_table().get(kind, "").split(), start=1))
    found = releases.get(version, _NONE)
    return "" if found == _NONE else found


def needs(operators: Iterable[tuple[str, int]]) -> tuple[Need, ...]:
    """Those of the operators, by kind and version, that the table knows, the one of the newest release first."""
    found = (
        Need(operator=kind, version=version, release=release)
        for kind, version in dict.fromkeys(operators)
        if (release := first(kind, version))
    )
    return tuple(sorted(found, key=lambda need: (parts(need.release), need.operator, need.version), reverse=True))


def least(releases: Iterable[str]) -> str:
    """The oldest release that has all of them."""
    return max(filter(None, releases), key=parts, default="")


def parts(release: str) -> Release:
    """The numbers of a release, to be compared."""
    return tuple(int(part) for part in release.split(".") if part.isdecimal())


@functools.cache
def _table() -> dict[str, str]:
    return tomllib.loads(_TABLE.read_text())
