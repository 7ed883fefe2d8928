"""What the host and a worker say to each other: JSON lines, checked, because a worker is not to be trusted.

A worker says `Ready` once, then answers each `Request` with one `Response`. The other half is
``images/programs/stagekit/__main__.py``; `VERSION` stands in both.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSION = 1

# A response carries names, shapes and counts; arrays and models travel as files.
LONGEST_LINE = 8 * 1024 * 1024
# What a number is counted in; larger ones are no counts, sizes or labels, and no float can hold them.
LARGEST = 2**63 - 1

# What every worker sees of an environment, whatever the engine: nothing of the user's own.
ENVIRONMENT = {
    # torch draws other random weights with AVX2 than without, and MKL rounds square roots, which go into the weights
    # behind a BatchNorm, in another way on each make of processor.
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "CUDA_VISIBLE_DEVICES": "-1",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    # What is printed is in the log when the program crashes in the next line.
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
}


class ContractError(Exception):
    """A worker said something that is no message."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Request(_Message):
    """``inputs`` and ``outputs`` map a role to a path relative to the worker's input and output mounts."""

    id: str
    operation: str
    parameters: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}


class Ready(_Message):
    type: Literal["ready"] = "ready"
    contract: int
    versions: dict[str, str]


class Failure(_Message):
    """``usage``: not as asked. ``model``: not with this model. ``memory``, ``internal``: the stage itself failed."""

    kind: Literal["usage", "model", "memory", "internal"]
    message: str
    hint: str = ""


class Response(_Message):
    """``seconds`` and ``peak_memory`` (bytes) are the worker's own word: good for a report, not for a decision."""

    type: Literal["response"] = "response"
    id: str
    result: dict[str, Any] | None = None
    error: Failure | None = None
    seconds: float = Field(ge=0, allow_inf_nan=False)
    peak_memory: int = Field(ge=0)


_messages: TypeAdapter[Ready | Response] = TypeAdapter(Annotated[Ready | Response, Field(discriminator="type")])


def parse(line: bytes) -> Ready | Response:
    """The message on one line.

    Raises:
        ContractError: The line is too long, no JSON, or no message of this contract.
    """
    if len(line) > LONGEST_LINE:
        raise ContractError(f"a line of {len(line)} bytes; the longest allowed has {LONGEST_LINE}")
    try:
        message = _messages.validate_json(line)
    except ValidationError as error:
        raise ContractError(f"{error.error_count()} errors in the line {line[:200]!r}") from error
    if isinstance(message, Response) and not _is_small([message.result, message.peak_memory]):
        raise ContractError(f"a number beyond {LARGEST}")
    if isinstance(message, Response) and (message.result is None) == (message.error is None):
        raise ContractError("a response has either a result or an error")
    return message


def _is_small(value: Any) -> bool:
    """Whether every integer in it is one of 64 bits."""
    if isinstance(value, dict):
        return all(map(_is_small, value.values()))
    if isinstance(value, list):
        return all(map(_is_small, value))
    return not isinstance(value, int) or -LARGEST <= value <= LARGEST


def line(request: Request) -> bytes:
    return request.model_dump_json().encode() + b"\n"
