"""The stage programs' own tests, each file under the Python and the pins of every image that carries its package."""

import os
import subprocess
from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore

HERE = Path(__file__).parent
# What all images have is tested in the one of each Python that starts fastest.
IN_ALL = {"stagekit": ("onnx-1.8.0", "litert-2.3.0")}


def carriers(package):
    """The names of the default toolchain's images that a package's tests are run in."""
    carrying = [
        recipe.name
        for recipe in toolchain.load().recipes
        if any(path.startswith(f"{package}/") for path in recipe.programs)
    ]
    return IN_ALL.get(package, carrying)


TESTS = [
    (path.relative_to(HERE).as_posix(), image)
    for path in sorted(HERE.glob("*/test_*.py"))
    for image in carriers(path.parent.name)
]


@pytest.fixture(scope="session")
def environments():
    return VenvEngine().ensure(toolchain.load().recipes, ignore)


@pytest.mark.parametrize(("file", "image"), TESTS)
def test_stage_programs(environments, file, image):
    path, folder = HERE / file, Path(environments[image].reference)
    done = subprocess.run(
        [folder / "environment" / "bin" / "python", "-m", "unittest", "--verbose", path.name],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(folder / "programs"), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 0 tests" not in done.stderr
