import io
import itertools
import re
import time
from types import SimpleNamespace

import pytest

from pinlite.events import (
    BuildFinished,
    BuildPlanned,
    BuildProgress,
    BuildStarted,
    FetchFinished,
    FetchProgress,
    FetchStarted,
    InModel,
    ModelFinished,
    ModelPlanned,
    ModelStarted,
    Notice,
    StageFinished,
    StageStarted,
    TimesKnown,
)
from pinlite.schema.batch import ModelResult
from pinlite.ui.batch_progress import BatchView, Pace
from pinlite.ui.console import SafeConsole
from pinlite.ui.progress import ProgressView, Step

RUN = [
    Notice("the venv engine [does] not isolate"),
    BuildPlanned(2, 2_500_000, 10**10, 3 * 10**10),
    FetchStarted(2),
    FetchProgress(1_000_000, None),
    FetchProgress(2_500_000, 2_500_000),
    FetchFinished(2, 2_500_000, 1.5),
    BuildStarted("torch"),
    BuildProgress("torch", "Step 1/2 : FROM [base]", 1, 2),
    BuildFinished("torch", 61.25),
    StageStarted("export"),
    StageFinished("export", "ran", 2.5),
    StageStarted("check"),
    StageFinished("check", "failed", 0.1),
]


def shown(events, **console):
    text = io.StringIO()
    with ProgressView(SafeConsole(file=text, width=110, **console)) as view:
        for event in events:
            view(event)
    return text.getvalue()


def test_without_a_terminal_there_is_one_plain_line_a_step():
    lines = [" ".join(line.split()) for line in shown(RUN).splitlines()]
    assert lines == [
        "note: the venv engine [does] not isolate",
        "note: images to build: 2.50 MB in 2 files to fetch, about 10.00 GB of disk, where 30.00 GB are free",
        "✓ fetched 2 files, 2.50 MB 1.5 s",
        "✓ built the torch image 61.2 s",
        "✓ export 2.5 s",
        "✗ check 0.1 s",
    ]


def test_what_is_here_is_not_fetched_and_a_disk_that_is_not_seen_is_not_told():
    assert shown([BuildPlanned(0, 0, 10**10, None)]) == (
        "note: images to build: nothing to fetch, about 10.00 GB of disk\n"
    )


def test_on_a_terminal_the_build_moves_and_the_lines_stay():
    text = shown(RUN, force_terminal=True)
    assert "\x1b[" in text
    assert "export" in text


@pytest.mark.parametrize("source", ["ran", "hit", "failed", "skipped"])
def test_every_outcome_has_a_mark(source):
    assert "export" in shown([StageStarted("export"), StageFinished("export", source, 1)])


def test_an_interrupted_view_leaves_the_terminal_in_order():
    text = io.StringIO()
    view = ProgressView(SafeConsole(file=text, force_terminal=True))

    def interrupted():
        with view:
            view(StageStarted("export"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert text.getvalue().rfind("\x1b[?25h") > text.getvalue().rfind("\x1b[?25l")  # the cursor is visible again


def beating(events, monkeypatch, beats=1, **console):
    """What is shown where the last event is followed by so many signs of life."""
    monkeypatch.setattr("pinlite.ui.moving_lines.BEAT", 0.01)
    monkeypatch.setattr("pinlite.ui.progress.SHORT", console.get("short", 0.0))
    text = io.StringIO()
    made = SafeConsole(file=text, width=110)
    made.calm = console.get("calm", False)
    with ProgressView(made) as view:
        for event in events:
            view(event)
        ends = time.monotonic() + (0.1 if made.calm else 10)
        while text.getvalue().count("\n. ") < beats and time.monotonic() < ends:
            time.sleep(0.01)
    return text.getvalue()


def test_off_a_terminal_a_long_step_gives_signs_of_life(monkeypatch):
    assert "\n. check: 0 s\n" in beating([Notice("begun"), StageStarted("check")], monkeypatch)
    events = [Notice("begun"), TimesKnown({"check": 125.4}), StageStarted("check")]
    assert "\n. check: 0 s, about 2:05 min left\n" in beating(events, monkeypatch)
    assert beating(events, monkeypatch, calm=True) == "note: begun\n"
    of_another = [Notice("begun"), TimesKnown({"check": 125.4}, of_another=True), StageStarted("check")]
    assert "\n. check: 0 s (the last model took 2:05 min)\n" in beating(of_another, monkeypatch)
    assert beating([Notice("begun"), StageStarted("check")], monkeypatch, beats=0, short=60.0) == "note: begun\n"
    done = [*events, StageFinished("check", "ran", 0.1)]
    assert ". check" not in beating(done, monkeypatch, beats=0)


def test_what_is_fetched_says_how_long_it_may_still_take(monkeypatch):
    clock = itertools.chain([0.0], itertools.repeat(30.0))
    monkeypatch.setattr("pinlite.ui.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    step = Step("fetching")
    assert step.time() == "30 s"
    step.share = 0.25
    assert step.time() == "30 s, about 1:30 min left"


def test_a_build_takes_about_as_long_for_a_byte_as_those_before_it(monkeypatch):
    events = [BuildStarted("torch", 10**9), BuildFinished("torch", 100.0), BuildStarted("onnx", 6 * 10**8)]
    assert "\n. building the onnx image: 0 s, about 1:00 min left\n" in beating(events, monkeypatch)
    first = [Notice("begun"), BuildStarted("torch", 10**9), BuildProgress("torch", "Step", 1, 2)]
    assert "\n. building the torch image [1/2] Step: 0 s, about 50 s left\n" in beating(first, monkeypatch)


def test_what_is_hashed_says_how_long_it_may_still_take(monkeypatch):
    monkeypatch.setattr("pinlite.ui.moving_lines.BEAT", 0.01)
    monkeypatch.setattr("pinlite.ui.progress.SHORT", 0.0)
    text = io.StringIO()
    with ProgressView(SafeConsole(file=text, width=80)) as view, view.busy("hashing") as told:
        told(0.1)
        ends = time.monotonic() + 10
        while "left" not in text.getvalue() and time.monotonic() < ends:
            time.sleep(0.01)
    assert re.search(r"\. hashing: 0 s, about \d s left\n", text.getvalue())


def test_what_has_no_events_is_shown_while_it_is_done():
    text = io.StringIO()
    with ProgressView(SafeConsole(file=text, force_terminal=True, width=80)) as view, view.busy("hashing what is kept"):
        time.sleep(0.2)
    assert "hashing what is kept" in text.getvalue()
    assert shown([]) == ""


def result(name, state="right", **more):
    return ModelResult(name=name, source=f"{name}.onnx", folder=name, state=state, seconds=1.5, **more)


BATCH = [
    ModelStarted("one"),
    ModelStarted("two"),
    InModel("one", Notice("the venv engine does not isolate")),
    InModel("two", Notice("the venv engine does not isolate")),
    ModelPlanned("one", 4),
    InModel("one", StageStarted("check")),
    InModel("one", StageFinished("check", "ran", 0.5)),
    ModelFinished(result("one")),
    ModelFinished(result("two", "failed", stage="check", message="no \x1b[31m operator\nTwo")),
    ModelStarted("three"),
    ModelFinished(result("three", kept=True)),
]


def batch_shown(events, **console):
    text = io.StringIO()
    with BatchView(SafeConsole(file=text, width=110, **console), 4) as view:
        for event in events:
            view(event)
    return text.getvalue()


def test_a_batch_without_a_terminal_has_one_plain_line_a_model():
    lines = [" ".join(line.split()) for line in batch_shown(BATCH).splitlines()]
    assert lines == [
        "note: the venv engine does not isolate",
        "✓ one 1.5 s",
        "✗ two 1.5 s check: no \\x1b[31m operator\\nTwo",
        "= three 1.5 s",
    ]


def test_a_batch_on_a_terminal_has_a_bar_for_each_model_and_one_for_all():
    shown_ = batch_shown(BATCH[:7], force_terminal=True, force_interactive=True)
    assert "0 of 4 models" in shown_
    assert "one" in shown_
    assert "check" in shown_


def test_the_pace_says_how_many_a_second_and_how_long_it_may_take(monkeypatch):
    pace = Pace(100)
    assert pace.words() == "0 s"
    later = time.monotonic() + 20
    monkeypatch.setattr(time, "monotonic", lambda: later)
    pace.done = 40
    assert pace.words() == "20 s, 2.0 a second, about 30 s left"
    pace.done = 4
    assert pace.words() == "20 s, 5.0 s each, about 8:00 min left"
