"""The runner of this machine: each action in a worker of an engine."""

import functools
import itertools
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from pinlite import digest
from pinlite.digest import HashedPath
from pinlite.engine import Engine, Image, Job, VenvEngine, Worker
from pinlite.engine.sharing.shared import SharedImages, ensured
from pinlite.events import Notice, Observer, ignore
from pinlite.runner.execute import execute
from pinlite.runner.protocol import Done, Shared
from pinlite.runner.workers import Workers
from pinlite.schema.recipe import Limits
from pinlite.stages.stage import Action, ResultT, Stage
from pinlite.store import record
from pinlite.store.record import Output, Record
from pinlite.toolchain import ImageRecipe

# The keepers of whose runs one has looked for what killed runs had left: each of a thousand need not.
_SWEPT: set[str] = set()


def new_run_id() -> str:
    return uuid.uuid4().hex[:12]


class LocalRunner:
    """A `Runner`. ``choose`` gives the engine, when the first action has to run, and ``recipes`` has the recipes of
    images, by what stages call them.

    ``ahead`` are the stages of a plan in their order: with the first of them that has to run, the workers of all that
    are still to come are started, so that their imports overlap. Workers that run no user code stay for other runs, for
    ``keep_warm`` seconds: for all of the user's, or for those alone that name the same ``keeper``. ``shared`` says
    whose files those have read that ``choose``'s engine starts, where these do not serve this run alone. ``images`` is
    where images are pulled from before any is made, if that is not what the environment names.
    """

    def __init__(
        self,
        choose: Callable[[], Engine],
        recipes: Mapping[str, ImageRecipe],
        limits: Limits,
        observe: Observer = ignore,
        ahead: Sequence[Stage] = (),
        keep_warm: float = 0.0,
        keeper: str = "",
        shared: Shared = "run",
        images: SharedImages | None = None,
    ) -> None:
        self.run_id = new_run_id()
        self._choose = choose
        self._recipes = recipes
        self._limits = limits
        self._observe = observe
        self._ahead = ahead
        self._keep_warm = keep_warm
        self._images = images
        self._keeper = keeper
        self._shared: Shared = ("batch" if keeper else "user") if keep_warm else shared
        self._beside = VenvEngine()
        self._started: tuple[Engine, Workers] | None = None
        # By what stages call them.
        self._ready: dict[str, Image] = {}
        self._keeps_none = False
        self._is_left = False
        self._stack = ExitStack()
        self._starting = threading.Lock()

    @property
    def images(self) -> Mapping[str, Image]:
        return {image.name: image for image in self._ready.values()}

    def run(self, action: Action[ResultT]) -> Done[ResultT]:
        with self._starting:
            engine, workers = self._started or self._start(action.stage)
            self._have(engine, [action.stage])
        executed = execute(action, workers, self._observe)
        outputs = {role: HashedPath.of(path) for role, path in executed.outputs.items()}
        made = Record(
            preimage=record.preimage(action, self._recipes[action.stage.image]),
            stage=action.stage.name,
            result=executed.result.model_dump(mode="json"),
            outputs={
                role: Output(
                    name=file.path.name, sha256=file.sha256, folder=file.path.is_dir(), size=digest.size(file.path)
                )
                for role, file in outputs.items()
            },
            engine=engine.name,
            made_in=self._ready[action.stage.image].identity,
            seconds=executed.seconds,
            peak_memory=executed.peak_memory,
            versions=executed.versions,
        )
        return Done(
            action.stage.name,
            executed.result,
            outputs,
            made,
            "ran",
            isolated=engine.isolates and not self._recipes[action.stage.image].interpreter,
            shared="run" if action.stage.runs_user_code else self._shared,
        )

    def release(self, stage: Stage) -> None:
        # No action has needed an image that is not there.
        if self._started and stage.image in self._ready:
            _, workers = self._started
            workers.release(stage)

    def _start(self, first: Stage) -> tuple[Engine, Workers]:
        """The engine and its workers, those of all stages that are still to come among them; a CancelledError where the
        runner is left, which then has no workers.
        """
        if self._is_left:
            raise CancelledError
        engine = self._choose()
        if self._keeper not in _SWEPT:
            self._remove_leftovers(engine)
        ahead = [*itertools.dropwhile(lambda stage: stage.home != first.home, self._ahead)]
        self._have(engine, [first, *ahead])
        # It looks up images in what `_have` adds to.
        start = functools.partial(self._start_worker, engine=engine)
        workers = Workers(
            *(start, self._ready, self._limits, self._observe),
            run=self.run_id,
            keep_warm=self._keep_warm,
            keeper=self._keeper,
        )
        self._started = engine, self._stack.enter_context(workers)
        if self._is_left:
            self._stack.close()
            raise CancelledError
        workers.start(ahead)
        return self._started

    def _remove_leftovers(self, engine: Engine) -> None:
        for leftover in engine.leftovers():
            engine.remove(leftover)
            whose = f"the killed run {leftover.run}" if leftover.run else "a killed run"
            self._observe(Notice(f"removed a {leftover.kind} that {whose} had left"))
        if self._keeper:
            _SWEPT.add(self._keeper)

    def _have(self, engine: Engine, stages: Sequence[Stage]) -> None:
        """Find or make the images of the stages."""
        missing = {stage.image: self._recipes[stage.image] for stage in stages if stage.image not in self._ready}
        if missing:
            recipes = {recipe.name: recipe for recipe in missing.values()}.values()
            ours = [recipe for recipe in recipes if not recipe.interpreter]
            found = ensured(engine, ours, self._images, self._observe)
            if own := [recipe for recipe in recipes if recipe.interpreter]:
                found |= self._beside.ensure(own, self._observe)
            self._ready |= {role: found[recipe.name] for role, recipe in missing.items()}

    def _start_worker(self, job: Job, engine: Engine) -> Worker:
        """Whatever the engine: an environment of the user's own is on this machine."""
        if job.keep_warm and not self._keeps_none:
            from pinlite.engine import warm  # noqa: PLC0415  # sockets take time to import

            try:
                return warm.borrow(engine.name, job)
            except OSError as error:
                self._keeps_none = True
                self._observe(Notice(f"no workers are kept warm: {error}"))
        return (self._beside if job.image.interpreter else engine).start(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What a thread enters from now on it leaves itself.
        self._is_left = True
        self._stack.close()
