"""A conversion that is under way: its actions as they run, and what the report says of each."""

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite.conversion.plan import Plan
from pinlite.digest import HashedPath
from pinlite.engine import Engine, choose
from pinlite.engine.sharing.shared import SharedImages
from pinlite.errors import UsageError
from pinlite.events import Observer, ignore
from pinlite.registry import Reference
from pinlite.runner import CachingRunner, LocalRunner, provision
from pinlite.runner.protocol import Done, Runner
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Noted, StageRecord, Warned
from pinlite.stages.stage import Action, Answer, ResultT, Stage, of_signature
from pinlite.store.files import Store
from pinlite.store.record import Record

if TYPE_CHECKING:
    from pinlite.parity import Array
    from pinlite.runner.sharing import Sharing


@dataclass(frozen=True)
class Shared:
    """What several conversions have in common that trust each other's sources: the ``keeper`` of their workers, by its
    name, and for how many seconds one waits for the next of them. ``trust`` says that the user knows who wrote every
    one of the sources.
    """

    keeper: str
    keep_warm: float
    trust: bool = False


def runner_of(plan: Plan, observe: Observer = ignore, shared: Shared | None = None) -> Runner:
    """A runner for a plan, as its recipe wants it: by which engine, and with the store or without; with the workers
    that are ``shared`` with other conversions.

    Once an engine that does not isolate is chosen, what looks like data and is a program is refused with a
    UsageError.
    """

    def engine() -> Engine:
        found = choose(plan.recipe.engine, observe)
        provision.check_trust(plan.recipe, plan.images, found)
        return found

    recipe = plan.recipe
    # The graph of a SavedModel is a program, too.
    asked = shared.keep_warm if shared else recipe.keep_warm
    keep_warm = 0.0 if any(each.source.kind == "saved_model" for each in recipe.models) else asked
    keeper = shared.keeper if shared else ""
    images = SharedImages.chosen(recipe.images, recipe.image_keys)
    local = LocalRunner(engine, plan.images, recipe.limits, observe, plan.stages, keep_warm, keeper, images=images)
    if not recipe.cache:
        return local
    sharing = sharing_of(recipe, observe)
    # One source that is not trusted may have changed what shared workers make of the others.
    trust = shared.trust if shared else recipe.trust
    return CachingRunner(local, Store(), plan.images, recipe.refresh, observe, sharing, trust=trust)


def key_files(recipe: Recipe) -> tuple[Path, ...]:
    """The files that say whose shared results are believed."""
    if not recipe.store:
        return ()
    from pinlite.trust import keys  # noqa: PLC0415  # imports cryptography

    return keys.trusted_files(recipe.trust_keys)


def sharing_of(recipe: Recipe, observe: Observer = ignore) -> "Sharing | None":
    """What a recipe shares with other machines; None where that is nothing.

    Raises:
        UsageError: A key can't be read, or nothing in ``--store`` could be believed.
    """
    if not recipe.store:
        return None
    from pinlite.runner.sharing import Sharing, standing  # noqa: PLC0415  # who asks a registry takes time to import
    from pinlite.trust import keys  # noqa: PLC0415

    signing = keys.signing_key(recipe.signing_key)
    trusted = keys.TrustedKeys.of(key_files(recipe), signing)
    if not trusted:
        raise UsageError(
            f"--store {recipe.store}: no key is trusted, so nothing there could be believed",
            hint="give --trust-key PUBLIC.pem, of whoever signs what is there; or a key that signs, --signing-key",
        )
    return Sharing(standing(Reference.parse(recipe.store), trusted, signing), observe)


@dataclass(frozen=True)
class Run:
    """The actions of a plan, by a runner; ``folder`` has the files that the conversion makes itself, and ``evaluation``
    are the samples that every runtime is scored on. ``signature`` is the one that the run is of, where a file has
    several.

    What ran is noted in its order: ``stages`` as the report has them, ``records`` as the store has them, the package
    ``versions`` of each image, and the ``warnings`` and ``notes`` that stages gave.
    """

    plan: Plan
    runner: Runner
    folder: Path
    evaluation: HashedPath | None = None
    signature: str = ""
    stages: list[StageRecord] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    # They wait for workers, most of them for one that is not theirs alone.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(64, "pinlite-run"), repr=False)

    @property
    def recipe(self) -> Recipe:
        return self.plan.recipe

    def do(self, action: Action[ResultT]) -> Done[ResultT]:
        """What an action gives; errors as those of `pinlite.runner.protocol.Runner.run`."""
        action = self._called(action)
        return self._noted(action, self.runner.run(action))

    def begin(self, action: Action[ResultT]) -> Callable[[], Done[ResultT]]:
        """Have an action run beside what follows. What is returned waits for it, and then says what `do` does; only
        what has been waited for is noted.
        """
        action = self._called(action)
        running = self._threads.submit(self.runner.run, action)
        return functools.cache(lambda: self._noted(action, running.result()))

    def _called(self, action: Action[ResultT]) -> Action[ResultT]:
        return replace(action, stage=of_signature(action.stage, self.signature))

    def release(self, *stages: Stage) -> None:
        """Have those end that serve the stages, as nothing more is to come for them."""
        for stage in stages:
            self._threads.submit(self.runner.release, stage)

    def _noted(self, action: Action[ResultT], done: Done[ResultT]) -> Done[ResultT]:
        self.stages.append(done.stage)
        self.records.append(done.record)
        self.versions.setdefault(done.stage.image, {}).update(done.record.versions)
        if isinstance(done.result, Answer):
            self._warn(action.stage, done.result.warnings)
            self.notes.extend(Noted(stage=action.stage.name, message=message) for message in done.result.notes)
        return done

    def skip(self, stage: Stage, reason: str = "") -> StageRecord:
        """Note a stage that does not run, and why."""
        image = self.plan.toolchain.images[stage.image].name
        name = of_signature(stage, self.signature).name
        skipped = StageRecord(name=name, image=image, source="skipped", reason=reason)
        self.stages.append(skipped)
        return skipped

    def write(self, name: str, arrays: "Mapping[str, Array]") -> HashedPath:
        """A file of arrays in the run's folder, from which actions can take it."""
        from pinlite.inputs import npz  # noqa: PLC0415  # numpy takes time to import

        path = self.folder / name
        npz.write(path, arrays)
        return HashedPath.of(path)

    def _warn(self, stage: Stage, messages: Sequence[str]) -> None:
        """Each once: a stage that comes again, for another size of the batch say, has the same to say."""
        known = {(warned.variant, warned.message) for warned in self.warnings}
        self.warnings.extend(
            Warned(stage=stage.name, message=message, variant=stage.variant)
            for message in dict.fromkeys(messages)
            if (stage.variant, message) not in known
        )
