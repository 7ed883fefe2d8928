"""Images that can't be built, and ^C while one is."""

import contextlib
import re
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import docker
import pytest
from command import NETWORK
from held import until

from pinlite import folders

OTHER_IMAGES = (str(Path(__file__).parent / "other_images.py"),)
# An hour and a number that tells it from any other sleep.
SLEEP = f"sleep 3600.{int(time.time())}"


@pytest.fixture
def recipes(tmp_path):
    """A copy of the image recipes, to be broken."""
    return Path(shutil.copytree(folders.IMAGES, tmp_path / "images"))


@pytest.fixture
def cache(tmp_path):
    """A cache of its own: what can't be built leaves nothing in the user's."""
    return {"PINLITE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def broken_index():
    """A package index whose connections break as soon as they are made."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def breaking():
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        threading.Thread(target=breaking, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        server.shutdown(socket.SHUT_RDWR)


def sleeping():
    """The containers that sleep here."""
    with contextlib.closing(docker.from_env()) as client:
        return [entry["Id"] for entry in client.api.containers(all=True) if SLEEP in entry["Command"]]


@pytest.mark.usefixtures("docker_engine")
def test_a_dockerfile_that_fails(pinlite, recipes, cache):
    (recipes / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo quite broken && exit 3\n")
    arguments = (recipes, "convert", *NETWORK, "--engine", "docker", "--out", "out")
    said = pinlite.refuses(5, *arguments, entry=OTHER_IMAGES, **cache)
    assert "the torch-1.7.1 image can't be built:" in said
    assert "quite broken" in said
    log = Path(said.rpartition("; the whole log is ")[2].strip())
    assert "exit 3" in log.read_text()
    assert not (pinlite.here / "out").exists()


@pytest.mark.usefixtures("any_engine")
def test_a_lock_that_can_t_be_installed(pinlite, recipes, cache):
    (recipes / "pins/torch-1.7.1/requirements.lock").write_text(f"einops==0.4.1 --hash=sha256:{'0' * 64}\n")
    arguments = (recipes, "convert", *NETWORK, "--engine", "venv", "--out", "out")
    said = pinlite.refuses(5, *arguments, entry=OTHER_IMAGES, **cache)
    assert "the environment of the torch-1.7.1 image can't be installed:" in said
    assert "einops" in said
    assert "Hash mismatch" in said
    assert not (pinlite.here / "out").exists()


def test_a_network_that_breaks_during_an_installation(pinlite, network, cache, tmp_path, broken_index):
    inspect = ("inspect", network / "model.float32.tflite", "--engine", "venv")
    broken = {"UV_DEFAULT_INDEX": broken_index, "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_HTTP_RETRIES": "1"}
    said = pinlite.refuses(5, *inspect, **cache, **broken)
    uninstalled = "the environment of the tflite-2.14.0 image can't be installed"
    assert f"{uninstalled}:" in said
    assert re.findall(rf"{uninstalled}; tried again in (\d) s", said) == ["1", "4"]
    assert "check the connection to the package index" in said
    assert not list((tmp_path / "cache/venv/images").glob("*/identity"))
    assert "CONV_2D" in pinlite.succeeds(*inspect, **cache).out


@pytest.mark.usefixtures("docker_engine")
def test_an_interrupted_build(pinlite, recipes, cache):
    (recipes / "Dockerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\nRUN {SLEEP}\n")
    arguments = (recipes, "images", "build", "--engine", "docker")
    running = pinlite.start(*arguments, entry=OTHER_IMAGES, **cache)
    until(sleeping)
    running.process.send_signal(signal.SIGINT)
    ended = running.end(timeout=20)
    assert ended.status == 130
    assert ended.err.endswith("error: interrupted\n")
    # The daemon ends the step once nobody waits for it.
    until(lambda: not sleeping())


@pytest.mark.usefixtures("any_engine")
def test_an_interrupted_installation(pinlite, cache, tmp_path):
    running = pinlite.start("images", "build", "--engine", "venv", **cache)
    environments = tmp_path / "cache/venv/environments"
    until(lambda: list(environments.glob("*/bin/python")))
    running.process.send_signal(signal.SIGINT)
    ended = running.end(timeout=20)
    assert ended.status == 130
    assert ended.err.endswith("error: interrupted\n")
    assert {path.suffix for path in environments.iterdir()} == {".guard"}
    assert not list((tmp_path / "cache/venv/images").glob("*/identity"))
