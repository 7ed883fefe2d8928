"""What is tried again, how often, and what is not."""

import pytest

from pinlite.errors import ImageError, NoEngineError
from pinlite.machine import retries
from pinlite.machine.retries import blames_network, repeated

# As uv 0.13 and pip 23.0 print them.
CONNECTIONS = (
    "error: Request failed after 1 retry in 1.3s\n  cause: Failed to fetch: http://127.0.0.1:1/simple/six/",
    "  cause: error sending request for url (http://127.0.0.1:1/simple/six/)\n  cause: client error (SendRequest)",
    "  cause: dns error\n  cause: failed to lookup address information: Name or service not known",
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken",
    "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPConnectionPool(host='127.0.0.1', port=1): Read timed out.",
)
OTHERS = (
    "error: Failed to download `einops==0.4.1`\n  cause: Hash mismatch for `einops==0.4.1`",
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
    "ERROR: Could not find a version that satisfies the requirement six==9 (from versions: 1.16.0)",
    "The command '/bin/sh -c echo quite broken && exit 3' returned a non-zero code: 3",
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(retries, "PAUSES", (0.01, 0.02))


def failing(error, times):
    """An attempt that fails so often, and how often it was made."""
    made = []

    def attempt():
        made.append(1)
        if len(made) <= times:
            raise error
        return "made"

    return attempt, made


@pytest.mark.parametrize("output", CONNECTIONS)
def test_a_connection_may_come_back(output):
    told = []
    attempt, made = failing(ImageError(f"the torch image can't be built:\n{output}"), 2)
    assert repeated(attempt, blames_network, told.append) == "made"
    assert len(made) == 3
    assert [event.text for event in told] == [
        "the torch image can't be built; tried again in 0.01 s",
        "the torch image can't be built; tried again in 0.02 s",
    ]


@pytest.mark.parametrize("output", OTHERS)
def test_what_won_t_change_is_tried_once(output):
    told = []
    attempt, made = failing(ImageError(f"the torch image can't be built:\n{output}"), 1)
    with pytest.raises(ImageError):
        repeated(attempt, blames_network, told.append)
    assert (len(made), told) == (1, [])


def test_the_last_failure_is_told():
    attempt, made = failing(NoEngineError("no Docker engine answers", hint="start one"), 9)
    with pytest.raises(NoEngineError, match="no Docker engine answers"):
        repeated(attempt, lambda _: True, [].append)
    assert len(made) == 3
