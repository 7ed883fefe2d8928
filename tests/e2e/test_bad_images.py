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

from pinlite.machine import folders

OTHER_IMAGES = (str(Path(__file__).parent / "other_images.py"),)
# An hour and a number that tells it from any other sleep.
SLEEP = f"sleep 3600.{int(time.time())}"


@pytest.fixture
def recipes(tmp_path):
    """A copy of the image recipes, to be broken."""
    return Path(shutil.copytree(folders.IMAGES, tmp_path / "images"))


@pytest.fixture
def cache(tmp_path):
    """A cache of its own: what can't be built leaves nothing in the user's. Packages are those that the user's has."""
    packages = folders.cache() / "wheels"
    packages.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "wheels").symlink_to(packages)
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
    assert re.search(r"the \S+ image can't be built:", said)
    assert "quite broken" in said
    log = Path(said.rpartition("; the whole log is ")[2].strip())
    assert "exit 3" in log.read_text()
    assert not (pinlite.here / "out").exists()


@pytest.mark.usefixtures("any_engine")
def test_a_lock_whose_files_are_nowhere(pinlite, recipes, cache):
    (recipes / "pins/torch-1.7.1/requirements.lock").write_text(f"einops==0.4.1 --hash=sha256:{'0' * 64}\n")
    arguments = (recipes, "convert", *NETWORK, "--engine", "venv", "--out", "out")
    said = pinlite.refuses(5, *arguments, entry=OTHER_IMAGES, **cache)
    assert "the package index has no file for einops 0.4.1 that the lock of torch-1.7.1 allows" in said
    assert "hint: check that the index has what the lock was made from" in said
    assert not list(Path(cache["PINLITE_CACHE"]).glob("venv/environments/*"))
    assert not (pinlite.here / "out").exists()


def test_a_network_that_breaks_before_an_installation(pinlite, network, cache, tmp_path, broken_index):
    (tmp_path / "cache" / "wheels").unlink()
    inspect = ("inspect", network / "model.float32.tflite", "--engine", "venv")
    broken = {"UV_DEFAULT_INDEX": broken_index, "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_HTTP_RETRIES": "1"}
    said = pinlite.refuses(5, *inspect, **cache, **broken)
    unknown = "the packages of tflite-2.14.0 can't be looked up in the package index"
    assert f"{unknown}:" in said
    assert re.findall(rf"{unknown}; tried again in (\d) s", said) == ["1", "4"]
    assert "check the connection to the package index" in said
    assert not list((tmp_path / "cache/venv/images").glob("*/identity"))
    again = pinlite.succeeds(*inspect, **cache)
    assert "CONV_2D" in again.out
    planned = r"note: images to build: [\d.]+ MB in \d+ files to fetch, about [\d.]+ MB of disk, where "
    assert re.search(planned, again.err)
    # What is here needs no index, as long as it is here.
    shutil.rmtree(tmp_path / "cache/venv")
    assert "CONV_2D" in pinlite.succeeds(*inspect, **cache, **broken).out


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
