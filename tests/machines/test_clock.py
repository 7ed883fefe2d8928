"""The clock of this machine jumps while something runs: nothing ends of it, and what was made is found again."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from command import NETWORK
from held import STAGES
from probes import ask, result

from pinlite.errors import StageCrashError

ENTRY = (str(Path(__file__).parent / "entry.py"),)
A_DAY = 86_400


def test_a_clock_that_jumps_ends_nothing(engine, job, monkeypatch):
    """Waiting goes by the monotonic clock: a day forth or back is no time-out, and keeps none from coming."""
    real = time.time
    for jump in (A_DAY, -A_DAY):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        changed = replace(job, folder=job.folder.with_name(f"job{jump}"))
        with engine.start(changed) as worker:
            assert result(worker, "echo", number=4) == {"number": 4}
        short = replace(changed, folder=job.folder.with_name(f"short{jump}"))
        limits = job.limits.model_copy(update={"timeout": 10})
        with engine.start(replace(short, limits=limits)) as worker:
            worker.ready()
            with pytest.raises(StageCrashError, match="gave no answer within 10 s"):
                ask(worker, "hang")


@pytest.mark.parametrize("jump", [A_DAY, -A_DAY])
def test_a_conversion_whose_clock_jumps(pinlite, tmp_path, jump):
    cache = {"PINLITE_CACHE": str(tmp_path / "cache")}
    convert = ("convert", *NETWORK, "--engine", "docker")
    pinlite.succeeds(*convert, "--out", "out", entry=ENTRY, CLOCK=str(jump), **cache)
    pinlite.succeeds("verify", "out")
    again = pinlite.succeeds(*convert, "--out", "again", **cache)
    assert [stage for stage in STAGES if f"= {stage} " not in again.err] == []
    pinlite.succeeds("cache", "gc", **cache)
    pinlite.succeeds("cache", "verify", **cache)
