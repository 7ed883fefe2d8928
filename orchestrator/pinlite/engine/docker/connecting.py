"""Clients of a Docker engine, as the environment names it."""

import functools
from collections.abc import Mapping

import docker

# Of an API, for who asks a daemon for its own.
_ANY = "1.41"


def client(environment: Mapping[str, str], patience: int, version: str = _ANY) -> docker.DockerClient:
    """One that waits so many seconds for an answer; nothing is asked yet. DockerException where an address is none."""
    made = docker.from_env(version=version, timeout=patience, environment=dict(environment))
    api = made.api
    # docker itself waits without end for the answer to an attach.
    api.post = functools.partial(api.post, timeout=patience)  # type: ignore[method-assign]
    # requests would trust whom REQUESTS_CA_BUNDLE names, not whom DOCKER_CERT_PATH does.
    api.request = functools.partial(api.request, verify=api.verify)  # type: ignore[method-assign]
    return made
