"""What the layers share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from oci_registry import Misbehaving, Service, is_installed, misbehaving
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


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A registry on this machine, for repositories of names that no other test has."""
    _want_a_registry()
    service = Service(tmp_path_factory.mktemp("registry"))
    yield service
    service.stop()


@pytest.fixture
def make_registry(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes further registries, with `Service`'s options."""
    _want_a_registry()
    made: list[Service] = []

    def make(**options: Any) -> Service:
        made.append(Service(tmp_path / f"registry-{len(made)}", **options))
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture
def proxy(registry: Service) -> Iterator[Misbehaving]:
    """A proxy before that registry, which misbehaves as it is told to."""
    with misbehaving(registry) as state:
        yield state


def _want_a_registry() -> None:
    if not is_installed():
        wants = "a registry wants docker-registry; make registry installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(wants)
