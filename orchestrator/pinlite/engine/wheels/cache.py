"""The cache: ``<sha256>/<file>`` below one folder, and what each lock was found to install."""

import contextlib
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pinlite import digest
from pinlite.engine.wheels import npm
from pinlite.engine.wheels.pins import Distribution, Pins
from pinlite.errors import ImageError
from pinlite.events import FetchFinished, FetchStarted, Observer
from pinlite.machine import folders, guards, temporary
from pinlite.machine.retries import passes, repeated

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LISTING = TypeAdapter(dict[str, Distribution])


class WheelCache:
    """Files by their hash, shared by all engines, toolchains and runs of a user's."""

    def __init__(self) -> None:
        self.root = folders.cache() / "wheels"
        # What has come of files that are being fetched.
        self.coming = self.root / "coming"

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """Keep collectors away, so that what is found or fetched stays."""
        with self._guarded(shared=True):
            yield

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Wait until nobody uses the files, and keep others from it."""
        with self._guarded(shared=False):
            yield

    def path(self, file: Distribution) -> Path:
        """Where a file is, once it is here."""
        return self.root / file.sha256 / file.filename

    def has(self, file: Distribution) -> bool:
        """Whether all of it is here; its hash was seen when it came, and is seen again by who installs it."""
        try:
            size = self.path(file).stat().st_size
        except OSError:
            return False
        return file.size in (None, size)

    def listed(self, pins: Pins, there: Mapping[str, str], observe: Observer) -> list[Distribution]:
        """The files to install where some packages are ``there`` already, by name and version.

        The index is not asked where all of them are here.

        Raises:
            ImageError: As `Pins.ask`.
        """
        names = pins.beside(there)
        known = self._read(pins)
        if all(name in known and self.has(known[name]) for name in names):
            return [known[name] for name in names]
        found = repeated(pins.ask, passes, observe) | npm.fetched(self, pins)
        return [_sized(found[name], known.get(name)) for name in names if name in found]

    def missing(self, files: Iterable[Distribution]) -> list[Distribution]:
        """Those that have to be fetched, each once, the largest first."""
        found = {file.sha256: file for file in files if not self.has(file)}
        return sorted(found.values(), key=lambda file: (-(file.size or 0), file.filename))

    def fetch(self, files: Collection[Distribution], observe: Observer) -> dict[str, Distribution]:
        """Have the files here, several at a time; each as it is by its bytes, by the sha256 that was expected of it.

        Raises:
            ImageError: One can't be fetched, or is not what its lock names. What has come stays.
        """
        if not files:
            return {}
        from pinlite.engine.wheels import fetching  # noqa: PLC0415  # requests takes time to import

        started = time.monotonic()
        observe(FetchStarted(len(files)))
        here = fetching.fetched(self, files, observe)
        observe(FetchFinished(len(files), sum(file.size or 0 for file in here.values()), time.monotonic() - started))
        return here

    def remember(self, pins: Pins, files: Iterable[Distribution]) -> None:
        """Keep what a lock installs, so that the index need not be asked again."""
        known = self._read(pins)
        found = known | {file.package: file for file in files}
        if found != known:
            listing = self._listing(pins.key)
            listing.parent.mkdir(parents=True, exist_ok=True)
            with temporary.folder(beside=listing) as folder:
                made = Path(folder, listing.name)
                made.write_bytes(_LISTING.dump_json(found))
                made.replace(listing)

    def damaged(self, files: Iterable[Distribution]) -> list[str]:
        """Hash files that are here, and remove those that are not what their places say: their names."""
        here = (file for file in files if self.path(file).exists())
        bad = {self.path(file) for file in here if digest.of_file(self.path(file)) != file.sha256}
        for path in bad:
            path.unlink()
        return sorted(path.name for path in bad)

    def unused(self, keys: Collection[str]) -> list[Path]:
        """What none of the locks needs, by their `Pins.key`: files, what is known of other locks, and what has come of
        files that nobody fetches any more.
        """
        listings = list((self.root / "locks").glob("*.json"))
        kept = {listing for listing in listings if listing.stem in keys}
        needed = {self.path(file) for listing in kept for file in _loaded(listing).values()}
        files = [path for path in self.root.glob("*/*") if _SHA256.fullmatch(path.parent.name)]
        return sorted({*listings, *files, *self.coming.glob("*.part")} - kept - needed)

    def place(self, file: Distribution) -> Path:
        """Where a file is to be moved to. Installers of other users read it: a container's is another one than here."""
        path = self.path(file)
        path.parent.mkdir(mode=0o755, exist_ok=True)
        return path

    def _listing(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.json"

    def _read(self, pins: Pins) -> dict[str, Distribution]:
        return _loaded(self._listing(pins.key))

    @contextlib.contextmanager
    def _guarded(self, *, shared: bool) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(guards.held(self.root / "guard", shared=shared))
            except OSError as error:
                raise ImageError(
                    f"packages can't be kept in {self.root}: {error.strerror}",
                    hint="PINLITE_CACHE moves it to another place",
                ) from error
            yield


def _loaded(listing: Path) -> dict[str, Distribution]:
    """What is known of a lock; nothing where that is damaged."""
    try:
        return _LISTING.validate_json(listing.read_bytes())
    except (OSError, ValidationError):
        return {}


def _sized(file: Distribution, known: Distribution | None) -> Distribution:
    """A file with the size that it was found to have, where the index has told none."""
    if file.size is None and known is not None and known.sha256 == file.sha256:
        return file.model_copy(update={"size": known.size})
    return file
