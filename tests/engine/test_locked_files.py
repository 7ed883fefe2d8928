"""Where the packages of an image come from, and what is left of them and of builds: in each engine, and in docker's."""

import contextlib
import os
import platform
import re
import time
from dataclasses import replace

import docker
import pytest
from package_index import lock, source, wheel
from probes import recipe, result

from pinlite.errors import ImageError
from pinlite.events import BuildPlanned, BuildProgress, BuildStarted, FetchFinished, ignore
from pinlite.machine import folders, processes


@pytest.mark.parametrize("first", ["docker", "venv"])
def test_packages_are_fetched_once_for_all_engines(made, probe_of, index, monkeypatch, first):
    """What one engine has fetched is installed by the other when there is no index any more."""
    index.files = dict(wheel(name, content=os.urandom(9)) for name in ("one", "two"))
    dockerfile = (folders.IMAGES / "Dockerfile").read_bytes()
    wanted = recipe("probe-packages", Dockerfile=dockerfile, requirements_lock=lock(*index.files.items()))
    engines = sorted((made(name)[0] for name in ("docker", "venv")), key=lambda engine: engine.name != first)
    seen = []
    found = [engines[0].ensure([wanted], seen.append)[wanted.name]]
    assert [event.files for event in seen if isinstance(event, FetchFinished)] == [2]
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
    asked = index.asked
    found.append(engines[1].ensure([wanted], seen.append)[wanted.name])
    assert index.asked == asked
    assert [event.files for event in seen if isinstance(event, BuildPlanned)] == [2, 0]
    for engine, image in zip(engines, found, strict=True):
        site = "/usr/local" if engine.name == "docker" else f"{image.reference}/environment"
        names = ("one.py", "two.py", "__pycache__/one.cpython-38.pyc", "one-1.dist-info/METADATA")
        paths = [f"{site}/lib/python3.8/site-packages/{name}" for name in names]
        job = replace(probe_of(engine.name).job, image=image)
        with engine.start(job) as worker:
            assert all(result(worker, "exists", paths=paths).values())
            # The venv engine's workers see this machine's own folders.
            if engine.name == "docker":
                assert not any(result(worker, "exists", paths=["/wheels", "/tmp/wheels"]).values())
        engine.remove_image(image)


def test_packages_are_sent_where_the_engine_does_not_see_them(probe_of, index):
    index.files = dict([wheel("one", content=os.urandom(9))])
    dockerfile = (folders.IMAGES / "Dockerfile").read_bytes()
    wanted = recipe("probe-packages", Dockerfile=dockerfile, requirements_lock=lock(*index.files.items()))
    probe = probe_of("docker elsewhere")
    seen = []
    image = probe.engine.ensure([wanted], seen.append)[wanted.name]
    # How much room there is elsewhere can't be seen.
    assert [(event.files, event.free) for event in seen if isinstance(event, BuildPlanned)] == [(1, None)]
    with probe.engine.start(replace(probe.job, image=image)) as worker:
        assert all(result(worker, "exists", paths=["/usr/local/lib/python3.8/site-packages/one.py"]).values())
        assert not any(result(worker, "exists", paths=["/wheels", "/tmp/wheels"]).values())
    probe.engine.remove_image(image)
    with contextlib.closing(docker.from_env()) as client:
        assert client.api.containers(all=True, filters={"label": "pinlite"}) == []


def test_what_no_index_has_is_not_built(probe, index):
    """Nothing is begun: neither is anything fetched of what there is."""
    index.files = dict([wheel("one")])
    wanted = recipe("probe-packages", requirements_lock=lock(*index.files.items(), wheel("missing")))
    seen = []
    with pytest.raises(ImageError, match="the packages of probe-packages can't be looked up"):
        probe.engine.ensure([wanted], seen.append)
    assert not any(isinstance(event, BuildPlanned | BuildStarted) for event in seen)
    assert index.downloads == []
    assert probe.engine.find([wanted]) == {}


def test_where_there_is_no_room_nothing_is_begun(probe, index, monkeypatch):
    index.files = dict([wheel("one", content=os.urandom(9))])
    wanted = recipe("probe-packages", requirements_lock=lock(*index.files.items()))
    monkeypatch.setattr("pinlite.machine.folders.free", lambda _: 0)
    with pytest.raises(ImageError, match="no room for the images"):
        probe.engine.ensure([wanted], ignore)
    assert index.downloads == []


def test_a_build_has_no_network_but_its_packages(docker_engine, index):
    """What it is served is the lock's files, from a container that is gone when it ends."""
    index.files = dict([wheel("one", content=os.urandom(9))])
    looks = b"""ARG BASE
FROM ${BASE}
ARG WHEELS
RUN test "$(ls /sys/class/net)" = lo
RUN python -c "import os, urllib.request as r; print(os.urandom(1), r.urlopen(os.environ['WHEELS']).read())"
"""
    wanted = recipe("probe-looking", Dockerfile=looks, requirements_lock=lock(*index.files.items()))
    events = []
    image = docker_engine.ensure([wanted], events.append)["probe-looking"]
    docker_engine.remove_image(image)
    said = "\n".join(event.text for event in events if isinstance(event, BuildProgress))
    assert re.findall(r'href="(.*?)"', said) == ["one-1-py3-none-any.whl"]
    with contextlib.closing(docker.from_env()) as client:
        assert not client.api.containers(
            all=True, filters={"label": ["pinlite=build", f"pinlite.owner={processes.this()}"]}
        )


def test_an_interrupt_ends_builds_and_what_serves_them(docker_engine, index):
    index.files = dict([wheel("one", content=os.urandom(9))])
    sleeps = b"ARG BASE\nFROM ${BASE}\nRUN sleep 600\n"
    names = ("probe-sleeping", "probe-sleeping-too")
    wanted = [recipe(name, Dockerfile=sleeps, requirements_lock=lock(*index.files.items())) for name in names]
    running = set()

    def interrupt(event):
        if isinstance(event, BuildProgress) and "Running in" in event.text:
            running.add(event.text.split()[-1])
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        docker_engine.ensure(wanted, interrupt)
    assert time.monotonic() - started < 60
    with contextlib.closing(docker.from_env()) as client:
        ours = {"label": ["pinlite=build", f"pinlite.owner={processes.this()}"]}
        assert client.api.containers(all=True, filters=ours) == []
        assert not [entry["Id"] for entry in client.api.containers() if entry["Id"][:12] in running]


def test_what_serves_a_killed_build_is_found(docker_engine, index, monkeypatch):
    index.files = dict([wheel("one", content=os.urandom(9))])
    wanted = recipe("probe-killed", requirements_lock=lock(*index.files.items()))
    # As the process that died would have it.
    monkeypatch.setattr(processes, "this", lambda: f"{platform.node()}/4000000.1")
    monkeypatch.setattr("pinlite.engine.docker.removal.container", lambda *_: None)
    docker_engine.remove_image(docker_engine.ensure([wanted], ignore)["probe-killed"])
    monkeypatch.undo()
    (left,) = [left for left in docker_engine.leftovers() if not left.run]
    assert left.kind == "container"
    docker_engine.remove(left)
    assert left not in docker_engine.leftovers()


def test_an_image_that_is_being_built_is_none_yet(docker_engine):
    """Its labels come one after another, and its tag last."""
    labelled = f"ARG BASE\nFROM ${{BASE}}\nLABEL pinlite.identity=half pinlite.part=true\nRUN echo {time.time_ns()}\n"
    before = docker_engine.parts()
    with pytest.raises(ImageError, match="code: 9"):
        docker_engine.ensure([recipe("probe-failing", Dockerfile=f"{labelled}RUN exit 9\n".encode())], ignore)
    (part,) = [part for part in docker_engine.parts() if part not in before]
    assert "half" not in [image.identity for image in docker_engine.images()]
    docker_engine.remove_image(part)


def test_what_a_build_that_failed_has_left_is_told_and_can_go(docker_engine):
    dockerfile = f"ARG BASE\nFROM ${{BASE}}\nLABEL pinlite.part=true\nRUN echo {time.time_ns()}\nRUN exit 9\n"
    before = docker_engine.parts()
    with pytest.raises(ImageError, match="code: 9"):
        docker_engine.ensure([recipe("probe-failing", Dockerfile=dockerfile.encode())], ignore)
    (part,) = [part for part in docker_engine.parts() if part not in before]
    assert part.size > 0
    docker_engine.remove_image(part)
    assert part not in docker_engine.parts()


def test_a_source_and_a_folder_are_built_with_the_wheels_of_the_lock(docker_engine, index, probe_of):
    needed, built = wheel("needed"), source("built", setup="import needed")
    index.files = dict([needed, built])
    local = {
        "local/0/package/setup.py": b"import needed, setuptools\nsetuptools.setup(name='ours', py_modules=['ours'])\n",
        "local/0/package/ours.py": b"",
        "local/1/" + (own := wheel("own"))[0]: own[1],
    }
    files = {"Dockerfile": (folders.IMAGES / "Dockerfile").read_bytes(), "requirements_lock": lock(needed, built)}
    wanted = replace(recipe("probe-built", **files), sources=("built",), local=local)
    image = docker_engine.ensure([wanted], ignore)[wanted.name]
    with docker_engine.start(replace(probe_of("docker").job, image=image)) as worker:
        paths = [f"/usr/local/lib/python3.8/site-packages/{name}.py" for name in ("needed", "built", "ours", "own")]
        assert all(result(worker, "exists", paths=paths).values())
        assert not any(result(worker, "exists", paths=["/opt/pinlite/local", "/opt/pinlite/sources.lock"]).values())
    docker_engine.remove_image(image)


def test_a_source_that_wants_the_network_is_not_built(docker_engine, index):
    wants = f"import urllib.request\nurllib.request.urlopen({index.url!r}, timeout=5)"
    index.files = dict([built := source("built", setup=wants)])
    files = {"Dockerfile": (folders.IMAGES / "Dockerfile").read_bytes(), "requirements_lock": lock(built)}
    seen = []

    def count(event):
        if isinstance(event, BuildStarted):
            seen.append(index.asked)

    with pytest.raises(ImageError, match="refused"):
        docker_engine.ensure([replace(recipe("probe-wanting", **files), sources=("built",))], count)
    assert seen == [index.asked]
