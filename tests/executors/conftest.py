"""A cache of these tests' own, with the environments of the user's, and tasks of small models."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinlite import api, toolchain
from pinlite.batch.tasks import Task
from pinlite.engine import VenvEngine, interpreter
from pinlite.errors import ImageError
from pinlite.events import ignore
from pinlite.machine import folders

pytest.register_assert_rewrite("executor_conformance", "clusters")

from clusters import sharing_environments  # noqa: E402  # its assertions have been registered

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="session")
def environments() -> Path:
    """The user's cache, with the environments of the default toolchain made."""
    try:
        recipes = toolchain.load().recipes
        for recipe in recipes:
            interpreter.find_or_make(recipe.base.python)
    except ImageError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    VenvEngine().ensure(recipes, ignore)
    return folders.cache()


@pytest.fixture(scope="session")
def cache(environments, tmp_path_factory) -> Path:
    return sharing_environments(tmp_path_factory.mktemp("executors") / "cache", environments)


@pytest.fixture(autouse=True)
def _here(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", str(cache))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def task() -> Callable[..., Task]:
    """A task of a small model that is named; by the venv engine, into out/NAME."""

    def named(name: str, source: str = "tiny.py:network", **settings: Any) -> Task:
        given = {"source": str(CASES / source) if CASES.joinpath(source.partition(":")[0]).exists() else source}
        out = Path("out", name)
        return Task(name, out, {**given, "input": ["image=1x3x16x16"], "engine": "venv", "out": str(out), **settings})

    return named


@pytest.fixture(scope="session")
def converted(environments, tmp_path_factory) -> Callable[[int], Path]:
    """The folder that `pinlite convert` writes of the small network and a seed."""
    assert environments.is_dir()
    there: dict[int, Path] = {}

    def convert(seed: int) -> Path:
        if seed not in there:
            there[seed] = tmp_path_factory.mktemp("converted") / "out"
            options = {"engine": "venv", "out": there[seed], "no_cache": True} | ({"seed": seed} if seed else {})
            api.convert(CASES / "tiny.py:network", inputs=["image=1x3x16x16"], **options)
        return there[seed]

    return convert
