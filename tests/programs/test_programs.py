"""The stage programs' own tests, each file under the Python and the pins of its image.

A folder is named after the package whose tests it has; one in it after the toolchain whose image they want, unless that
is the default.
"""

import functools
import os
import subprocess
from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore
from pinlite.machine import processor

HERE = Path(__file__).parent
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/**/test_*.py"))


# What all images have is tested in the one that starts fastest.
IN_ALL = {"stagekit": "onnx_check"}
# Whose helpers a folder's tests take.
HELPED_BY = {"micro_run": "tflite_run", "vela_compile": "tflite_run", "web_run": "tflite_run"}


@functools.cache
def environments(name):
    """The images of a toolchain and its targets by the packages that they carry; of several, the first. What is for
    another processor carries none of its own.
    """
    chosen = toolchain.load(name)
    every = [*chosen.recipes, *toolchain.brought_recipes(chosen)]
    recipes = [recipe for recipe in every if recipe.base.platform == processor.platform()]
    found = VenvEngine().ensure(recipes, ignore)
    return {path.partition("/")[0]: found[recipe.name] for recipe in reversed(recipes) for path in recipe.programs}


@pytest.mark.parametrize("file", FILES)
def test_stage_programs(file):
    path = HERE / file
    package, _, name = path.parent.relative_to(HERE).as_posix().partition("/")
    image = Path(environments(name or toolchain.DEFAULT)[IN_ALL.get(package, package)].reference)
    done = subprocess.run(
        [image / "environment" / "bin" / "python", "-m", "unittest", "--verbose", path.name],
        cwd=path.parent,
        env=os.environ
        | {
            "PYTHONPATH": f"{image / 'programs'}:{HERE / package}:{HERE / HELPED_BY.get(package, package)}",
            "CUDA_VISIBLE_DEVICES": "-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 0 tests" not in done.stderr
