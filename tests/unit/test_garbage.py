"""`pinlite images gc`: what no toolchain names goes, with the packages that nothing needs; what is used stays."""

import os
import sys
import time

import pytest

from pinlite import toolchain
from pinlite.engine import Image, VenvEngine, usage
from pinlite.engine.wheels import Pins, WheelCache
from pinlite.errors import ImageError, NoEngineError
from pinlite.machine import folders

DAY = 24 * 3600
RECIPE = toolchain.load().images["torch"]
OLD = "0" * 64


@pytest.fixture(autouse=True)
def _no_docker(monkeypatch):
    def absent():
        raise NoEngineError("none", hint="none")

    monkeypatch.setattr("pinlite.engine.choice.ENGINES", {"docker": absent, "venv": VenvEngine})


def image(name, identity, key=""):
    """One of the venv engine's, with an environment of a kilobyte; its folder."""
    root = folders.cache() / "venv"
    environment = root / "environments" / f"of-{name}-{identity[:16]}"
    environment.mkdir(parents=True)
    (environment / "package.py").write_bytes(bytes(1000))
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(sys.executable)
    folder = root / "images" / f"{name}-{identity[:16]}"
    folder.mkdir(parents=True)
    (folder / "environment").symlink_to(environment)
    (folder / "lock").write_text(key)
    (folder / "identity").write_text(identity)
    return folder


def identity(recipe):
    return recipe.identity(f"cpython-{recipe.base.python}")


def added(lock=RECIPE.lock + b"einops==0.4.1 --hash=sha256:" + b"1" * 64 + b"\n"):
    """The recipe of an image of ``--with``, whose lock was kept."""
    kept = folders.cache() / "locks" / "a.lock"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(lock)
    return toolchain.with_requirements(RECIPE, lock)


def packages(name, key):
    """A file of a lock's, and what is known of that lock."""
    root, sha256 = WheelCache().root, (name * 64)[:64]
    file = root / sha256 / f"{name}-1-py3-none-any.whl"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(500))
    listing = root / "locks" / f"{key}.json"
    listing.parent.mkdir(exist_ok=True)
    known = f'{{"package": "{name}", "version": "1", "filename": "{file.name}", "sha256": "{sha256}", "size": 500}}'
    listing.write_text(f'{{"{name}": {known}}}')
    return file


def unused(folder, days):
    """As if an image had been made, and used last, so many days ago."""
    then = time.time() - days * DAY
    os.utime(folder / "identity", (then, then))


def test_what_no_toolchain_names_goes_and_what_one_names_stays(command):
    stays, goes = image("torch-1.7.1", identity(RECIPE)), image("torch-1.7.1", OLD)
    unused(stays, 400)
    status, out, err = command("images", "gc", "--engine", "venv")
    assert status == 0
    assert err == f"removed image {goes}\n"
    assert out.startswith("removed images: ")
    assert stays.is_dir()
    assert not goes.exists()
    assert [path.name for path in goes.parents[1].glob("environments/*")] == [f"of-{stays.name}"]
    assert command("images", "gc", "--engine", "venv") == (0, "removed images: 0 B, packages: 0 B\n", "")


def test_a_dry_run_removes_nothing(command):
    goes, file = image("torch-1.7.1", OLD), packages("a", "other")
    status, out, err = command("images", "gc", "--engine", "venv", "--dry-run")
    assert (status, err) == (0, "")
    size = file.stat().st_size + (file.parents[1] / "locks" / "other.json").stat().st_size
    assert out == f"would remove image {goes}\nwould remove 2 files of packages, {size} B\n"
    assert goes.is_dir()
    assert file.exists()


def test_what_with_has_added_stays_as_long_as_it_is_used(command):
    folder = image(f"{RECIPE.name}-with", identity(added()))
    unused(folder, 31)
    assert f"{folder}\n" not in command("images", "gc", "--engine", "venv", "--keep-days", "32")[2]
    (known,) = VenvEngine().images()
    usage.note("venv", [known])
    assert command("images", "gc", "--engine", "venv")[2] == ""
    noted = folders.cache() / "used" / "venv" / f"{known.name}-{known.identity[:16]}"
    os.utime(noted, (time.time() - 31 * DAY,) * 2)
    assert command("images", "gc", "--engine", "venv")[2] == f"removed image {folder}\n"
    assert not noted.exists()


def test_what_with_has_added_to_an_image_of_another_version_goes(command):
    added()
    folder = image(f"{RECIPE.name}-with", OLD)
    assert command("images", "gc", "--engine", "venv")[2] == f"removed image {folder}\n"


def test_the_images_of_a_toolchain_of_ones_own_stay_when_it_is_named(command, tmp_path):
    pins = tmp_path / "pins" / "torch-mine"
    pins.mkdir(parents=True)
    there = folders.IMAGES / "pins" / "torch-1.7.1"
    (pins / "image.toml").write_bytes((there / "image.toml").read_bytes())
    (pins / "requirements.lock").write_bytes(RECIPE.lock + b"# mine\n")
    mine = tmp_path / "mine.toml"
    classic = (folders.IMAGES / "toolchains" / "classic.toml").read_text()
    mine.write_text(classic.replace('torch = "torch-1.7.1"', 'torch = "torch-mine"'))
    folder = image("torch-mine", identity(toolchain.load(str(mine)).images["torch"]))
    assert command("images", "gc", "--engine", "venv", "--toolchain", str(mine))[2] == ""
    assert command("images", "gc", "--engine", "venv")[2] == f"removed image {folder}\n"


def test_packages_stay_that_a_lock_or_an_image_needs(command):
    ours, base = packages("a", Pins.of(RECIPE).key), packages("b", Pins("", RECIPE.base.lock, RECIPE.base).key)
    made, other = packages("c", "made"), packages("d", "other")
    recipe = added()
    image(recipe.name, identity(recipe), "made")
    half = WheelCache().root / "coming" / f"{'e' * 64}.part"
    half.parent.mkdir()
    half.touch()
    _, out, err = command("images", "gc", "--engine", "venv")
    gone = [other, other.parents[1] / "locks" / "other.json", half]
    assert sorted(err.splitlines()) == sorted(f"removed file {path}" for path in gone)
    assert "packages: 6" in out
    assert ours.exists()
    assert base.exists()
    assert made.exists()
    assert not other.parent.exists()


def test_what_is_in_use_is_kept_and_told(command, monkeypatch):
    folder = image("torch-1.7.1", OLD)

    def used(*_):
        raise ImageError("an image can't be removed: a container uses it", hint="end the runs that use it")

    monkeypatch.setattr(VenvEngine, "remove_image", used)
    status, _, err = command("images", "gc", "--engine", "venv")
    assert (status, err) == (0, "kept: an image can't be removed: a container uses it\n")
    assert folder.is_dir()


def test_what_failed_builds_have_left_goes(command, monkeypatch):
    part = Image("", "", "sha256:part", "sha256:part", size=7)
    removed = []
    monkeypatch.setattr(VenvEngine, "parts", lambda _: [part])
    monkeypatch.setattr(VenvEngine, "remove_image", lambda _, image: removed.append(image))
    assert "left by a build that failed" in command("images", "gc", "--engine", "venv", "--dry-run")[1]
    assert command("images", "gc", "--engine", "venv")[2] == "removed image sha256:part\n"
    assert removed == [part]
