"""A conversion whose Docker engine stops, starts anew or hangs in each of its stages: an error in words, soon, and the
next run removes what is left, and works.
"""

import signal
from pathlib import Path

import pytest
from command import NETWORK, Command, workers
from held import HELD, reach_alone, until

ENTRY = (str(Path(__file__).parent / "entry.py"),)
CONVERT = ("convert", *NETWORK, "--engine", "docker", "--out", "out")
# CI has time for the first and the last.
FIRST, *BETWEEN, LAST = HELD
EACH = [FIRST, *(pytest.param(stage, marks=pytest.mark.nightly) for stage in BETWEEN), LAST]
SOON = 40


@pytest.fixture
def pinlite(daemon, monkeypatch, tmp_path):
    """The command, on the tests' own engine."""
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    command = Command(tmp_path / "here")
    yield command
    command.stop()


@pytest.mark.parametrize("stage", EACH)
@pytest.mark.parametrize("way", ["starts anew", "hangs"])
def test_the_engine_fails_during_a_stage(daemon, pinlite, stage, way):
    running = pinlite.start(*CONVERT, entry=ENTRY)
    # What runs beside it would fail of the same, and a run is over with the first failure that it meets.
    reach_alone(running, stage)
    try:
        if way == "hangs":
            daemon.send(signal.SIGSTOP)
        else:
            daemon.stop(signal.SIGKILL)
            daemon.start()
        assert running.process.wait(SOON) == 6, running.said()
    finally:
        daemon.send(signal.SIGCONT)
    said = running.said()
    assert f"✗ {stage} " in said
    assert "the Docker engine " in said
    assert "hint: " in said
    assert "Traceback" not in said
    assert not (pinlite.here / "out").exists()
    assert list(running.temporary.iterdir()) == []
    pinlite.succeeds(*CONVERT)
    until(lambda: not workers(running.process.pid))
