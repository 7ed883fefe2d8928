"""What only the venv engine can get wrong."""

import platform
from dataclasses import replace
from pathlib import Path

import pytest
from package_index import lock, wheel
from probes import BASE, recipe

from pinlite.engine import Leftover, VenvEngine
from pinlite.errors import ImageError, StageCrashError
from pinlite.events import Notice, ignore
from pinlite.machine import guards, temporary


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """One with a cache of its own, in a folder with an awkward name."""
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "an environment é"))
    return VenvEngine()


def test_it_says_that_it_does_not_isolate(venv_probe):
    events = []
    venv_probe.engine.ensure([recipe()], events.append)
    (notice,) = events
    assert isinstance(notice, Notice)
    assert "does not isolate" in notice.text


def test_a_wrong_hash_is_an_image_error(engine, tmp_path, index, monkeypatch):
    """Of a file that was changed since it was fetched, though it is as long as before."""
    index.files = dict([wheel("one", content=b"1")])
    wanted = recipe(requirements_lock=lock(*index.files.items()))
    engine.remove_image(engine.ensure([wanted], ignore)["probe"])
    (kept,) = (tmp_path / "an environment é" / "wheels").glob("*/*.whl")
    kept.write_bytes(wheel("one", content=b"2")[1])
    # uv has unpacked the right one, and would take that.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another uv-cache"))
    with pytest.raises(
        ImageError, match=r"the environment of the probe image can't be installed(.|\n)*[Hh]ash"
    ) as caught:
        engine.ensure([wanted], ignore)
    assert f"{kept.name} was damaged on this disk, and is removed" in caught.value.hint
    assert engine.images() == []
    environments = tmp_path / "an environment é" / "venv" / "environments"
    assert {path.suffix for path in environments.iterdir()} == {".guard"}
    assert "probe" in engine.ensure([wanted], ignore)


def test_images_with_the_same_lock_share_an_environment(engine):
    found = engine.ensure([recipe(), recipe("probe-other")], ignore)
    (environment,) = {Path(image.reference, "environment").resolve() for image in found.values()}
    engine.remove_image(found["probe"])
    assert environment.is_dir()
    assert engine.images() == [found["probe-other"]]
    engine.remove_image(found["probe-other"])
    assert not environment.exists()
    assert engine.images() == []


def test_what_a_killed_installation_left_is_found(engine, tmp_path):
    images = tmp_path / "an environment é" / "venv" / "images"
    half = images / f".image-{platform.node()}-4000000.1-abc_12"
    (half / "image" / "programs").mkdir(parents=True)
    with temporary.folder(beside=images / "image"):
        assert engine.leftovers() == [Leftover("half-made image", str(half))]
        engine.remove(*engine.leftovers())
        assert engine.leftovers() == []
    assert list(images.iterdir()) == []


def test_an_environment_that_a_killed_run_half_installed_is_found(engine, tmp_path):
    environments = tmp_path / "an environment é" / "venv" / "environments"
    half = environments / "3.8-0123456789abcdef"
    (half / "bin").mkdir(parents=True)
    Path(f"{half}.lock").touch()
    with guards.held(Path(f"{half}.guard")):
        assert engine.leftovers() == []
    (left,) = engine.leftovers()
    assert left == Leftover("half-made environment", str(half))
    engine.remove(left)
    engine.remove(left)
    assert engine.leftovers() == []
    assert [path.suffix for path in environments.iterdir()] == [".guard"]


def test_an_environment_that_is_whole_by_now_stays(engine):
    environment = Path(engine.ensure([recipe()], ignore)["probe"].reference, "environment").resolve()
    engine.remove(Leftover("half-made environment", str(environment)))
    assert (environment / "bin" / "python").exists()


def test_programs_are_compiled_under_their_own_path(engine):
    image = Path(engine.ensure([recipe()], ignore)["probe"].reference)
    compiled = image / "programs" / "__pycache__" / f"probe.cpython-{BASE.python.replace('.', '')}.pyc"
    assert str(image / "programs" / "probe.py").encode() in compiled.read_bytes()


def test_a_cache_that_was_moved_still_serves(engine, tmp_path, monkeypatch):
    engine.ensure([recipe()], ignore)
    moved = tmp_path / "moved"
    (tmp_path / "an environment é").rename(moved)
    monkeypatch.setenv("PINLITE_CACHE", str(moved))
    assert VenvEngine().broken() == []
    assert VenvEngine().find([recipe()])


def test_links_to_where_the_cache_was_are_made_anew(engine):
    """Until they were relative, a cache that was moved lost its environments."""
    image = Path(engine.ensure([recipe()], ignore)["probe"].reference)
    (image / "environment").unlink()
    (image / "environment").symlink_to("/nowhere/environments/3.8-0123456789abcdef")
    assert [each.name for each in engine.broken()] == ["probe"]
    assert engine.find([recipe()]) == {}
    made = engine.ensure([recipe()], ignore)["probe"]
    assert Path(made.reference, "environment", "bin", "python").exists()
    assert engine.broken() == []


def test_an_environment_whose_cpython_is_gone_is_made_anew(engine):
    image = engine.ensure([recipe()], ignore)["probe"]
    python = Path(image.reference, "environment", "bin", "python")
    python.unlink()
    python.symlink_to("/opt/gone/bin/python3.8")
    assert engine.broken() == [image]
    assert engine.find([recipe()]) == {}
    assert engine.ensure([recipe()], ignore) == {"probe": image}
    assert engine.broken() == []


def test_a_cpython_that_is_there_but_does_not_start_is_found(engine):
    """As one that has lost its standard library."""
    image = engine.ensure([recipe()], ignore)["probe"]
    python = Path(image.reference, "environment", "bin", "python")
    python.unlink()
    python.symlink_to("/bin/false")
    assert engine.broken() == [image]


def test_a_program_that_can_not_be_started_says_so(venv_probe):
    job = replace(venv_probe.job, image=replace(venv_probe.image, reference="/nowhere"))
    with pytest.raises(StageCrashError, match=r"the probe program can't be started: .*No such file") as caught:
        venv_probe.engine.start(job)
    assert "pinlite doctor" in caught.value.hint
