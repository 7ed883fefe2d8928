"""The rooms of the host half: each says what is in it and what may be imported there, as import-linter holds it to."""

import re
import tomllib
from pathlib import Path

import pytest

import pinlite

PACKAGE = Path(pinlite.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def layers():
    """The contract's layers, the uppermost first."""
    contracts = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [set(layer.split(" | ")) for layer in found]


def docstring(room):
    return (PACKAGE / room / "__init__.py").read_text().split('"""')[1]


def test_every_room_is_in_a_layer():
    assert set(ROOMS) <= set.union(*layers())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_is_in_it_and_what_may_be_imported_there(room):
    said, _, allowed = docstring(room).partition("May import")
    assert len(said) > 40
    assert allowed
    (at,) = (number for number, layer in enumerate(layers()) if room in layer)
    below = set.union(*layers()[at + 1 :])
    assert set(re.findall(r"`pinlite\.(\w+)`", allowed)) <= below
