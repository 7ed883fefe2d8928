"""Removing what pinlite has made in an engine; fine when it is gone already, or is about to go."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus

import docker
from docker.errors import APIError


def container(api: docker.APIClient, name: str) -> None:
    """Kill it, and remove it."""
    with _gone():
        api.remove_container(name, force=True, v=True)


def volume(api: docker.APIClient, name: str) -> None:
    """One whose container another run is removing just now stays, for a later run to find."""
    with _gone():
        api.remove_volume(name)


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except APIError as error:
        if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise
