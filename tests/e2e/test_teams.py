"""docs/teams.md: every command that it has a reader type, in its order, prints what the page shows."""

import contextlib
import doctest
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import second_engine
from recipes import ensured

from pinlite import toolchain
from pinlite.machine import folders

PAGE = Path(__file__).parents[2] / "docs" / "teams.md"
ADDRESS = "registry.example.com"
SCHEDULER, PORT = "scheduler.example.com", "8786"
FIRST = ("## Keys", "## A model")
IMAGES, MACHINES = "## Images", "## Many machines"
CHECKER = doctest.OutputChecker()
READ = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def typed(address, only=""):
    """Each command, and what the page shows that it prints: of one section alone and what it needs, or of all those
    that no other test types.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    text = PAGE.read_text().replace(ADDRESS, address).replace(SCHEDULER, "127.0.0.1").replace(PORT, port)
    sections = re.split(r"(?m)^(?=## )", text)
    mine = [each for each in sections if (each.startswith(only) if only else not each.startswith((IMAGES, MACHINES)))]
    text = "".join(each for each in sections if each.startswith(FIRST) or each in mine)
    blocks = "".join(re.findall(r"(?ms)^```console\n(.*?)^```$", text))
    for command, shown in re.findall(r"(?m)^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks):
        yield doctest.Example(command, shown)


def test_what_the_page_shows_is_what_its_commands_print(docker_engine, registry, tmp_path):
    ensured(docker_engine)
    for example in typed(registry.host):
        check(example, tmp_path)


@pytest.fixture
def _nothing_is_left(tmp_path):
    """What the page starts, it ends; a test that fails does not come to that."""
    yield
    for file in tmp_path.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.nightly
@pytest.mark.usefixtures("_nothing_is_left")
def test_a_cluster_converts(docker_engine, registry, tmp_path):
    ensured(docker_engine)
    for example in typed(registry.host, MACHINES):
        check(example, tmp_path)
    assert (tmp_path / "build/batch/net-build/model.float32.tflite").is_file()


@pytest.mark.nightly
def test_a_new_machine_builds_nothing(docker_engine, registry, tmp_path):
    """What the page says of images: after the push, its commands are typed on a machine that has an engine of its own,
    without any images.
    """
    ensured(docker_engine)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "wheels").symlink_to(folders.cache() / "wheels")
    settings, engine = "", {}
    with second_engine.started() as daemon:
        for example in typed(registry.host, IMAGES):
            if example.source.startswith("export "):
                settings, engine = f"{example.source}; ", {"DOCKER_HOST": daemon.host}
            else:
                check(example, tmp_path, settings, **engine)
        with contextlib.closing(daemon.client()) as client:
            recipes = toolchain.load().recipes
            assert len(client.images.list()) == len(recipes) + len({recipe.base.name for recipe in recipes})


def check(example, folder, settings="", **environment):
    """A store of its own, and pinlite on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    reader = os.environ | {"CI": "", "COLUMNS": "200", "PATH": path, "PINLITE_CACHE": str(folder / "cache")}
    done = subprocess.run(
        ["bash", "-c", settings + example.source],
        cwd=folder,
        env=reader | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert CHECKER.check_output(example.want, done.stdout, READ), (
        f"{example.source}\n{CHECKER.output_difference(example, done.stdout, READ)}\n{done.stderr}"
    )
