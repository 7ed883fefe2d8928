"""A stranger adds a runtime by a row and a folder, a toolchain by a file and folders, as docs/architecture.md shows."""

import re
import shutil
from pathlib import Path

import pytest
from command import NETWORK

from pinlite.machine import folders

HERE = Path(__file__).parent
OTHER_IMAGES = (str(HERE / "other_images.py"),)
ARCHITECTURE = HERE.parents[1] / "docs" / "architecture.md"


def added(title):
    """The files that a diff in the docs adds or changes, by path: the lines that it adds."""
    section = ARCHITECTURE.read_text().split(f"### {title}\n")[1].split("\n### ")[0].split("\n## ")[0]
    files: dict[str, list[str]] = {}
    for line in re.search(r"```diff\n(.*?)```", section, re.DOTALL)[1].splitlines():
        if line.startswith("+++ "):
            lines = files.setdefault(line.removeprefix("+++ "), [])
        elif line.startswith("+"):
            lines.append(line.removeprefix("+"))
    return {path: "\n".join(lines) + "\n" for path, lines in files.items()}


def write(folder, files):
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as stream:
            stream.write(text)


@pytest.fixture
def copy(tmp_path):
    """A copy of the repository's images, to be added to."""
    return shutil.copytree(folders.IMAGES, tmp_path / "copy" / "images").parent


@pytest.mark.nightly
def test_a_runtime_is_a_row_and_a_folder(pinlite, report, copy, venv_engine):
    assert venv_engine
    write(copy, added("A runtime"))
    arguments = {"entry": OTHER_IMAGES}
    pinlite.succeeds(copy / "images", "toolchain", "lock", "classic", **arguments)
    pinlite.succeeds(copy / "images", "convert", *NETWORK, "--engine", "venv", "--out", "out", **arguments)
    found = report(pinlite.here / "out")
    assert [runtime["name"] for runtime in found["runtimes"]][-1] == "tflite-runtime 2.13.0"
    (variant,) = found["variants"]
    assert set(variant["parity"]) == set(variant["latency_ms"]) == {runtime["name"] for runtime in found["runtimes"]}
    assert found["versions"]["tflite-2.13.0"]["tflite-runtime"] == "2.13.0"


@pytest.mark.nightly
def test_a_toolchain_is_a_file_and_folders(pinlite, report, venv_engine):
    assert venv_engine
    write(pinlite.here, added("A toolchain"))
    pinlite.succeeds("toolchain", "lock", "mine.toml")
    pinlite.succeeds("convert", *NETWORK, "--engine", "venv", "--toolchain", "mine.toml", "--out", "out")
    found = report(pinlite.here / "out")
    assert found["toolchain_name"] == "mine"
    assert [runtime["name"] for runtime in found["runtimes"]] == ["tensorflow-cpu 2.4.1"]
    assert found["versions"]["onnx-1.8.1"]["onnx"] == "1.8.1"
    assert found["lock"]["options"]["toolchain"] == "mine.toml"
