"""A branch on the data: the file has one side of it, which is told, and with --strict an error."""

import json

import numpy as np
from command import CASES

BRANCHING = (f"{CASES}/branching.py:Branch", "--input", "x=2x3")
TOLD = "branching.py:10: a branch on the data (`if x.sum() > 0`) is baked in as the samples took it"


def test_a_branch_on_the_data_is_told_and_strict_makes_it_an_error(pinlite, any_engine):
    said = pinlite.refuses(3, "convert", *BRANCHING, "--engine", any_engine, "--out", "out", "--strict")
    assert TOLD in said
    assert f"warning: {TOLD}" in (pinlite.here / "out.txt").read_text()
    (warned,) = json.loads((pinlite.here / "out" / "report.json").read_text())["warnings"]
    assert (warned["stage"], warned["variant"]) == ("export", None)
    # The warning is right: of the two sides, by hand, the file has the one that the samples took.
    taken = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert np.array_equal(_run(pinlite, any_engine, taken), taken * 2)
    assert np.array_equal(_run(pinlite, any_engine, -taken), -taken * 2)
    assert not np.array_equal(_run(pinlite, any_engine, -taken), -taken - 1)


def _run(pinlite, engine, x):
    np.savez(pinlite.here / "x.npz", x=x)
    arguments = ("run", "out/model.float32.tflite", "--samples", "x.npz", "--engine", engine, "--out", "y.npz")
    pinlite.succeeds(*arguments)
    with np.load(pinlite.here / "y.npz") as archive:
        return archive["output"]
