"""``--with``: the packages that a model's own code imports."""

import pytest
from command import CASES

NETWORK = (f"{CASES}/extra.py:network", "--input", "x=1x2x4x4")


def test_a_pinned_package_is_there_for_the_model(engine, pinlite, report):
    pinlite.succeeds("convert", *NETWORK, "--with", "einops==0.4.1", "--engine", engine, "--out", "out")
    found = report(pinlite.here / "out")
    assert found["ok"]
    assert "torch-1.7.1-with" in found["toolchain"]
    assert found["versions"]["torch-1.7.1-with"]["torch"] == "1.7.1"


def test_without_it_the_error_says_what_to_add(pinlite, any_engine):
    said = pinlite.refuses(2, "convert", *NETWORK, "--engine", any_engine, "--out", "out")
    assert "imports einops, which is not there (extra.py:3)" in said
    assert "--with NAME==VERSION" in said


@pytest.mark.parametrize("requirement", ["einops", "einops>=0.4", "-r evil.txt"])
def test_what_is_not_pinned_is_refused(pinlite, requirement):
    said = pinlite.refuses(2, "convert", *NETWORK, f"--with={requirement}", "--out", "out")
    assert f"{requirement!r} is not a pinned requirement" in said


def test_what_does_not_exist_is_refused(pinlite, any_engine):
    said = pinlite.refuses(5, "convert", *NETWORK, "--with", "einops==99.0", "--engine", any_engine, "--out", "out")
    assert "einops==99.0" in said
    assert "CPython 3.8" in said
    assert not (pinlite.here / "out").exists()
