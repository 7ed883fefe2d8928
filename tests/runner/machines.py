"""Machines that share a registry: each has a store and keys of its own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from runner_conformance import RECIPE, ROLE

from pinlite.events import Event, Notice
from pinlite.registry import Reference
from pinlite.registry.session import Patience
from pinlite.runner import CachingRunner, Runner
from pinlite.runner.sharing import Bounds, Sharing, Standing
from pinlite.store.files import Store
from pinlite.store.remote import RemoteStore
from pinlite.trust.keys import TrustedKeys, key_id

RECIPES = {ROLE: RECIPE}
# A machine that is busy may need some time for what works.
PATIENT = Patience(connect=20, silence=20, pace=1)
IMPATIENT = Patience(connect=1, silence=1, pace=100_000)


def trusting(*keys: Ed25519PrivateKey) -> TrustedKeys:
    return TrustedKeys({key_id(key.public_key()): key.public_key() for key in keys})


class Staying:
    """A runner that was entered before, and is left later: its workers serve many tests."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@dataclass
class Machine:
    """``told`` has the texts of what it gave notice of. Without a key that is ``signing``, it only reads."""

    behind: Runner
    folder: Path
    reference: Reference
    trusted: tuple[Ed25519PrivateKey, ...]
    signing: Ed25519PrivateKey | None = None
    trust: bool = True
    patience: Patience = PATIENT
    bounds: Bounds = field(default_factory=Bounds)
    told: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def remote(self) -> RemoteStore:
        return RemoteStore(self.reference, trusting(*self.trusted), self.signing, self.patience)

    def standing(self) -> Standing:
        return Standing(self.remote(), self.bounds)

    def runner(self, refresh: tuple[str, ...] = (), standing: Standing | None = None) -> CachingRunner:
        shared = Sharing(standing or self.standing(), self.observe)
        return CachingRunner(self.behind, self.store, RECIPES, refresh, self.observe, shared, trust=self.trust)

    def observe(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.told.append(event.text)

    def run(self, action, refresh=()):
        """What an action gives, and where it comes from; files are read, as they go with the runner."""
        with self.runner(refresh) as runner:
            done = runner.run(action)
            files = {role: read(output.path) for role, output in done.outputs.items()}
        return done, files


def read(path: Path):
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return path.read_bytes()
