"""The actions of one run: each looked up in the store, and made by its worker only if nobody has made it before."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock
from pydantic import ValidationError

from pinlite import digest
from pinlite.engine import Engine, Image, choose
from pinlite.events import Notice, Observer, StageFinished, StageStarted
from pinlite.machine import temporary
from pinlite.runner import provision
from pinlite.runner.execute import Done, ResultT, execute
from pinlite.runner.workers import Workers
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import StageRecord
from pinlite.stages.stage import Action, Stage
from pinlite.store import record
from pinlite.store.files import Damaged, Store
from pinlite.store.record import Output, Preimage, Record
from pinlite.toolchain import ImageRecipe

# What tells that a file is still the one that was hashed.
_Signature = tuple[tuple[str, int, int, int], ...]


class Actions:
    """A context: leaving it removes the run's folder, and ends the workers that there are.

    ``stages`` are those of the run in their order, ``wanted`` the recipes of their images by what they call them; the
    engine is asked for when the first of them has to run.
    """

    def __init__(
        self, recipe: Recipe, stages: Sequence[Stage], wanted: Mapping[str, ImageRecipe], observe: Observer
    ) -> None:
        self.records: list[Record] = []
        self._recipe = recipe
        self._stages = stages
        self._images = wanted
        self._observe = observe
        self._store = Store() if recipe.cache else None
        self._workers: Workers | None = None
        self._engine: Engine | None = None
        self._ready: dict[str, Image] = {}
        self._digests: dict[Path, tuple[str, _Signature]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(temporary.folder())).resolve()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def engine(self) -> str:
        """What ran the stages; where none had to run, what ran them when they were made."""
        return self._engine.name if self._engine else next((made.engine for made in self.records), "")

    @property
    def run(self) -> str:
        """The run's name: that of its logs, where something ran."""
        return self._workers.run if self._workers else temporary.random_part(self.folder)

    @property
    def used(self) -> tuple[tuple[ImageRecipe, Image], ...]:
        """Each image that is wanted, as it is here or, where nothing had to run in it, as it was when a stage ran."""
        made_in = {made.preimage.image: made.made_in for made in self.records}
        found = {
            wanted.name: (
                wanted,
                self._ready.get(role) or Image(wanted.name, made_in.get(wanted.name, wanted.identity()), ""),
            )
            for role, wanted in self._images.items()
        }
        return tuple(found.values())

    def do(self, action: Action, result: type[ResultT]) -> Done[ResultT]:
        """The outcome of an action, wherever from. Its outputs are the run's, and stay until the run ends.

        Raises:
            PinliteError: As `pinlite.runner.execute.execute`.
        """
        preimage = self._preimage(action)
        if self._store is None:
            return self._run(action, result, preimage)
        again = not self._is_refreshed(action.stage)
        if again and (done := self._made_before(self._store, preimage, action, result)):
            return done
        with self._alone(self._store, preimage.key):
            if again and (done := self._made_before(self._store, preimage, action, result)):
                return done
            done = self._run(action, result, preimage)
            return self._keep(self._store, action, done)

    def _preimage(self, action: Action) -> Preimage:
        inputs = {role: self._digest(path) for role, path in action.inputs.items()}
        return record.preimage(action, self._images[action.stage.image], inputs)

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            signature = _signature(path)
            self._digests[path] = digest.of_path(path), signature
        return self._digests[path][0]

    def _is_refreshed(self, stage: Stage) -> bool:
        """Whether a stage was named by ``--refresh``, which knows nothing of variants and batch sizes."""
        return any(f"{stage.name}-".startswith(f"{name}-") for name in self._recipe.refresh)

    def _made_before(
        self, store: Store, preimage: Preimage, action: Action, result: type[ResultT]
    ) -> Done[ResultT] | None:
        known = record.load(store, preimage.key)
        if known is None:
            return None
        name, started = action.stage.name, time.monotonic()
        try:
            done = self._restored(store, known, name, result)
        except (Damaged, ValidationError):
            self._observe(Notice(f"what was kept of {name} is damaged: it is made again"))
            return None
        self._observe(StageStarted(name))
        self._observe(StageFinished(name, "hit", time.monotonic() - started))
        return done

    def _restored(self, store: Store, known: Record, name: str, result: type[ResultT]) -> Done[ResultT]:
        checked = result.model_validate(known.result)
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="hit-")) / name
        outputs = record.restore(store, known, folder)
        self._digests |= {
            outputs[role]: (output.sha256, _signature(outputs[role])) for role, output in known.outputs.items()
        }
        self.records.append(known)
        return Done(checked, outputs, _stage_record(known, name), known.versions)

    def _run(self, action: Action, result: type[ResultT], preimage: Preimage) -> Done[ResultT]:
        workers = self._started(action.stage)
        done = execute(action, result, workers, self._observe)
        made = Record(
            preimage=preimage,
            stage=action.stage.name,
            result=done.result.model_dump(mode="json"),
            outputs={
                role: Output(name=path.name, sha256=self._digest(path), folder=path.is_dir(), size=digest.size(path))
                for role, path in done.outputs.items()
            },
            engine=self.engine,
            made_in=self._ready[action.stage.image].identity,
            seconds=done.record.seconds,
            peak_memory=done.record.peak_memory,
            versions=done.versions,
        )
        self.records.append(made)
        return done

    def _keep(self, store: Store, action: Action, done: Done[ResultT]) -> Done[ResultT]:
        """Keep what was made, as long as it was made of what its key says.

        Bytes that are kept already under the key stay, and are what the run goes on with.
        """
        name = action.stage.name
        for path in action.inputs.values():
            if _signature(path) != self._digests[path][1]:
                self._observe(Notice(f"{path} changed while {name} ran: what came of it is not kept"))
                return done
        try:
            kept = record.keep(store, self.records[-1], done.outputs)
        except OSError as error:
            self._observe(Notice(f"what {name} made can't be kept in {store.root}: {error.strerror or error}"))
            return done
        made = self.records[-1].outputs
        if kept.outputs == made:
            return done
        other = ", ".join(sorted(output.name for role, output in made.items() if kept.outputs[role] != output))
        self._observe(Notice(f"{name} is nondeterministic: it made another {other} than before; the first is kept"))
        with contextlib.suppress(Damaged):
            first = self._restored(store, kept, name, type(done.result))
            self.records.pop(-2)
            return replace(first, record=done.record)
        return done

    def _started(self, stage: Stage) -> Workers:
        """The workers; the first time, those of all stages that are still to come are started with them."""
        if self._workers is None:
            engine = choose(self._recipe.engine, self._observe)
            provision.check_trust(self._recipe, engine)
            for leftover in engine.leftovers():
                engine.remove(leftover)
                whose = f"the killed run {leftover.run}" if leftover.run else "a killed run"
                self._observe(Notice(f"removed a {leftover.kind} that {whose} had left"))
            homes = [(each.image, each.program) for each in self._stages]
            home = (stage.image, stage.program)
            ahead = self._stages[homes.index(home) if home in homes else len(homes) :]
            self._have(engine, [stage, *ahead])
            # It looks up images in what `_have` adds to.
            workers = self._stack.enter_context(Workers(engine, self._ready, self._recipe.limits, self._observe))
            workers.start(ahead)
            self._workers, self._engine = workers, engine
        else:
            self._have(self._engine, [stage])
        return self._workers

    def _have(self, engine: Engine | None, stages: Sequence[Stage]) -> None:
        """Find or make the images of the stages."""
        missing = {stage.image: self._images[stage.image] for stage in stages if stage.image not in self._ready}
        if engine and missing:
            found = engine.ensure({recipe.name: recipe for recipe in missing.values()}.values(), self._observe)
            self._ready |= {role: found[recipe.name] for role, recipe in missing.items()}

    @contextlib.contextmanager
    def _alone(self, store: Store, key: str) -> Iterator[None]:
        """Have other processes wait that want to make the same; without a store to write to, nobody can."""
        lock: AbstractContextManager[object] = FileLock(store.lock(key))
        with ExitStack() as held:
            with contextlib.suppress(OSError):
                store.lock(key).parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(lock)
            yield


def _stage_record(known: Record, name: str) -> StageRecord:
    return StageRecord(
        name=name,
        image=known.preimage.image,
        source="hit",
        seconds=known.seconds,
        peak_memory=known.peak_memory,
    )


def _signature(path: Path) -> _Signature:
    files = digest.files_below(path) if path.is_dir() else [path]
    return tuple((str(file), *_stat(file)) for file in files)


def _stat(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
