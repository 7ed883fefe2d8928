"""The memory that a file needs on a device, as a run tells and judges it."""

from pathlib import Path

import pytest

from pinlite.conversion import pipeline
from pinlite.errors import ArenaError
from pinlite.options import resolve
from pinlite.ui import view


@pytest.fixture
def run(engine, model_file):
    assert engine.requests == []

    def convert(*variants, **options):
        asked = {"variant": list(variants), "calibration": "random", "input": ["image=1x3x4x4"], "target": "micro"}
        return pipeline.run(resolve({"source": f"{model_file}:build", "out": "out"} | asked | options))

    return convert


def test_what_a_device_needs_is_told_for_each_file(run):
    report = run("float32", "int8-only")
    assert report.ok
    assert [each.arena.least for each in report.variants] == [195_000, 51_000]
    assert {each.arena.runtime.partition(" ")[0] for each in report.variants} == {"tflite-micro"}
    shown = view.of(report).variants
    (table,) = (each for each in shown if isinstance(each, view.Table) and "arena" in each.title)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["float32", "195.00 kB", "192.00 kB", "1.00 kB", "2.00 kB", "194.20 kB"],
        ["int8-only", "51.00 kB", "48.00 kB", "1.00 kB", "2.00 kB", "50.20 kB"],
    ]
    lines = [each.text for each in shown if isinstance(each, view.Line)]
    assert "int8-only needs most at operator 1, MUL: doubled 48.00 kB" in lines
    assert "int8-only wants of a resolver: AddMean, AddMul" in lines


def test_the_file_is_kept_as_an_array(run):
    report = run("int8-only")
    (kept,) = (each for each in report.artifacts if each.role == "source.int8-only")
    assert Path("out", kept.path, "model_data.cc").read_bytes().startswith(b"an array of ")


def test_a_larger_arena_than_there_is_fails_and_names_what_is_alive(run):
    assert run("int8-only", arena="50k").ok
    with pytest.raises(ArenaError) as caught:
        run("float32", "int8-only", arena="50k")
    assert str(caught.value) == (
        "float32 needs an arena of 195,000 bytes in tflite-micro 0.dev20261023182759 here, about 194,200 with pointers "
        "of 32 bits, where --arena has 51,200: most of it at operator 1, MUL, beside which doubled of 192,000 bytes "
        "are alive"
    )
    assert "--variant int8-only" in caught.value.hint
    assert Path("out/report.json").exists()
    assert not caught.value.report.ok
    assert "a file needs a larger arena than it may" in view.of(caught.value.report).verdict.text


def test_other_targets_have_none(run):
    report = run("float32", target="tflite-2.4")
    assert [each.arena for each in report.variants] == [None]
    assert not any("arena" in stage.name for stage in report.stages)
