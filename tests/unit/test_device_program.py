"""Programs for a device, as far as they can be told without running them, and the labels that they read."""

import ast
from pathlib import Path

import pytest

from pinlite.conversion import pipeline
from pinlite.conversion.device_program import program
from pinlite.errors import UsageError
from pinlite.options import resolve


def options(**more):
    return {"source": "model.py:build", "input": ["image=1x3x4x4"], "out": "out", **more}


@pytest.mark.usefixtures("engine", "model_file")
def test_programs_and_labels_are_artifacts(report_of):
    Path("labels.txt").write_bytes("".join(f"größe {at}\r\n" for at in range(48)).encode())
    report = report_of(options(example=["cpp", "python", "cpp"], labels="labels.txt"))
    roles = {each.path: each.role for each in report.artifacts}
    assert {name: role for name, role in roles.items() if role in ("example", "labels")} == {
        "example.float32.cpp": "example",
        "example.float32.py": "example",
        "labels.txt": "labels",
    }
    assert Path("out/labels.txt").read_bytes() == "".join(f"größe {at}\n" for at in range(48)).encode()
    ast.parse(Path("out/example.float32.py").read_text())


@pytest.fixture
def report_of():
    return lambda given: pipeline.run(resolve(given))


@pytest.mark.usefixtures("engine", "model_file")
@pytest.mark.parametrize("content", [b"", b"one\ntwo\n", b"one\n\nthree\n", b"\xff\xfe", b"a\nb\nc\nd\n"])
def test_labels_that_do_not_fit_are_refused(report_of, content):
    Path("labels.txt").write_bytes(content)
    with pytest.raises(UsageError, match=r"--labels labels\.txt") as raised:
        report_of(options(labels="labels.txt", example=["python"]))
    assert "in a line" in raised.value.hint
    assert not Path("out").exists()


@pytest.mark.usefixtures("model_file")
def test_a_file_of_labels_that_is_not_there_is_refused_at_once():
    with pytest.raises(UsageError, match=r"absent\.txt"):
        resolve(options(labels="absent.txt", example=["python"]))


@pytest.mark.usefixtures("model_file")
def test_labels_that_nothing_reads_are_refused_at_once():
    Path("labels.txt").touch()
    with pytest.raises(UsageError, match="--labels: nothing has them"):
        resolve(options(labels="labels.txt"))


@pytest.mark.usefixtures("model_file")
def test_a_toolchain_without_the_image_writes_no_metadata():
    with pytest.raises(UsageError, match="--metadata: the toolchain 2022 has no image metadata"):
        resolve(options(metadata=True, toolchain="2022"))


def test_a_name_can_not_leave_its_literal():
    text = 'a"; system("x"); //\\ ??/ \n ä'
    assert program.in_octals(text) == ('"a\\042; system(\\042x\\042); //\\134 \\077\\077/ \\012 \\303\\244"')
    assert ast.literal_eval(ascii(text)) == text
