"""Toolchains of the user's: a file to begin with, and one of the versions that an old project had."""

from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.errors import ImageError, UsageError
from pinlite.events import Notice
from pinlite.machine import uv
from pinlite.toolchain import projects

FREEZE = """
# pip freeze
torch==1.9.0+cu111
torchvision==0.10.0+cu111
onnx==1.10.1 ; python_version < "4"
onnx-tf==1.9.0
onnxruntime==1.8.1 \\
    --hash=sha256:0123
tensorflow==2.6.0
NumPy==1.19.5
-e git+https://example.org/ours#egg=ours
"""
SOURCE_ONLY = "hint: Wheels are required for `wrapt` because building from source is disabled for all packages"


@pytest.fixture
def resolver(monkeypatch):
    """Stands for uv, which would ask an index: a lock of what is asked for. What was asked: the folder, the
    requirements, the constraints, and the other arguments.
    """
    asked = []

    def run(*arguments, scratch):
        assert scratch
        words = list(map(str, arguments))
        lock, wanted = Path(words[words.index("--output-file") + 1]), Path(words[-1])
        limits = [Path(words[at + 1]).read_text() for at, word in enumerate(words) if word == "--constraint"]
        asked.append((lock.parent.name, wanted.read_text().split(), "".join(limits), words))
        lock.write_text(wanted.read_text())
        return ""

    monkeypatch.setattr(uv, "run", run)
    return asked


@pytest.fixture
def frozen():
    path = Path("requirements.txt")
    path.write_text(FREEZE)
    return path


def test_a_new_toolchain_says_the_same(command):
    status, _, err = command("toolchain", "new", "mine.toml")
    assert status == 0, err
    mine, classic = toolchain.load("mine.toml"), toolchain.load()
    assert [recipe.identity() for recipe in mine.recipes] == [recipe.identity() for recipe in classic.recipes]
    assert command("toolchain", "new", "mine.toml")[0] == 2
    assert command("toolchain", "new", "mine")[0] == 2


def test_what_pip_freeze_says_becomes_a_toolchain(resolver, frozen):
    told = []
    projects.from_requirements(Path("mine.toml"), frozen, told.append, before="2021-09-01")
    chosen = toolchain.load("mine.toml")
    assert chosen.date == "2021-09-01"
    versions = {role: recipe.versions for role, recipe in chosen.images.items()}
    assert versions["torch"] == {"torch": "1.9.0", "torchvision": "0.10.0"}
    assert versions["onnx"] == {"onnx": "1.10.1", "onnxruntime": "1.8.1"}
    assert versions["tensorflow"] == {"tensorflow-cpu": "2.6.0"}
    assert versions["onnx-tf"] == {"onnx-tf": "1.9.0", "onnx": "1.10.1", "tensorflow-cpu": "2.6.0"}
    assert chosen.images["onnx-tf"].parent == chosen.images["tensorflow"]
    assert chosen.runtimes[0].name == "tensorflow-cpu 2.6.0"
    assert (chosen.lowerings, chosen.target.name) == (("stock",), "tflite-2.6")
    assert chosen.target.is_proven_by(chosen.runtimes[0])
    assert [asked[0] for asked in resolver] == ["torch-1.9.0", "onnx-1.10.1", "tensorflow-2.6.0", "onnx-tf-1.9.0"]
    for _, _, limits, words in resolver:
        assert "numpy==1.19.5" in limits
        assert words[words.index("--exclude-newer") + 1] == "2021-09-01"
        assert words[words.index("--python-version") + 1] == "3.8"
    line = "-e git+https://example.org/ours"
    assert Notice(f"requirements.txt, line 11: {line} is left out, because it pins no version") in told


def test_the_day_of_a_lock_is_kept_in_the_toolchains_file(resolver, frozen):
    projects.from_requirements(Path("mine.toml"), frozen, lambda _: None)
    assert toolchain.load("mine.toml").date == ""
    text = Path("mine.toml").read_text()
    for day in ("2021-09-01", "2021-10-01"):
        projects.lock("mine.toml", lambda _: None, before=day)
        assert toolchain.load("mine.toml").date == day
        assert Path("mine.toml").read_text().replace(f'date = "{day}"\n', "") == text
    projects.lock("mine.toml", lambda _: None)
    assert toolchain.load("mine.toml").date == "2021-10-01"
    assert resolver


def test_a_package_that_exists_as_source_only_is_built_and_told(monkeypatch, resolver, frozen):
    answering = uv.run

    def run(*arguments, scratch):
        if "tensorflow-2.6.0" in str(arguments[-1]) and "wrapt" not in arguments:
            raise uv.UvError(SOURCE_ONLY)
        return answering(*arguments, scratch=scratch)

    monkeypatch.setattr(uv, "run", run)
    told = []
    projects.from_requirements(Path("mine.toml"), frozen, told.append)
    assert resolver
    assert toolchain.load("mine.toml").images["tensorflow"].sources == ("wrapt",)
    assert any("wrapt exist only as source" in notice.text for notice in told if isinstance(notice, Notice))


def test_the_first_python_that_has_wheels_is_taken(monkeypatch, resolver, frozen):
    answering = uv.run

    def run(*arguments, scratch):
        if "3.8" in arguments:
            raise uv.UvError("Because torch==1.9.0 has no wheels with a matching Python ABI tag (e.g., `cp38`)")
        return answering(*arguments, scratch=scratch)

    monkeypatch.setattr(uv, "run", run)
    projects.from_requirements(Path("mine.toml"), frozen, lambda _: None)
    assert resolver
    assert {recipe.base.python for role, recipe in toolchain.load("mine.toml").images.items() if role == "torch"} == {
        "3.11"
    }


def test_what_can_not_be_resolved_leaves_nothing(monkeypatch, frozen):
    def run(*_, scratch):
        assert scratch
        raise uv.UvError("Because torchvision==0.10.0 depends on torch==1.9.0, they are incompatible")

    monkeypatch.setattr(uv, "run", run)
    with pytest.raises(ImageError, match="incompatible") as raised:
        projects.from_requirements(Path("mine.toml"), frozen, lambda _: None, before="2021-09-01")
    assert "they don't fit together as of 2021-09-01" in raised.value.hint
    assert not Path("mine.toml").exists()
    assert list(Path("pins").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"before": "last year"}, "--before 'last year' is not a day"),
        ({"python": "2.7"}, "no base has Python 2.7"),
    ],
)
def test_options_that_are_wrong_are_told_before_any_work(resolver, frozen, options, said):
    with pytest.raises(UsageError) as raised:
        projects.from_requirements(Path("mine.toml"), frozen, lambda _: None, **options)
    assert said in raised.value.message
    assert resolver == []


def test_what_has_to_be_pinned_is_named(resolver):
    Path("requirements.txt").write_text("onnx==1.10.1\ntensorflow\n")
    with pytest.raises(UsageError, match="does not pin torch, tensorflow-cpu, onnx-tf"):
        projects.from_requirements(Path("mine.toml"), Path("requirements.txt"), lambda _: None)
    assert resolver == []


def test_locking_anew_leaves_what_pinlite_brings_alone(resolver, frozen):
    projects.from_requirements(Path("mine.toml"), frozen, lambda _: None)
    resolver.clear()
    projects.lock("mine.toml", lambda _: None)
    assert [asked[0] for asked in resolver] == ["torch-1.9.0", "onnx-1.10.1", "tensorflow-2.6.0", "onnx-tf-1.9.0"]
