"""Several builds at a time: in which order, what is told by whom, and what becomes of the others when one fails."""

import threading
import time

import pytest

from pinlite.engine import Image
from pinlite.engine.docker import builds
from pinlite.engine.docker.build import Stopped
from pinlite.errors import ImageError
from pinlite.events import BuildFinished, BuildStarted, ignore


class Build:
    """Stands for one of docker's: it takes until ``go`` is set, and notes what happens."""

    def __init__(self, name, below="base", size=1, error=None, notes=None):
        self.image = Image(name, "", f"pinlite/{name}")
        self.below, self.size, self.error = below, size, error
        self.notes = notes if notes is not None else []
        self.go, self.stopped = threading.Event(), False

    def run(self, observe):
        self.notes.append(f"{self.image.name} begins")
        observe(BuildStarted(self.image.name))
        assert self.go.wait(10)
        if self.stopped:
            raise Stopped
        if self.error:
            raise self.error
        observe(BuildFinished(self.image.name, 1))
        self.notes.append(f"{self.image.name} ends")

    def stop(self):
        self.stopped = True
        self.notes.append(f"{self.image.name} is stopped")
        self.go.set()


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch):
    monkeypatch.setattr(builds.os, "cpu_count", lambda: 2)


def until(noted, notes):
    end = time.monotonic() + 5
    while noted not in notes:
        assert time.monotonic() < end, notes
        time.sleep(0.01)


def test_as_many_run_as_there_are_processors_and_none_before_what_it_stands_on():
    notes = []
    tensorflow, onnx_tf = Build("tensorflow", size=5, notes=notes), Build("onnx-tf", "pinlite/tensorflow", notes=notes)
    torch, tflite = Build("torch", size=9, notes=notes), Build("tflite", size=2, notes=notes)
    running = threading.Thread(target=builds.run, args=([onnx_tf, tflite, tensorflow, torch], ignore))
    running.start()
    until("tensorflow begins", notes)
    assert notes == ["torch begins", "tensorflow begins"]
    tensorflow.go.set()
    until("tflite begins", notes)
    assert "onnx-tf begins" not in notes
    tflite.go.set()
    until("onnx-tf begins", notes)
    onnx_tf.go.set()
    torch.go.set()
    running.join(5)
    assert not running.is_alive()
    assert not any("stopped" in note for note in notes)


def test_it_is_the_one_who_waits_that_tells():
    made = [Build(name) for name in ("a", "b", "c")]
    for build in made:
        build.go.set()
    told = []
    builds.run(made, lambda event: told.append((threading.get_ident(), event)))
    assert {ident for ident, _ in told} == {threading.get_ident()}
    assert sorted(event.image for _, event in told if isinstance(event, BuildFinished)) == ["a", "b", "c"]


def test_when_one_fails_the_others_are_stopped_and_no_more_begin():
    notes = []
    bad = Build("bad", size=9, error=ImageError("the bad image can't be built"), notes=notes)
    others = [Build("good", size=5, notes=notes), Build("late", notes=notes)]

    def fail(event):
        if event == BuildStarted("good"):
            bad.go.set()

    with pytest.raises(ImageError, match="the bad image"):
        builds.run([bad, *others], fail)
    assert notes[:2] == ["bad begins", "good begins"]
    assert "good is stopped" in notes
    assert "late begins" not in notes


def test_an_interrupt_stops_all():
    notes = []

    def interrupt(event):
        if event == BuildStarted("two"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builds.run([Build("one", size=2, notes=notes), Build("two", notes=notes)], interrupt)
    assert {"one is stopped", "two is stopped"} <= set(notes)


def test_nothing_to_build_is_nothing_to_do():
    builds.run([], pytest.fail)
