"""Stages that crash, take too much, or disagree."""

import pytest
from command import CASES, NETWORK

HARMFUL = f"{CASES}/harmful.py"


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("Aborting", [], ["the export program was ended by signal 6", "the whole log is "]),
        ("Exiting", [], ["the export program exited (3)", "the whole log is "]),
        ("Greedy", ["--memory", "600m"], ["needs more memory than its limit of 0.59 GiB", "raise it with --memory"]),
        ("Sleeping", ["--timeout", "3"], ["gave no answer within 3 s", "raise the limit with --timeout"]),
    ],
)
def test_a_stage_that_ends_without_an_answer(pinlite, engine, model, options, words):
    arguments = (f"{HARMFUL}:{model}", "--input", "x=1x4", *options, "--engine", engine)
    said = pinlite.refuses(6, "convert", *arguments, "--out", "out")
    assert "error: export: " in said
    assert all(word in said for word in words), said
    assert not (pinlite.here / "out").exists()


def test_a_disagreement_keeps_everything(pinlite, any_engine, report):
    said = pinlite.refuses(7, "convert", *NETWORK, "--tolerance", 0, "--engine", any_engine, "--out", "out")
    assert "of the largest magnitude of output 'output'; the tolerance is 0" in said
    assert "everything was kept in out" in said
    found = report(pinlite.here / "out")
    assert not found["ok"]
    assert not all(hop["passed"] for hop in found["hops"])
    assert all((pinlite.here / "out" / artifact["path"]).exists() for artifact in found["artifacts"])
