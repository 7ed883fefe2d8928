import json

import pytest

from pinlite import contract
from pinlite.contract import ContractError, Ready, Request, Response

READY = {"type": "ready", "contract": 1, "versions": {"torch": "1.7.1"}}
RESPONSE = {"type": "response", "id": "1", "result": {"a": [1, None]}, "seconds": 0.5, "peak_memory": 1024}
FAILURE = {"kind": "model", "message": "no", "hint": "try"}


def parse(message):
    return contract.parse(json.dumps(message).encode())


def test_the_messages_of_a_worker_are_read():
    assert parse(READY) == Ready(contract=1, versions={"torch": "1.7.1"})
    response = parse(RESPONSE)
    assert isinstance(response, Response)
    assert response.result == {"a": [1, None]}
    assert response.error is None


@pytest.mark.parametrize("kind", ["usage", "model", "memory", "internal"])
def test_a_failure_is_read(kind):
    response = parse(RESPONSE | {"result": None, "error": FAILURE | {"kind": kind}})
    assert (response.error.kind, response.error.message, response.error.hint) == (kind, "no", "try")


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        None,
        1,
        "ready",
        READY | {"type": "steady"},
        READY | {"contract": "1"},
        READY | {"versions": {"torch": 1}},
        READY | {"more": 1},
        {"type": "ready"},
        RESPONSE | {"id": 1},
        RESPONSE | {"seconds": -1},
        RESPONSE | {"peak_memory": -1},
        RESPONSE | {"peak_memory": 1.5},
        RESPONSE | {"result": []},
        RESPONSE | {"result": None},
        RESPONSE | {"error": FAILURE},
        RESPONSE | {"result": None, "error": FAILURE | {"kind": "other"}},
        RESPONSE | {"result": None, "error": FAILURE | {"exit_status": 0}},
    ],
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(ContractError):
        parse(message)


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{", b"importing torch...", b"\xff\xfe", b"[" * 100_000, b'{"type":"ready","contract":1', b"\0" * 9],
)
def test_what_is_no_json_is_refused(line):
    with pytest.raises(ContractError):
        contract.parse(line)


def test_a_huge_line_is_refused_unread():
    huge = json.dumps(RESPONSE | {"result": {"x": "y" * contract.LONGEST_LINE}}).encode()
    with pytest.raises(ContractError, match="longest allowed"):
        contract.parse(huge)


def test_an_error_shows_only_the_start_of_a_line():
    with pytest.raises(ContractError) as raised:
        contract.parse(b"x" * 1_000_000)
    assert len(str(raised.value)) < 400


def test_a_request_is_one_line_of_json():
    request = Request(id="1", operation="export", parameters={"text": "two\nlines"}, inputs={"model": "1/m.onnx"})
    line = contract.line(request)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "id": "1",
        "operation": "export",
        "parameters": {"text": "two\nlines"},
        "inputs": {"model": "1/m.onnx"},
        "outputs": {},
    }


@pytest.mark.parametrize("number", [2**63, -(2**64), 10**400])
def test_numbers_beyond_64_bits_are_none(number):
    for message in (RESPONSE | {"peak_memory": abs(number)}, RESPONSE | {"result": {"a": [{"b": number}]}}):
        with pytest.raises(ContractError):
            parse(message)
    assert parse(RESPONSE | {"result": {"a": [2**63 - 1, 1e300]}}).result
