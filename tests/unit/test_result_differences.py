"""What `pinlite report A B` says, and when it fails; what a run leaves in a CI."""

import json
from pathlib import Path

import pytest

from pinlite.errors import UsageError
from pinlite.options import conditions
from pinlite.schema.comparison import Figure


@pytest.fixture
def results(engine, convert):
    """Two results of the same source in a and b; the fake latency, size and error are equal in both."""
    del engine
    for name in ("a", "b"):
        assert convert("--out", name, "--no-cache")[0] == 0
    return Path("a"), Path("b")


def change(folder, **changes):
    """Change figures of the only variant."""
    file = folder / "report.json"
    report = json.loads(file.read_text())
    report["variants"][0] |= changes
    file.write_text(json.dumps(report))


def figures(**ratios):
    return [Figure(name=name, of="", before=1, after=ratio, ratio=ratio) for name, ratio in ratios.items()]


def test_equal_results_have_the_same_bytes_and_ratios_of_one(results, command):
    del results
    status, out, _ = command("report", "a", "b", "--fail-if", "size > 1.05 or error > 1")
    assert status == 0
    assert "float32 has the same bytes" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["float32", "size", "2.00", "kB", "2.00", "kB", "1.000"] in rows


def test_what_has_changed_is_told_and_fails_where_that_is_asked_for(results, command):
    change(results[1], size=2200, sha256="0" * 64, ops={"MUL": 3}, macs=2_500_000)
    assert command("report", "a", "b")[0] == 0
    status, out, err = command("report", "a", "b", "--fail-if", "size > 1.05")
    assert status == 7
    assert "error: float32: size is 2.20 kB after 2.00 kB, 1.098 times as much (size > 1.05)" in err
    rows = [line.split() for line in out.splitlines()]
    assert ["float32", "macs", "1.25", "M", "2.50", "M", "2.000"] in rows
    assert ["MUL", "2", "3"] in rows
    assert command("report", "a", "b", "--fail-if", "size > 1.05 and operators > 2")[0] == 0
    status, out, _ = command("report", "a", "b", "--json", "--fail-if", "macs >= 2")
    assert status == 7
    assert json.loads(out)["variants"][0]["operators"] == {"MEAN": [1, 0], "MUL": [2, 3]}


def test_options_that_have_changed_are_listed(results, convert, command):
    assert convert("--out", "b", "--seed", "7")[0] == 0
    _, out, _ = command("report", "a", "b", "--markdown", "changes.md")
    assert out == ""
    assert "| seed | not given | 7 |" in Path("changes.md").read_text().splitlines()
    del results


@pytest.mark.parametrize(
    ("text", "ratios", "holds"),
    [
        ("size > 1.05", {"size": 1.06}, True),
        ("size > 1.05", {"size": 1.05}, False),
        ("size>=1.05", {"size": 1.05}, True),
        ("accuracy < .99", {"accuracy": 0.98}, True),
        ("accuracy <= 0.99 and size > 1", {"accuracy": 0.98, "size": 1}, False),
        ("accuracy <= 0.99 and size > 1", {"accuracy": 0.98, "size": 1.5}, True),
        ("error > 9 or accuracy < 1 and size > 1", {"accuracy": 0.98, "size": 1, "error": 10}, True),
        ("error > 9 or accuracy < 1 and size > 1", {"accuracy": 0.98, "size": 1, "error": 9}, False),
    ],
)
def test_conditions(text, ratios, holds):
    assert bool(conditions.parse(text).why(figures(**ratios))) is holds


def test_an_error_where_there_was_none_is_beyond_every_ratio():
    (condition,) = [conditions.parse("error > 100")]
    assert condition.why([Figure(name="error", of="litert", before=0, after=1e-9, ratio=None)])
    assert not condition.why([Figure(name="error", of="litert", before=0, after=0, ratio=None)])


@pytest.mark.parametrize(
    "text",
    ["", "size", "size > ", "size == 1", "size > -1", "speed > 1", "size > 1 or", "os.sep > 1", "size > 1e3"],
)
def test_what_is_no_condition_is_wrong_usage(text):
    with pytest.raises(UsageError, match="--fail-if"):
        conditions.parse(text)


def test_a_condition_on_what_is_not_there_is_wrong_usage(results, command):
    del results
    status, _, err = command("report", "a", "b", "--fail-if", "accuracy < 0.99")
    assert status == 2
    assert "--fail-if asks for accuracy, which the two results do not both have" in err
    assert command("report", "a", "--fail-if", "size > 1")[0] == 2


def test_two_results_have_a_page_that_says_whether_the_later_one_will_do(results, command, monkeypatch):
    del results
    assert command("report", "a", "b", "--html", "same.html") == (0, "", "")
    assert '<p class="verdict"><span class="good">the same bytes</span></p>' in Path("same.html").read_text()
    change(Path("b"), size=2200, sha256="0" * 64, ops={"MUL": 3}, macs=1_000_000)
    assert command("report", "a", "b", "--html", "changed.html")[0] == 0
    page = Path("changed.html").read_text()
    assert '<span class="good">1 better</span>, <span class="bad">1 worse</span>' in page
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    status, out, err = command("report", "a", "b", "--open", "--fail-if", "size > 1.05")
    assert (status, out) == (7, "")
    assert "error: float32: size is 2.20 kB" in err
    page = Path(shown[0].removeprefix("file://")).read_text()
    told = "float32: size is 2.20 kB after 2.00 kB, 1.098 times as much (size &gt; 1.05)"
    assert f'<p class="verdict"><span class="bad">{told}</span></p>' in page


def test_a_ci_gets_a_page_a_summary_and_no_answer_from_before(engine, convert, monkeypatch):
    assert convert()[0] == 0
    assert not Path("out/report.html").exists()
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    assert convert()[0] == 0
    assert "<!doctype html>" in Path("out/report.html").read_text()
    assert Path("summary.md").read_text().splitlines()[:2] == [
        "before",
        "## " + str(Path("model.py").absolute()).replace("_", "\\_") + "\\:build",
    ]
    assert engine.requests


def test_a_page_is_written_where_it_is_asked_for_and_is_no_part_of_the_result(engine, convert, command, monkeypatch):
    del engine
    monkeypatch.setenv("CI", "true")
    assert convert("--html", "here.html")[0] == 0
    assert "<!doctype html>" in Path("here.html").read_text()
    assert not Path("out/report.html").exists()
    assert convert()[0] == 0
    assert Path("out/report.html").exists()
    assert command("verify", "out")[0] == 0
    assert convert("--seed", "1")[0] == 0


def test_github_shows_errors_beside_the_change(convert, command, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    status, _, err = command("report", "none\n::error::x%")
    assert status == 2
    (line,) = [line for line in err.splitlines() if line.startswith("::")]
    assert line.startswith("::error title=pinlite::none%0A::error::x%25 is no result of a conversion")
    del convert
