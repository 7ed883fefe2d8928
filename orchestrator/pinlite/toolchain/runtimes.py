"""Runtimes: the TFLite interpreters of a toolchain, a row each, and those that a conversion may add."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from pinlite.machine import folders
from pinlite.schema.choices import Dtype, VariantName
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import files

_USUAL = "linux/amd64"


class RuntimeRow(Frozen):
    """A row ``[[runtimes]]`` of a toolchain's file; `Runtime` says what its keys mean."""

    image: str
    program: str
    package: str
    select_tf: bool = Field(default=False, alias="select-tf")
    runs: Mapping[VariantName, int] = Field(default_factory=dict)
    arena: bool = False


class AddedRow(RuntimeRow):
    """A row of ``images/runtimes.toml``: a runtime that a conversion adds by its name.

    ``takes`` are the types that it has for inputs and outputs of integers, "" for any; ``open_sizes`` says whether
    sizes may be open until the file runs.
    """

    description: str
    takes: tuple[Dtype, ...] = ()
    open_sizes: bool = Field(default=True, alias="open-sizes")


class _RuntimesFile(Frozen):
    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, AddedRow]


@dataclass(frozen=True)
class Runtime:
    """A TFLite interpreter: the ``program`` of an ``image`` that drives it, and the ``package`` that contains it.

    ``select_tf`` says that it has TensorFlow's operators too. ``runs`` says how many invocations of a variant are
    timed, if not the usual number. ``arena`` says that it has all of its memory given, which is measured. One that was
    ``added`` by ``--runtime`` has to run the files and compute them right, whatever the target asks for. ``platform``
    is what it runs on, as Docker calls it.
    """

    image: str
    program: str
    package: str
    version: str
    select_tf: bool
    runs: Mapping[VariantName, int]
    arena: bool = False
    added: bool = False
    platform: str = _USUAL

    @property
    def name(self) -> str:
        """Package and version, the name in reports; for another processor than the usual one, that, too."""
        _, _, processor = self.platform.partition("/")
        return " ".join([self.package, self.version, *[processor] * (self.platform != _USUAL)])


def added() -> dict[str, AddedRow]:
    """The runtimes that a conversion may add, by name."""
    return files.read(folders.IMAGES / "runtimes.toml", _RuntimesFile).__pydantic_extra__
