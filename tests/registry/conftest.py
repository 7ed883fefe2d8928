"""Keys, and a second machine: a Docker engine without images, and a cache of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from probes import RUNS, recipe
from second_engine import started

from pinlite.engine import Job
from pinlite.engine.docker import DockerEngine
from pinlite.events import ignore
from pinlite.schema.recipe import Limits


class Key:
    """A key in files, as openssl writes them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        self.private.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = self.key.public_key()
        self.public.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture(scope="session")
def ours(tmp_path_factory) -> Key:
    return Key(tmp_path_factory.mktemp("keys"), "ours")


@pytest.fixture(scope="session")
def theirs(tmp_path_factory) -> Key:
    """A key that nobody here trusts."""
    return Key(tmp_path_factory.mktemp("keys"), "theirs")


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    for name in ("PINLITE_IMAGES", "PINLITE_TRUST_KEY", "PINLITE_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def probe_recipe():
    return recipe("probe-shared")


@pytest.fixture(scope="session")
def built(docker_engine, probe_recipe) -> Iterator[DockerEngine]:
    """The machine's engine, on which the probe's image was built."""
    image = docker_engine.ensure([probe_recipe], ignore)[probe_recipe.name]
    yield docker_engine
    docker_engine.remove_image(image)


@pytest.fixture(scope="session")
def second_daemon(docker_engine):
    assert docker_engine
    with started() as daemon:
        yield daemon


@pytest.fixture
def elsewhere(second_daemon, monkeypatch, tmp_path) -> Iterator[DockerEngine]:
    """An engine without any images, and an empty cache."""
    monkeypatch.setenv("DOCKER_HOST", second_daemon.host)
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
    yield DockerEngine()
    with contextlib.closing(second_daemon.client()) as client:
        for image in client.images.list(all=False):
            client.images.remove(image.id, force=True)


@pytest.fixture
def job(tmp_path):
    limits = Limits(memory=256 * 1024**2, timeout=120, processes=64)

    def of(image) -> Job:
        return Job(image, "probe", folder=tmp_path / "job", log=tmp_path / "log", run=RUNS, limits=limits)

    return of
