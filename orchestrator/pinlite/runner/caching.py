"""A runner that looks actions up in the store, and lets another runner run those that are not there.

Behind the store there may be a registry, which other machines share.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from pinlite.digest import HashedPath
from pinlite.engine import Image
from pinlite.events import Notice, Observer, StageFinished, StageStarted, ignore
from pinlite.machine import guards, temporary
from pinlite.runner.protocol import Done, Runner
from pinlite.stages.stage import Action, ResultT, Stage
from pinlite.store import record
from pinlite.store.files import Damaged, Store
from pinlite.store.record import Record
from pinlite.toolchain import ImageRecipe

if TYPE_CHECKING:
    from pinlite.runner.sharing import Sharing


class CachingRunner:
    """A `Runner` before another one, which it enters and leaves. ``recipes`` has the recipes of images, by what stages
    call them; ``refresh`` names stages that are run anew and compared with what was kept. ``sharing``, which it enters
    and leaves too, has what other machines made; ``trust`` says that the user knows who wrote the models that its
    workers read.
    """

    def __init__(
        self,
        behind: Runner,
        store: Store,
        recipes: Mapping[str, ImageRecipe],
        refresh: tuple[str, ...] = (),
        observe: Observer = ignore,
        sharing: "Sharing | None" = None,
        *,
        trust: bool = False,
    ) -> None:
        self._behind = behind
        self._store = store
        self._recipes = recipes
        self._refresh = refresh
        self._observe = observe
        self._sharing = sharing
        self._trust = trust
        # The ids of keys whose records are believed.
        self._keys = sharing.keys if sharing else frozenset[str]()
        # How many threads are filling the runner's folder.
        self._filling = 0
        self._is_left = False
        self._changed = threading.Condition()
        self._stack = ExitStack()

    @property
    def run_id(self) -> str:
        return self._behind.run_id

    @property
    def images(self) -> Mapping[str, Image]:
        return self._behind.images

    def run(self, action: Action[ResultT]) -> Done[ResultT]:
        key = record.preimage(action, self._recipes[action.stage.image]).key
        again = not self._is_refreshed(action.stage)
        if again and (done := self._made_before(key, action)):
            return done
        with self._alone(key):
            if again and (done := self._made_before(key, action) or self._made_elsewhere(key, action)):
                return done
            with self._sharing.held(action.stage) if self._sharing else contextlib.nullcontext():
                ran = self._behind.run(action)
            return self._keep(action, ran)

    def release(self, stage: Stage) -> None:
        self._behind.release(stage)

    def _is_refreshed(self, stage: Stage) -> bool:
        """Whether a stage was named by ``--refresh``, which knows nothing of variants and batch sizes."""
        return any(f"{stage.name}-".startswith(f"{name}-") for name in self._refresh)

    def _made_before(self, key: str, action: Action[ResultT]) -> Done[ResultT] | None:
        known = record.load(self._store, key)
        if known is None or not record.is_believed(known, self._keys):
            return None
        name, started = action.stage.name, time.monotonic()
        try:
            done = self._restored(known, action)
        except (Damaged, ValidationError):
            self._observe(Notice(f"the kept result of {name} is damaged, and is made again"))
            return None
        self._observe(StageStarted(name))
        self._observe(StageFinished(name, "hit", time.monotonic() - started))
        return done

    def _made_elsewhere(self, key: str, action: Action[ResultT]) -> Done[ResultT] | None:
        """What another machine made, kept here from now on."""
        if self._sharing is None:
            return None
        name, started = action.stage.name, time.monotonic()
        with self._filled("shared-") as folder:
            found = self._sharing.find(key, action.stage, folder / name, self._store)
        if found is None:
            return None
        known, paths = found
        try:
            result = action.result.model_validate(known.result)
        except ValidationError:
            self._observe(Notice(f"the shared result of {name} is not what the stage promises, and is made here"))
            return None
        self._observe(StageStarted(name))
        outputs = {role: HashedPath.of(paths[role], output.sha256) for role, output in known.outputs.items()}
        with contextlib.suppress(OSError):  # without room for it, it is there for this run alone
            record.keep(self._store, known, outputs, self._keys)
        self._observe(StageFinished(name, "hit", time.monotonic() - started))
        return Done(name, result, outputs, known, "hit")

    def _restored(self, known: Record, action: Action[ResultT]) -> Done[ResultT]:
        result = action.result.model_validate(known.result)
        with self._filled("hit-") as folder:
            paths = record.restore(self._store, known, folder / action.stage.name)
            outputs = {role: HashedPath.of(paths[role], output.sha256) for role, output in known.outputs.items()}
        return Done(action.stage.name, result, outputs, known, "hit")

    @contextlib.contextmanager
    def _filled(self, prefix: str) -> Iterator[Path]:
        """A new folder in that of the runner, which stays while this context is entered; a CancelledError once the
        runner is left.
        """
        with self._changed:
            if self._is_left:
                raise CancelledError
            self._filling += 1
        try:
            yield Path(tempfile.mkdtemp(dir=self._folder, prefix=prefix))
        finally:
            with self._changed:
                self._filling -= 1
                self._changed.notify_all()

    def _leave(self) -> None:
        """Wait for the threads that are filling the runner's folder; no other one begins to."""
        with self._changed:
            self._is_left = True
            self._changed.wait_for(lambda: not self._filling)

    def _keep(self, action: Action[ResultT], done: Done[ResultT]) -> Done[ResultT]:
        """Keep what was made, and share it, as long as it was made of what its key says.

        Bytes that are kept already under the key stay, and are what the run goes on with.
        """
        for given in action.inputs.values():
            if not given.is_unchanged:
                self._observe(Notice(f"{given.path} changed while {done.name} ran: its result is not kept"))
                return done
        try:
            kept = record.keep(self._store, done.record, done.outputs, self._keys)
        except OSError as error:
            self._observe(
                Notice(f"the result of {done.name} can't be kept in {self._store.root}: {error.strerror or error}")
            )
            kept = done.record
        made = done.record.outputs
        if kept.outputs == made:
            if self._sharing:
                self._sharing.offer(done, action.stage, trust=self._trust)
            return done
        other = ", ".join(sorted(output.name for role, output in made.items() if kept.outputs[role] != output))
        self._observe(
            Notice(f"{done.name} is nondeterministic: it made a different {other} than before; the first one is kept")
        )
        with contextlib.suppress(Damaged, ValidationError):
            first = self._restored(kept, action)
            return Done(done.name, first.result, first.outputs, kept, "ran")
        return done

    @contextlib.contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Have other processes wait that want to make the same; without a store to write to, nobody can."""
        with ExitStack() as held:
            with contextlib.suppress(OSError):
                held.enter_context(guards.held(self._store.lock(key)))
            yield

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(temporary.folder())).resolve()
            stack.callback(self._leave)
            if self._sharing:
                stack.enter_context(self._sharing)
            stack.enter_context(self._behind)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is behind waits for less where the run was interrupted.
        self._stack.__exit__(kind, error, trace)
