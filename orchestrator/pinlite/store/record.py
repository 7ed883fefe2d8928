"""The record of an action: everything that its key is made from, the stage's result, and the digests of its outputs."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pinlite import contract, digest
from pinlite.digest import HashedPath
from pinlite.errors import UsageError
from pinlite.schema.differences import differences
from pinlite.schema.frozen import Frozen
from pinlite.stages.stage import Action
from pinlite.store import collection
from pinlite.store.files import Damaged, Store
from pinlite.toolchain import ImageRecipe


class Preimage(Frozen):
    """All that decides what an action makes; the sha256 of its canonical JSON is the action's key.

    ``inputs`` are digests and ``outputs`` file names, by role; ``environment`` is what the worker sees of one.
    """

    preimage_schema: Literal["pinlite.action/2"] = Field("pinlite.action/2", alias="schema")
    image: str
    identity: str
    program: str
    operation: str
    contract: int
    platform: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    environment: dict[str, str]

    @property
    def key(self) -> str:
        return digest.of_json(self.model_dump(mode="json", by_alias=True))


class Output(Frozen):
    """A file or folder by its digest; ``size`` is in bytes."""

    name: str
    sha256: str
    folder: bool
    size: int


class Record(Frozen):
    """``engine``, ``made_in`` (the identity of the image on the base that was there), ``seconds``, ``peak_memory`` in
    bytes and ``versions`` are those of the run that made it. What comes from elsewhere is ``signed_by`` a key, and as
    good as that key; what was made here is by none.
    """

    preimage: Preimage
    stage: str
    result: dict[str, Any]
    outputs: dict[str, Output]
    engine: str
    made_in: str
    seconds: float
    peak_memory: int
    versions: dict[str, str]
    signed_by: str = ""


# The ids of keys whose records are believed.
Keys = Collection[str]


def preimage(action: Action[Any], image: ImageRecipe) -> Preimage:
    """Of an action in an image."""
    return Preimage(
        image=image.name,
        identity=image.identity(),
        program=action.stage.program,
        operation=action.stage.operation,
        contract=contract.VERSION,
        platform=image.base.platform,
        parameters=dict(action.parameters),
        inputs={role: given.sha256 for role, given in action.inputs.items()},
        outputs=dict(action.outputs),
        environment=contract.ENVIRONMENT,
    )


def load(store: Store, key: str) -> Record | None:
    """The record of a key; one of another form, or of another key, is dropped."""
    found = store.read("actions", key)
    if found is None:
        return None
    try:
        record = Record.model_validate(found)
    except ValidationError:
        record = None
    if record is None or record.preimage.key != key:
        store.drop("actions", key)
        return None
    return record


def restore(store: Store, record: Record, folder: Path) -> dict[str, Path]:
    """Lay the outputs in a new folder; by role, where they are.

    Raises:
        Damaged: One of them is not what it was. The record is dropped with it.
    """
    key = record.preimage.key
    folder.mkdir(parents=True)
    try:
        for output in record.outputs.values():
            store.take(output.sha256, folder / output.name, folder=output.folder, linked=True)
    except Damaged:
        store.drop("actions", key)
        raise
    store.note_use("actions", key)
    return {role: folder / output.name for role, output in record.outputs.items()}


def is_believed(record: Record, keys: Keys) -> bool:
    """Whether it was made here, or one of the keys has signed it."""
    return not record.signed_by or record.signed_by in keys


def keep(store: Store, made: Record, outputs: Mapping[str, HashedPath], keys: Keys = ()) -> Record:
    """Keep an action with its outputs; the record that is kept.

    What was kept first stays: where an earlier record, by one of the ``keys`` or made here, has other bytes, it is that
    one.

    Raises:
        OSError: There is no room, or the store can't be written.
    """
    with store.committing():
        earlier = load(store, made.preimage.key)
        if earlier and is_believed(earlier, keys) and earlier.outputs != made.outputs:
            return earlier
        for file in outputs.values():
            store.put(file.path, file)
        store.write("actions", made.preimage.key, made.model_dump(mode="json", by_alias=True))
    return made


def known(store: Store, beginning: str) -> Preimage:
    """What the key of an action is made of, by the beginning of the key; a UsageError where it is none."""
    kind, key = collection.find(store, beginning)
    found = load(store, key) if kind == "actions" else None
    if found is None:
        raise UsageError(f"{key} is the key of a whole command", hint="give one of a stage")
    return found.preimage


def nearest(store: Store, to: Preimage) -> Preimage | None:
    """The key of the same stage that differs in the fewest parts."""
    loaded = (load(store, key) for kind, key in collection.keys(store) if kind == "actions" and key != to.key)
    others = [each.preimage for each in loaded if each and _home(each.preimage) == _home(to)]
    return min(others, key=lambda each: (len(list(differences_of(to, each))), each.key), default=None)


def differences_of(one: Preimage, other: Preimage) -> Iterator[str]:
    return differences(one.model_dump(mode="json"), other.model_dump(mode="json"))


def _home(preimage: Preimage) -> tuple[str, str, str]:
    return preimage.image, preimage.program, preimage.operation
