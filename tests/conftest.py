"""What the layers share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_index import Index, serving

from pinlite.engine.docker import DockerEngine
from pinlite.errors import NoEngineError


@pytest.fixture(scope="session")
def docker_engine() -> DockerEngine:
    """The docker engine. Where none answers, CI fails; elsewhere its tests are skipped, and say so."""
    try:
        return DockerEngine()
    except NoEngineError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"{error}; make engine installs and starts one")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """The only package index that uv and pinlite know; uv's cache is another one, too."""
    with serving() as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{served.url}/simple/")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
        for name in ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served
