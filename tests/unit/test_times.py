"""How long stages may take, by what is known before a conversion."""

import json
from pathlib import Path

import pytest

from pinlite.events import TimesKnown
from pinlite.machine import folders
from pinlite.store import times


def test_the_earlier_result_in_a_folder_counts_and_else_the_last_conversion(engine, convert, command, model_file):
    assert times.known(Path("out")) == TimesKnown({}, of_another=True)
    assert convert()[0] == 0
    taken = {stage["name"]: stage["seconds"] for stage in json.loads(Path("out/report.json").read_text())["stages"]}
    assert times.known(Path("out")) == TimesKnown(taken)
    assert times.known(Path("new")) == TimesKnown(taken, of_another=True)
    times.note({"export": 77.0, "debug": 5.0})
    assert times.known(Path("new")).seconds == taken | {"export": 77.0, "debug": 5.0}
    # What is a hit took no time.
    source = ("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "new", "--refresh", "check")
    assert command(*source)[0] == 0
    assert times.known(Path("newer")).seconds["export"] == 77.0
    assert engine.requests


@pytest.mark.parametrize("text", ["", "[]", '{"export": []}', '{"export": "soon"}', "[" * 100_000])
def test_a_file_that_says_nothing_is_no_error(text):
    (folders.cache() / "times.json").write_text(text)
    assert times.known(Path("out")).seconds == {}
    times.note({"check": 1.5})
    assert times.known(Path("out")).seconds == {"check": 1.5}


def test_a_folder_that_can_not_be_written_is_no_error(monkeypatch):
    Path("file").touch()
    monkeypatch.setenv("PINLITE_CACHE", str(Path("file").absolute()))
    times.note({"check": 1.5})
    assert times.known(Path("out")).seconds == {}
