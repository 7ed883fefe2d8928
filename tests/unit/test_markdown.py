"""What GitHub renders of a report."""

from pathlib import Path

import pytest
from made_report import hop

from pinlite.schema.report import Warned
from pinlite.ui import markdown

# What a model's names may hold, to be more than names.
HOSTILE = "x|y](http://z)<img src=x onerror=alert(1)>`**b**`\n\n# heading @user #1 \x1b[2J\u202e"


@pytest.mark.usefixtures("engine")
def test_a_result_is_written_as_markdown(convert, command):
    assert convert()[0] == 0
    status, out, err = command("report", "out", "--markdown", "result.md")
    assert (status, out, err) == (0, "", "")
    lines = Path("result.md").read_text().splitlines()
    assert lines[0].startswith("## ")
    assert lines[2] == "✅ equal to the reference within 0.0001 → out"
    assert "| variant | size | runtime | median | fastest |" in lines
    assert "| :-- | --: | :-- | --: | --: |" in lines
    assert any(line.startswith("| float32 | 2.00 kB | ") for line in lines)
    assert any(line == "<details><summary>stages</summary>" for line in lines)


def test_the_verdict_of_a_wrong_result_comes_first(report):
    wrong = report.model_copy(update={"ok": False, "hops": (hop("onnxruntime", "y", 1.0, passed=False),)})
    assert markdown.of(wrong, "out").splitlines()[2] == "❌ differs by more than 0.0001 → out"


@pytest.mark.parametrize("where", ["source", "output", "operator", "warning"])
def test_names_from_inside_are_no_markdown(report, where):
    (variant,) = report.variants
    hostile = {
        "source": {"source": HOSTILE},
        "output": {"hops": (hop("onnxruntime", HOSTILE, 1.0, passed=False),)},
        "operator": {"variants": (variant.model_copy(update={"ops": {HOSTILE: 1}}),)},
        "warning": {"warnings": (Warned(stage="export", message=HOSTILE),)},
    }[where]
    text = markdown.of(report.model_copy(update=hostile), "out")
    plain = "x\\|y\\](http\\://z)&lt;img src=x onerror=alert(1)&gt;\\`\\*\\*b\\*\\*\\` \\# heading \\@user \\#1 "
    assert plain + "\\\\x1b\\[2J\\\\u202e" in text
    assert not any(line.startswith("# ") for line in text.splitlines())


@pytest.mark.usefixtures("engine")
def test_a_file_that_can_not_be_written_is_wrong_usage(convert, command):
    assert convert()[0] == 0
    status, _, err = command("report", "out", "--markdown", "none/result.md")
    assert status == 2
    assert "--markdown none/result.md can't be written: No such file or directory" in err


def test_a_folder_without_a_report_is_wrong_usage(command):
    Path("empty").mkdir()
    status, _, err = command("report", "empty")
    assert status == 2
    assert "empty is no result of a conversion: it has no report.json" in err


@pytest.mark.usefixtures("engine")
def test_a_result_is_shown_as_it_was_when_it_was_made(convert, command):
    _, made, _ = convert()
    assert command("report", "out") == (0, made, "")
    assert command("report", "out/report.json") == (0, made, "")
    assert command("report", "out", "--json")[1] == Path("out/report.json").read_text()
