"""What release 0.1.0 made is reproduced, or it is told which release to install."""

import shutil
from pathlib import Path

import pytest

MADE = Path(__file__).parents[1] / "made_before" / "0.1.0"


@pytest.fixture
def made(pinlite):
    return Path(shutil.copytree(MADE, pinlite.here / "made"))


def test_a_lock_is_reproduced(pinlite, made, any_engine):
    said = pinlite.succeeds("reproduce", made / "stock" / "pinlite.lock", "--engine", any_engine)
    assert "pinlite.lock was reproduced" in said.out
    assert said.out.count("the same bytes") == 7


def test_what_is_made_otherwise_since_names_the_release(pinlite, made, any_engine):
    said = pinlite.refuses(8, "reproduce", made / "nhwc" / "pinlite.lock", "--engine", any_engine)
    assert "model.float32.tflite" in said
    assert "pip install pinlite==0.1.0" in said
