"""What an NPU runs of a file, as a run tells it, and the targets that have one."""

from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.conversion import pipeline
from pinlite.errors import UsageError, WarnedError
from pinlite.options import resolve
from pinlite.toolchain import targets
from pinlite.ui import view
from pinlite.units import bytes_

ASKED = {"calibration": "random", "input": ["image=1x3x4x4"], "target": "ethos-u55-128", "out": "out"}


@pytest.fixture
def run(engine, model_file):
    assert engine.requests == []
    return lambda **options: pipeline.run(resolve({"source": f"{model_file}:build"} | ASKED | options))


def test_what_runs_on_it_and_what_does_not_is_told(run):
    report = run()
    assert report.ok
    (variant,) = report.variants
    assert variant.name == "int8-only"
    assert (variant.npu.accelerator, variant.npu.on, len(variant.npu.off)) == ("ethos-u55-128", 1, 1)
    shown = view.of(report).variants
    (table,) = (each for each in shown if isinstance(each, view.Table) and "ethos-u55-128" in each.title)
    assert table.title == "on ethos-u55-128, as a-compiler 1.2 says for A_System, All_Of_It"
    size = bytes_(Path("out", variant.npu.path).stat().st_size)
    cells = [cell.text for cell in table.rows[0]]
    assert cells == ["int8-only", size, "1 of 2", "75.0%", "2.05 kB", "4.10 kB", "0.50 ms"]
    lines = [each.text for each in shown if isinstance(each, view.Line)]
    assert "int8-only, on the processor: 1 MEAN: no kernel for it; give it another" in lines


def test_the_compiled_file_is_beside_the_plain_one(run):
    report = run()
    (variant,) = report.variants
    (kept,) = (each for each in report.artifacts if each.role == "npu.int8-only")
    assert kept.path == variant.npu.path == "model.int8-only.ethos-u55-128.tflite"
    assert Path("out", kept.path).read_bytes() == b"compiled " + Path("out", variant.path).read_bytes()


def test_what_its_compiler_warns_of_is_about_the_file(run):
    report = run()
    assert [(each.stage, each.variant, each.message) for each in report.warnings if "slow" in each.message] == [
        ("compile-ethos-u55-128-int8-only", "int8-only", "it is slow")
    ]
    with pytest.raises(WarnedError):
        run(strict=True)


def test_every_npu_is_a_target_with_the_runtime_of_microcontrollers():
    known = targets.load()
    compiled = {name: target for name, target in known.items() if target.compiler}
    assert len(compiled) == 11
    for name, target in compiled.items():
        assert target.compiler.accelerator == target.name == name
        assert (target.since, target.runtimes) == (known["micro"].since, known["micro"].runtimes)
        assert not target.takes("float32")
        assert target.takes("int8-only")
    added = toolchain.with_target(toolchain.load(), "ethos-u65-256")
    assert {"tflite-micro", "vela-5.2.0"} <= {recipe.name for recipe in added.recipes}


def test_a_row_is_like_one_that_there_is():
    rows = {"ours": targets.TargetRow(description="ours", like="theirs")}
    with pytest.raises(UsageError, match="the target ours is like 'theirs'"):
        targets.of(rows, targets.load())
    with pytest.raises(ValueError, match="it asks for no runtime"):
        targets.TargetRow(description="ours")
    ours = targets.of({"ours": targets.TargetRow(description="ours", like="micro")}, targets.load())["ours"]
    assert (ours.name, ours.description, ours.runtimes) == ("ours", "ours", targets.load()["micro"].runtimes)
