"""What a task needs elsewhere: its options, and all files that it reads, laid where workers take them from."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite import options
from pinlite.batch.cluster import machines
from pinlite.batch.cluster.exchange import Exchange, tried
from pinlite.batch.cluster.job import Blob, Job
from pinlite.batch.tasks import Task
from pinlite.conversion import plan
from pinlite.conversion.plan import Plan
from pinlite.conversion.run import Shared, key_files
from pinlite.digest import files_below, of_file
from pinlite.errors import UsageError
from pinlite.events import Observer
from pinlite.inputs.dependencies import Dependency
from pinlite.schema.recipe import Recipe
from pinlite.store import output, runs
from pinlite.store.runs import State

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Private keys stay here: what they sign is signed here, or by a key that a worker has itself.
_OURS = ("sign", "signing-key")
# CPython 3.11 counts the depth of `ast.parse` for all threads together: of two at a time one fails with a SystemError.
_reading_code = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """A task that can be carried out elsewhere, by ``job``; ``before`` is what its recipe read, ``key`` what signs."""

    task: Task
    recipe: Recipe
    before: State
    job: Job
    key: "Ed25519PrivateKey | None"


def sent(task: Task, exchange: Exchange, shared: Shared | None, topic: str, observe: Observer) -> Sent:
    """Lay what a task needs.

    Raises:
        UsageError: An option or a file is wrong, or is of this machine alone.
        RegistryError: The exchange is away, or refuses.
    """
    with _reading_code:
        recipe = options.resolve(task.settings)
        planned = plan.prepare(recipe, observe)
    if recipe.environment:
        raise UsageError(
            "--python names an environment of this machine, which workers of a cluster do not have",
            hint="convert without --scheduler and --workers; or give --toolchain and --with, which hold everywhere",
        )
    output.check(recipe.out, recipe.source.text)
    files = {Path(os.path.abspath(path)).as_posix(): blob for path, blob in _needed(planned)}  # noqa: PTH100  # links stay
    job = Job(
        name=task.name,
        machine=machines.this(),
        folder=Path.cwd().as_posix(),
        settings={key: value for key, value in task.settings.items() if key not in _OURS},
        files=files,
        images={image.name: image.identity() for image in planned.images.values()},
        exchange=exchange.address,
        keeper=shared.keeper if shared else "",
        keep_warm=shared.keep_warm if shared else 0.0,
        trust=shared.trust if shared else False,
        topic=topic,
    )
    if files:
        by_content = {blob: Path(path) for path, blob in files.items()}
        tried(lambda: exchange.put(by_content), observe)
    return Sent(task, recipe, runs.state(planned.dependencies, *key_files(recipe)), job, _signing(recipe))


def _needed(planned: Plan) -> Iterator[tuple[Path, Blob]]:
    for each in planned.dependencies:
        if not each.is_own:
            yield from _files(each)
    for key in planned.recipe.trust_keys:
        yield key, _blob(key)


def _files(dependency: Dependency) -> Iterator[tuple[Path, Blob]]:
    if not dependency.digest:
        return
    if dependency.files is not None:
        yield from (
            (dependency.path / name, _blob(dependency.path / name, sha)) for name, sha in dependency.files.items()
        )
        return
    for name, sha256 in dependency.parts.items():
        if Path(name).is_dir():
            yield from ((path, _blob(path)) for path in files_below(Path(name)))
        else:
            yield Path(name), _blob(Path(name), sha256)


def _blob(path: Path, sha256: str = "") -> Blob:
    try:
        return Blob(sha256=sha256 or of_file(path), size=path.stat().st_size)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="check its permissions") from error


def _signing(recipe: Recipe) -> "Ed25519PrivateKey | None":
    if recipe.sign is None:
        return None
    from pinlite.trust import keys  # noqa: PLC0415  # cryptography is imported only where it is used

    return keys.private_key(recipe.sign, "--sign")
