"""`pinlite images`: what it says."""

import shutil
import sys

import pytest

from pinlite import toolchain
from pinlite.errors import ImageError
from pinlite.machine import folders
from pinlite.maintenance import local_base
from pinlite.options import resolve

# Of a key whose other half nobody has.
PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/zeIEFyrZezlS4rVbhuNE+auHSJAPKX4i3lyvfKVXYQ=
-----END PUBLIC KEY-----
"""


@pytest.fixture(autouse=True)
def _without_docker(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


def test_images_that_are_there_are_told(monkeypatch, command, engine):
    monkeypatch.setattr("pinlite.api.choose", lambda *_: engine)
    count = len(toolchain.load().recipes)
    assert command("images", "build") == (0, "", f"all {count} images of classic are there already\n")


@pytest.mark.parametrize("arguments", [["list"], ["rm"], ["gc"], ["gc", "--dry-run"]])
def test_every_command_says_whose_images_it_is_about(command, arguments):
    status, _, err = command("images", *arguments)
    assert status == 0
    assert err.startswith("note: no Docker engine answers: ")
    assert "the venv engine runs the stages" in " ".join(err.split())


def test_without_docker_there_is_nothing_to_build_a_base_for(command):
    status, _, err = command("images", "base")
    assert status == 4
    assert "no Docker engine answers" in err
    assert "make " not in err


def test_a_base_is_built_by_the_script_that_comes_with_pinlite(tmp_path, monkeypatch, capfd):
    """Wherever that is installed, and whatever its Python is called."""
    images = tmp_path / "an installed" / "_images"
    shutil.copytree(folders.IMAGES, images)
    (images / "base.sh").write_text(
        'python -c "import pinlite, sys; print(sys.executable)"; echo $@; uv --version; exit 3'
    )
    (tmp_path / "docker").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(folders, "IMAGES", images)
    monkeypatch.setattr(local_base, "DockerEngine", lambda: None)
    with pytest.raises(ImageError, match="can't be built"):
        local_base.build()
    said = capfd.readouterr()
    assert said.err.startswith(f"{sys.executable}\npython-3.8 python-3.11\nuv ")
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "registry.example.com/team/images"], "what goes to a registry has to be signed"),
        (["push", "images"], "'images' is no repository of a registry"),
        (["pull", "https://registry.example.com/images", "--trust-key", "x.pem"], "is no repository of a registry"),
        (["pull", "registry.example.com/team/images"], "you have named no key of who may sign images"),
        (["pull", "127.0.0.1:9/images", "--trust-key", "x.pem"], "--trust-key x.pem can't be read"),
        (["load", "images.tar"], "nobody who may have signed images.tar is trusted"),
        (["load", "images.tar", "--unsigned"], "images.tar can't be read: No such file"),
        (["save", "x.tar", "--signing-key", "x.pem"], "--signing-key x.pem can't be read"),
    ],
)
def test_what_can_not_be_carried_is_told(command, monkeypatch, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("PINLITE_SIGNING_KEY", "PINLITE_TRUST_KEY"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = command("images", *arguments)
    assert status == 2
    assert said in err
    assert "hint: " in err


def words(text):
    return " ".join(text.split())


def without_images(engine, monkeypatch):
    """An engine that has to make its images."""
    made = engine.find
    monkeypatch.setattr(engine, "ensure", lambda recipes, _: made(recipes))
    monkeypatch.setattr(engine, "find", lambda _: {})


def test_a_file_names_a_registry_but_no_keys_of_images(convert, engine, monkeypatch, tmp_path):
    """Images serve every later run, and a pinlite.toml may be a stranger's."""
    key = tmp_path / "keys.pem"
    key.touch()
    config = tmp_path / "pinlite.toml"
    config.write_text(f'images = "oci://127.0.0.1:9/images"\ntrust-key = ["{key}"]\n')
    recipe = resolve({"source": "convert:me"}, config)
    assert (recipe.images, recipe.trust_keys, recipe.image_keys) == ("oci://127.0.0.1:9/images", (key,), ())
    assert resolve({"source": "convert:me", "trust-key": [str(key)]}, config).image_keys == (key,)
    without_images(engine, monkeypatch)
    status, _, err = convert("--images", "127.0.0.1:9/images")
    assert status == 0
    assert "images are not pulled from oci://127.0.0.1:9/images, but made here: you have named no key" in words(err)


def test_a_registry_that_is_away_costs_one_note(convert, engine, monkeypatch, tmp_path):
    key = tmp_path / "keys.pem"
    key.write_bytes(PUBLIC)
    without_images(engine, monkeypatch)
    monkeypatch.setenv("PINLITE_IMAGES", "oci://127.0.0.1:9/images")
    monkeypatch.setenv("PINLITE_TRUST_KEY", str(key))
    status, _, err = convert()
    assert status == 0
    assert (
        words(err).count("images are not pulled from oci://127.0.0.1:9/images, but made here: 127.0.0.1:9 can't be")
        == 1
    )
