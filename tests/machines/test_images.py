"""A build that loses the network, or finds no room: an error in words, nothing half made, and the next one works."""

import contextlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from probes import recipe, result

from pinlite.errors import ImageError, StageCrashError
from pinlite.events import BuildProgress, Notice, ignore

HERE = Path(__file__).parent
GATEWAY = "172.17.0.1"
PORT = 8123
DOWNLOADS = f"""ARG BASE
FROM ${{BASE}}
RUN echo before the network
RUN pip install --no-cache-dir --disable-pip-version-check --progress-bar off --timeout 2 --retries 1 --no-deps \
        --no-index --find-links http://{GATEWAY}:{PORT}/ --trusted-host {GATEWAY} \
        halves==1
""".encode()
FILLS = b"ARG BASE\nFROM ${BASE}\nRUN head --bytes 200M /dev/urandom > /var/filling\n"


@pytest.fixture
def index(daemon, tmp_path):
    """Serves a wheel where that engine's builds have their network; what it says."""
    with zipfile.ZipFile(tmp_path / "halves-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("halves.py", os.urandom(2**20))
        for name, content in (
            ("METADATA", "Metadata-Version: 2.1\nName: halves\nVersion: 1\n"),
            ("WHEEL", "Wheel-Version: 1.0\nGenerator: pinlite\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("RECORD", ""),
        ):
            wheel.writestr(f"halves-1.dist-info/{name}", content)
    command = [*daemon.inside, sys.executable, HERE / "index.py", tmp_path, str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout.readline() == "serves\n"
        yield serving.stdout
        serving.kill()


def test_the_network_drops_during_a_download(daemon, engine, index):
    wanted = recipe("probe-halves", Dockerfile=DOWNLOADS)
    down, up = ([*daemon.inside, "ip", "link", "set", "docker0", state] for state in ("down", "up"))
    seen = []

    def drop(event):
        seen.append(event)
        if isinstance(event, BuildProgress) and "Downloading" in event.text:
            assert index.readline() == "half\n"
            subprocess.run(down, check=True)

    try:
        with pytest.raises(ImageError, match="the probe-halves image can't be built:") as caught:
            engine.ensure([wanted], drop)
    finally:
        subprocess.run(up, check=True)
    assert "run the same command again" in caught.value.hint
    assert [event.text.rpartition("; ")[2] for event in seen if isinstance(event, Notice)] == [
        "tried again in 1 s",
        "tried again in 4 s",
    ]
    assert engine.find([wanted]) == {}
    with contextlib.closing(daemon.client()) as client:
        assert client.api.containers(all=True) == []
        assert not client.api.images(filters={"label": "pinlite.image=probe-halves", "dangling": True})
    seen.clear()
    engine.remove_image(engine.ensure([wanted], seen.append)[wanted.name])
    # What was done before the network was needed is not done again.
    assert "---> Using cache" in [event.text for event in seen if isinstance(event, BuildProgress)]


def test_the_disk_fills_during_a_build(daemon, engine):
    wanted = recipe("probe-filling", Dockerfile=FILLS)
    unbuilt = r"the probe-filling image can't be built:(.|\n)*No space left on device"
    with daemon.filled(room=100 * 1024**2), pytest.raises(ImageError, match=unbuilt) as caught:
        engine.ensure([wanted], ignore)
    assert "make room" in caught.value.hint
    assert engine.find([wanted]) == {}
    engine.remove_image(engine.ensure([wanted], ignore)[wanted.name])


def test_a_full_disk_starts_nothing(daemon, engine, job):
    unstarted = r"the probe container can't be started: .*no space left on device"
    with daemon.filled(room=0), pytest.raises(StageCrashError, match=unstarted) as caught:
        engine.start(job)
    assert "make room" in caught.value.hint
    with engine.start(job) as worker:
        assert result(worker, "echo", number=1) == {"number": 1}
