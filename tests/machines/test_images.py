"""A build that loses its packages, or finds no room: an error in words, nothing half made, and the next one works."""

import contextlib
import os

import pytest
from package_index import lock, wheel
from probes import recipe, result

from pinlite.errors import ImageError, StageCrashError
from pinlite.events import BuildProgress, ignore

INSTALLS = b"""ARG BASE
FROM ${BASE}
ARG WHEELS
RUN echo before the packages
RUN pip install --disable-pip-version-check --no-deps --no-index --find-links ${WHEELS} --retries 1 halves
"""
FILLS = b"ARG BASE\nFROM ${BASE}\nRUN head --bytes 200M /dev/urandom > /var/filling\n"


def test_what_serves_a_build_ends_in_the_middle(daemon, engine, index):
    index.files = dict([wheel("halves", content=os.urandom(2**20))])
    wanted = recipe("probe-halves", Dockerfile=INSTALLS, requirements_lock=lock(*index.files.items()))

    def end(event):
        if isinstance(event, BuildProgress) and event.text == "before the packages":
            with contextlib.closing(daemon.client()) as client:
                (serving,) = client.containers.list(filters={"label": "pinlite=build"})
                serving.kill()

    with pytest.raises(ImageError, match="the probe-halves image can't be built:") as caught:
        engine.ensure([wanted], end)
    assert "run the same command again" in caught.value.hint
    assert engine.find([wanted]) == {}
    with contextlib.closing(daemon.client()) as client:
        assert client.api.containers(all=True) == []
        assert not client.api.images(filters={"label": "pinlite.image=probe-halves", "dangling": True})
    seen = []
    engine.remove_image(engine.ensure([wanted], seen.append)[wanted.name])
    # What was done before is not done again, and what was fetched is not fetched again.
    assert "---> Using cache" in [event.text for event in seen if isinstance(event, BuildProgress)]
    assert len(index.downloads) == 1


def test_the_disk_fills_during_a_build(daemon, engine):
    wanted = recipe("probe-filling", Dockerfile=FILLS)
    unbuilt = r"the probe-filling image can't be built:(.|\n)*No space left on device"
    with daemon.filled(room=100 * 1024**2), pytest.raises(ImageError, match=unbuilt) as caught:
        engine.ensure([wanted], ignore)
    assert "make room" in caught.value.hint
    assert engine.find([wanted]) == {}
    engine.remove_image(engine.ensure([wanted], ignore)[wanted.name])


def test_a_full_disk_begins_no_build(daemon, engine, index):
    index.files = dict([wheel("halves", content=os.urandom(9))])
    wanted = recipe("probe-halves", Dockerfile=INSTALLS, requirements_lock=lock(*index.files.items()))
    with (
        daemon.filled(room=10 * 1024**2),
        pytest.raises(ImageError, match="the disk has no room for the images") as caught,
    ):
        engine.ensure([wanted], ignore)
    assert "make room" in caught.value.hint
    assert index.downloads == []


def test_a_full_disk_starts_nothing(daemon, engine, job):
    unstarted = r"the probe container can't be started: .*no space left on device"
    with daemon.filled(room=0), pytest.raises(StageCrashError, match=unstarted) as caught:
        engine.start(job)
    assert "make room" in caught.value.hint
    with engine.start(job) as worker:
        assert result(worker, "echo", number=1) == {"number": 1}
