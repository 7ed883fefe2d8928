"""Runtimes: the TFLite interpreters of a toolchain, a row each."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen


class RuntimeRow(Frozen):
    """A row ``[[runtimes]]`` of a toolchain's file; `Runtime` says what its keys mean."""

    image: str
    program: str
    package: str
    select_tf: bool = Field(default=False, alias="select-tf")
    runs: Mapping[VariantName, int] = Field(default_factory=dict)
    arena: bool = False


@dataclass(frozen=True)
class Runtime:
    """A TFLite interpreter: the ``program`` of an ``image`` that drives it, and the ``package`` that contains it.

    ``select_tf`` says that it has TensorFlow's operators too. ``runs`` says how many invocations of a variant are
    timed, if not the usual number. ``arena`` says that it has all of its memory given, which is measured.
    """

    image: str
    program: str
    package: str
    version: str
    select_tf: bool
    runs: Mapping[VariantName, int]
    arena: bool = False

    @property
    def name(self) -> str:
        """Package and version, the name in reports."""
        return f"{self.package} {self.version}"
