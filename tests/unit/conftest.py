"""What every unit test gets: nothing of the user's is seen or touched, and no engine is needed."""

import contextlib
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import made_report
import pytest
from fake_engine import FakeEngine

from pinlite.cli.main import main
from pinlite.engine import Engine
from pinlite.machine import folders
from pinlite.schema.report import Report


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder that stands for /tmp; the current folder is another one, and so is the cache."""
    made = {name: tmp_path / name for name in ("cache", "tmp", "here")}
    for folder in made.values():
        folder.mkdir()
    monkeypatch.setenv("PINLITE_CACHE", str(made["cache"]))
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(made["tmp"]))
    monkeypatch.chdir(made["here"])
    return made["tmp"]


@pytest.fixture
def images_data(tmp_path, monkeypatch) -> Path:
    """A copy of the images' data, to be changed."""
    copy = tmp_path / "images"
    shutil.copytree(folders.IMAGES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(folders, "IMAGES", copy)
    return copy


@pytest.fixture
def added_runtime(images_data) -> str:
    """The name of a runtime that conversions may add: it takes no int8, and no open sizes."""
    (images_data / "runtimes.toml").write_text(
        '[small]\ndescription = "a small one"\nimage = "tflite-micro"\nprogram = "micro_run.micro"\n'
        'package = "tflite-micro"\ntakes = ["float32", "uint8"]\nopen-sizes = false\n'
    )
    return "small"


@pytest.fixture
def engine(monkeypatch) -> FakeEngine:
    """The engine that pipeline.run gets."""
    fake = FakeEngine()

    def choose(*_: object) -> Engine:
        return fake

    monkeypatch.setattr("pinlite.conversion.run.choose", choose)
    monkeypatch.setattr("pinlite.conversion.matching.choose", choose)
    monkeypatch.setattr("pinlite.auditing.inspection.choose", choose)
    monkeypatch.setattr("pinlite.debugging.debug.choose", choose)
    monkeypatch.setattr("pinlite.auditing.file_audit.choose", choose)
    monkeypatch.setattr("pinlite.auditing.file_differences.choose", choose)
    return fake


@pytest.fixture
def model_file() -> Path:
    """A file with a callable; nothing runs it."""
    path = Path("model.py").absolute()
    path.write_text("def build():\n    ...\n")
    return path


@pytest.fixture
def command(monkeypatch, capsys):
    """Run ``pinlite ARGUMENTS`` here: its exit status, standard output and standard error."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pinlite", *arguments])
        status = main()
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def small_files():
    """A context in which no file can grow beyond some bytes: what a full disk does, without needing one."""

    @contextlib.contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def report() -> Report:
    return made_report.report()


@pytest.fixture
def convert(command, model_file):
    def run(*arguments):
        return command("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "out", *arguments)

    return run
