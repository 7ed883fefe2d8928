"""^C in every stage, in every engine: status 130, one line, and nothing left."""

import shutil
import signal

import pytest
from command import NETWORK
from held import HELD, asked, freeze, reach, until

SOON = 20


def interrupted(running, number=signal.SIGINT):
    running.process.send_signal(number)
    ended = running.end(timeout=SOON)
    assert ended.status == 130
    assert ended.err.endswith("error: interrupted\n")
    assert ended.out == ""
    return ended


@pytest.mark.parametrize("stage", HELD)
def test_an_interrupt_leaves_nothing(pinlite, engine, stage):
    running = pinlite.start("convert", *NETWORK, "--engine", engine, "--out", "out")
    reach(running, stage)
    said = interrupted(running).err
    assert f"✗ {stage} " in said or f"- {stage} " in said
    assert sorted(path.name for path in pinlite.here.iterdir()) == ["err.txt", "out.txt", "tmp"]


def test_an_interrupt_while_a_saved_model_is_adopted(pinlite, any_engine, network):
    running = pinlite.start("convert", network / "saved_model", "--trust", "--engine", any_engine, "--out", "out")
    freeze(running, "convert")
    asked(running, "adopt")
    assert "✗ adopt " in interrupted(running).err
    assert not (pinlite.here / "out").exists()


def test_a_termination_is_an_interrupt(pinlite, engine):
    running = pinlite.start("convert", *NETWORK, "--engine", engine, "--out", "out")
    reach(running, "export")
    interrupted(running, signal.SIGTERM)
    assert not (pinlite.here / "out").exists()


def test_an_interrupt_before_any_worker_is_there(pinlite, engine):
    running = pinlite.start("convert", *NETWORK, "--engine", engine, "--out", "out")
    until(lambda: list(running.temporary.glob("pinlite-*")))
    interrupted(running)
    assert not (pinlite.here / "out").exists()


def test_an_earlier_result_survives_an_interrupt(pinlite, any_engine, network, report):
    shutil.copytree(network, pinlite.here / "out")
    before = report(pinlite.here / "out")
    running = pinlite.start("convert", *NETWORK, "--seed", 5, "--engine", any_engine, "--out", "out")
    reach(running, "infer-tflite-2.14.0")
    interrupted(running)
    assert report(pinlite.here / "out") == before
