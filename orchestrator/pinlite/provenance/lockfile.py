"""pinlite.lock: recording a conversion, and comparing another one with the record."""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import pinlite
from pinlite import digest, options
from pinlite.errors import NotReproducibleError, UsageError
from pinlite.inputs import paths
from pinlite.machine import writing
from pinlite.options.option import Locked
from pinlite.schema.differences import differences
from pinlite.schema.lock import Lock, LockedImage, LockedStage
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Report
from pinlite.store.record import Record
from pinlite.toolchain import ImageRecipe

# Roles of outputs that tell what a runtime computed.
_MEASURED = ("outputs", "profiled", "evaluated")

# What is known before anything is made.
_GIVEN = ("bases", "options", "environment", "images", "inputs")
_MADE = (*_GIVEN, "stages", "artifacts")

_SHOWN = 8


@dataclass(frozen=True)
class Recorded:
    """A lock, and whether only the ``toolchain`` of a run is held to it: images, packages and options."""

    lock: Lock
    toolchain: bool = False


def given(recipe: Recipe, wanted: Mapping[str, ImageRecipe], inputs: Mapping[str, str]) -> Lock:
    """The lock of a run that has not made anything yet. ``inputs`` are digests by path."""
    return Lock(
        pinlite=pinlite.__version__,
        bases={
            image.base.name: image.base.digest
            for image in wanted.values()
            if image.base.digest and not image.interpreter
        },
        options=recipe.options,
        toolchain=Path(recipe.toolchain).stem,
        environment=_environment(recipe),
        images={
            image.name: LockedImage(identity=image.identity(), packages=digest.of_bytes(image.lock))
            for image in wanted.values()
        },
        inputs=dict(inputs),
        stages={},
        artifacts={},
    )


def _environment(recipe: Recipe) -> dict[str, str]:
    own = recipe.environment
    return {"python": own.python, **own.packages} if own else {}


def made(lock: Lock, records: Iterable[Record], artifacts: Mapping[str, str]) -> Lock:
    """The lock with what was made: the run's records, and the digests of its artifacts by name."""
    stages = {}
    for record in records:
        kept = {
            output.name: output.sha256
            for role, output in record.outputs.items()
            if role.partition(".")[0] not in _MEASURED
        }
        if kept:
            known = record.preimage
            stages[record.stage] = LockedStage(
                image=known.image, parameters=known.parameters, inputs=known.inputs, outputs=kept
            )
    return lock.model_copy(update={"stages": stages, "artifacts": dict(artifacts)})


def hold_given(lock: Lock, recorded: Recorded, of_toolchain: Mapping[str, str]) -> None:
    """NotReproducibleError, unless a run starts from what is on record; ``of_toolchain`` are the inputs that count
    where only the toolchain is held, digests by path.
    """
    before = recorded.lock
    if before.environment and not lock.environment:
        torch = before.environment.get("torch", "of its own")
        raise NotReproducibleError(
            f"the record was made in an environment of the user's own, with torch {torch}",
            hint="give one with the same packages: --python PATH --trust",
        )
    if recorded.toolchain:
        lock, before = (
            each.model_copy(
                update={"inputs": {path: sha256 for path, sha256 in each.inputs.items() if path in of_toolchain}}
            )
            for each in (lock, before)
        )
    _hold(lock, before, _GIVEN)


def hold(lock: Lock, recorded: Recorded) -> None:
    """NotReproducibleError, unless a run came to what is on record; what another model comes to is not held to it."""
    if not recorded.toolchain:
        _hold(lock, recorded.lock, _MADE)


def relative_to(lock: Lock, folder: Path) -> Lock:
    """The lock with its paths, those that are relative to the current folder relative to another one."""
    return _moved(lock, lambda path: paths.seen_from(folder, path))


def below(lock: Lock, folder: Path) -> Lock:
    """The lock with its paths, which are relative to a folder, relative to the current one."""
    return _moved(lock, lambda path: str(folder / path))


def beside(path: Path | None, locked: Locked) -> Recorded:
    """The lock that ``--locked`` speaks of; a UsageError where there is none."""
    if path is None:
        raise UsageError("--locked needs a pinlite.toml, and there is none", hint="give it with --config")
    if not path.exists():
        raise UsageError(
            f"{path} does not exist, so --locked has nothing to compare with",
            hint="convert once without --locked, which writes it",
        )
    return Recorded(read(path), toolchain=locked == "toolchain")


def read(path: Path) -> Lock:
    """The lock in pinlite.lock or report.json, its paths relative to the current folder.

    Raises:
        UsageError: It is neither, or of a release that wrote another schema.
    """
    release = ""
    try:
        content = json.loads(paths.existing_file(path).read_bytes())
        is_report = str(content["schema"]).startswith("pinlite.report/")
        release = str((content["lock"] if is_report else content)["pinlite"])
        if is_report:
            return Report.model_validate(content).lock
        return below(Lock.model_validate(content), path.parent)
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError) as error:
        hint = "give a file that `pinlite convert` has written"
        if release not in ("", pinlite.__version__):
            hint = f"pinlite {release} wrote it, and reads it: {_installed(release)}"
        raise UsageError(f"{path} is neither a pinlite.lock nor a report.json of this version", hint=hint) from error


def _moved(lock: Lock, move: Callable[[str], str]) -> Lock:
    inputs = {move(path): sha256 for path, sha256 in lock.inputs.items()}
    return lock.model_copy(
        update={"options": options.moved(lock.options, move), "inputs": dict(sorted(inputs.items()))}
    )


def write(lock: Lock, path: Path) -> None:
    """Write pinlite.lock, whole or not at all, unless it says the same already."""
    text = json.dumps(relative_to(lock, path.parent).model_dump(mode="json", by_alias=True), sort_keys=True, indent=2)
    try:
        if path.exists() and path.read_text() == text + "\n":
            return
        writing.whole(path, text + "\n")
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}", hint="make its folder writable, or convert without --config"
        ) from error


def _hold(lock: Lock, recorded: Lock, parts: tuple[str, ...]) -> None:
    older = recorded.lock_schema != lock.lock_schema
    now, before = (
        _of_1(each, recorded, parts) if older else each.model_dump(mode="json", include=set(parts))
        for each in (lock, recorded)
    )
    found = list(differences(before, now))
    if found:
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        release = f"; what pinlite {recorded.pinlite} made, that release makes: {_installed(recorded.pinlite)}"
        raise NotReproducibleError(
            "inputs or results differ from the record:" + "".join(f"\n  {line}" for line in found[:_SHOWN]) + more,
            hint="restore what has changed, or convert again to record the new state"
            + release * (recorded.pinlite != lock.pinlite),
        )


def _installed(release: str) -> str:
    """The command that installs a release; a lock may come from a stranger."""
    return f"pip install {shlex.quote(f'pinlite=={release}')}"


def _of_1(lock: Lock, recorded: Lock, parts: tuple[str, ...]) -> dict[str, Any]:
    """What a record of schema 1 can be held to: it knows other images and stages, and fewer of both. But its packages
    must be among today's, and what it made must come out.
    """
    packages = {image.packages for image in lock.images.values()}
    told = {
        "options": lock.options,
        "inputs": lock.inputs,
        "bases": {name: lock.bases.get(name) for name in recorded.bases},
        "images": {name: image.packages in packages for name, image in recorded.images.items()},
        "artifacts": {name: lock.artifacts.get(name) for name in recorded.artifacts},
    }
    return {part: told[part] for part in parts if part in told}
