"""pinlite.lock: the images, inputs and results of a recipe, by digest."""

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from pinlite.schema.frozen import Frozen

# What the one base of locks of schema 1 is called since.
BASE_OF_1 = "python-3.8"


class LockedImage(Frozen):
    """``identity`` is the image's on the public base; ``packages`` the sha256 of its hashed requirements."""

    identity: str
    packages: str


class LockedStage(Frozen):
    """A stage that made something of the result; ``inputs`` by role and ``outputs`` by file name, as sha256."""

    image: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]


def _with_base(schema: dict[str, Any]) -> None:
    """Have the JSON Schema take the ``base`` of schema 1, as `Lock` does."""
    schema["properties"]["base"] = {"type": "string", "description": "Of schema 1, in place of bases."}
    schema["required"].remove("bases")
    schema["oneOf"] = [{"required": ["bases"]}, {"required": ["base"]}]


class Lock(Frozen):
    """What a recipe came to. ``inputs`` are the user's files by path, ``artifacts`` the results by name, as sha256.

    What runtimes compute and how long they take is measured, not made, and no part of it. ``bases`` are the digests of
    the public images that the others stand on, ``images`` those others, by name; ``toolchain`` is the one that was
    chosen, "" in locks that did not say so; ``environment`` has the versions of the packages, and of ``python``, of the
    user's own environment that exported the model. Schema 1, which release 0.1.0 wrote,
    has one ``base``, and other names of images.
    """

    model_config = ConfigDict(json_schema_extra=_with_base)

    lock_schema: Literal["pinlite.lock/1", "pinlite.lock/2"] = Field("pinlite.lock/2", alias="schema")
    pinlite: str
    bases: dict[str, str]
    options: dict[str, Any]
    toolchain: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    images: dict[str, LockedImage]
    inputs: dict[str, str]
    stages: dict[str, LockedStage]
    artifacts: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _with_bases(cls, given: Any) -> Any:
        """Schema 1 has one base, that of Python 3.8."""
        if isinstance(given, dict) and "base" in given:
            return {key: value for key, value in given.items() if key != "base"} | {"bases": {BASE_OF_1: given["base"]}}
        return given
