"""Packages that PyPI does not have, like torch 2.13.0+cpu: where they are looked for, and what a lock says of them."""

import os

import pytest
from package_index import lock, serving, sha256, wheel

from pinlite.engine.wheels import Pins, WheelCache
from pinlite.errors import ImageError
from pinlite.events import ignore
from pinlite.machine import pip_settings, retries
from pinlite.machine.pip_settings import Place
from pinlite.toolchain import bases, images, locks

BASE = bases.load()["python-3.11"]
OURS, OTHER = wheel("net", "1+cpu"), wheel("other", "2")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    """What pip is told on this machine does not count."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(retries, "PAUSES", ())
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


@pytest.fixture
def beside():
    """An index beside PyPI; it has newer files, too, of what comes from PyPI."""
    with serving() as made:
        made.files = dict([OURS, wheel("other", "2", b"not PyPI's"), wheel("other", "3")])
        yield made


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "wheels-é"
    made.mkdir()
    (made / OURS[0]).write_bytes(OURS[1])
    return made


@pytest.fixture
def image(tmp_path):
    """An image of a user's own that wants both."""

    def write(index=""):
        made = tmp_path / "pins" / "net"
        made.mkdir(parents=True)
        said = f'index = "{index}"\n' if index else ""
        (made / "image.toml").write_text(f'description = ""\nbase = "python-3.11"\nprograms = ["stagekit"]\n{said}')
        (made / "requirements.in").write_text("net==1+cpu\nother==2\n")
        return made

    return write


def files(index=""):
    pins = Pins("an image", lock(OURS, OTHER), BASE, index=index)
    found = WheelCache().listed(pins, {}, ignore)
    WheelCache().fetch(found, ignore)
    return {file.filename: WheelCache().path(file).read_bytes() for file in found}


def test_an_index_of_the_image_has_what_pypi_has_not(index, beside):
    index.files = dict([OTHER])
    assert files(f"{beside.url}/simple/") == dict([OURS, OTHER])
    assert [name for name, _ in beside.downloads] == [OURS[0]]


@pytest.mark.parametrize("told", ["PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"])
def test_what_pip_is_told_comes_before_it(index, beside, folder, monkeypatch, told):
    index.files = dict([OTHER])
    monkeypatch.setenv(told, str(folder) if told == "PIP_FIND_LINKS" else f"{beside.url}/simple/")
    assert files("http://127.0.0.1:9/simple/") == dict([OURS, OTHER])


def test_a_place_of_pips_without_it_is_passed_over(index, beside, tmp_path, monkeypatch):
    index.files = dict([OTHER])
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path / 'empty'} {tmp_path / 'missing'}")
    assert files(f"{beside.url}/simple/") == dict([OURS, OTHER])


def test_a_password_of_pips_is_given_to_its_index_alone(index, beside, monkeypatch):
    index.files = dict([OTHER])
    beside.authorization = "Basic bWU6c2VjcmV0"
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", beside.url.replace("//", "//me:secret@") + "/simple/")
    assert files() == dict([OURS, OTHER])


@pytest.mark.parametrize("at", ["", "http://127.0.0.1:9/simple/"])
def test_without_it_the_hint_says_where_it_may_be(index, at):
    index.files = dict([OTHER])
    with pytest.raises(ImageError) as caught:
        files(at)
    assert "net==1+cpu" in caught.value.hint
    assert "PIP_FIND_LINKS" in caught.value.hint


def test_the_lock_names_the_one_file_that_was_tried(index, folder, image, monkeypatch):
    """Of an index beside PyPI, which has other platforms' too."""
    index.files = dict([OTHER, wheel("other", "1")])
    (folder / "net-1+cpu-cp312-cp312-manylinux_2_28_x86_64.whl").write_bytes(wheel("net", "1+cpu", b"3.12")[1])
    (folder / "net-1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(wheel("net", "1+cpu", b"3.11")[1])
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    locks.lock_image("net", [image().parent], ignore)
    name = "net-1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    text = (folder.parent / "pins" / "net" / "requirements.lock").read_text()
    hashed = sha256((folder / name).read_bytes())
    assert (
        f"# {name}\nnet==1+cpu \\\n    --hash=sha256:{hashed}\nother==2 \\\n    --hash=sha256:{sha256(OTHER[1])}"
        in text
    )
    assert text.count("--hash") == 2


def test_an_image_says_where_and_its_children_know(index, beside, image):
    index.files = dict([OTHER])
    made = image(f"{beside.url}/simple/")
    locks.lock_image("net", [made.parent], ignore)
    loaded = images.load("net", [made.parent], bases.load())
    assert loaded.versions["net"] == "1+cpu"
    added = images.with_requirements(loaded, loaded.lock)
    assert loaded.index == added.index == f"{beside.url}/simple/"
    assert loaded.identity() == images.ImageRecipe("net", loaded.files, BASE).identity(), "files are known by hash"


def test_an_image_may_have_a_newer_package_than_its_base(index, image):
    index.files = dict([wheel("setuptools", "65.5.1"), wheel("setuptools", "80.0")])
    made = image()
    (made / "requirements.in").write_text("setuptools==80.0\n")
    locks.lock_image("net", [made.parent], ignore)
    assert "setuptools==80.0" in (made / "requirements.lock").read_text()


def test_pips_files_and_variables_are_read_as_pip_reads_them(tmp_path, monkeypatch):
    everywhere, users = tmp_path / "xdg" / "pip" / "pip.conf", tmp_path / "home" / "pip" / "pip.conf"
    for file, text in (
        (everywhere, "[global]\nfind-links = /a /b\nindex-url = https://one/simple\n"),
        (users, "[global]\nextra-index-url =\n    https://two/simple\n    https://three/simple\n"),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(text)
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    assert pip_settings.places() == ()
    monkeypatch.delenv("PIP_CONFIG_FILE")
    folders = (Place("/a", flat=True), Place("/b", flat=True))
    indexes = tuple(Place(f"https://{name}/simple") for name in ("one", "two", "three"))
    assert pip_settings.places() == (*folders, *indexes)
    users.write_text("[install]\nfind-links = mine\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://other/simple")
    assert pip_settings.places() == (Place(str(tmp_path / "here" / "mine"), flat=True), Place("https://other/simple"))
    (tmp_path / "pip.conf").write_bytes(b"[global]\nfind-links = /c\xff")
    assert pip_settings.places()[0] == Place(str(tmp_path / "here" / "mine"), flat=True)
