"""What the layers share."""

import os

import pytest

from pinlite.engine import DockerEngine
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
