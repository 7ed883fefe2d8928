"""What a worker is asked, and what it answers: as JSON, of files by their digests."""

from typing import Any, Literal

from pydantic import Field

from pinlite.schema.batch import ModelResult
from pinlite.schema.frozen import Frozen


class Blob(Frozen):
    """A file by its content; ``size`` is in bytes."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)


# Files by their POSIX path.
Listing = dict[str, Blob]


class Machine(Frozen):
    """What decides what a machine makes of a task: the version of pinlite, and ``files``, the digest of all that is
    pinlite's own, its toolchains and programs among them.
    """

    pinlite: str
    files: str


class Job(Frozen):
    """A conversion: ``settings`` are its options, whose paths hold in the ``folder`` of the one who asks, and ``files``
    all that it reads there, by absolute path, to be had at ``exchange``.

    ``images`` are the identities of its images, by name: a machine that would take others is refused. ``keeper`` is
    that of workers that serve all models of a batch, "" for workers of its own, ``keep_warm`` how many seconds they
    wait, and ``trust`` whether all of these models are trusted. ``topic`` is where to tell what happens.
    """

    job_schema: Literal["pinlite.job/1"] = Field("pinlite.job/1", alias="schema")
    name: str
    machine: Machine
    folder: str
    settings: dict[str, Any]
    files: Listing
    images: dict[str, str]
    exchange: str
    keeper: str = ""
    keep_warm: float = 0.0
    trust: bool = False
    topic: str = ""

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True)


class Outcome(Frozen):
    """What came of a job: the ``result`` and the ``files`` of its folder, to be had at the job's exchange; or why there
    is nothing. ``refused``: this machine would make something else; ``unavailable``: the exchange does not give or take
    files; ``hindered``: this machine has no room for them. ``worker`` is the worker's name, ``address`` its place.
    """

    worker: str = ""
    address: str = ""
    result: ModelResult | None = None
    files: Listing = Field(default_factory=dict)
    refused: str = ""
    unavailable: str = ""
    hindered: str = ""

    def to_json(self) -> str:
        return self.model_dump_json()
