"""One comparison of ours with theirs: a model by both converters, in turns, and both files in turns in each runtime."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import converters, pairs
from bench.commands import FailedError, run
from bench.converters import Converter, Kind, Pinlite
from bench.exports import Export
from bench.pairs import Made, Match, Pair, Quartiles, Result, Run, Targets

RACE = Path(__file__).with_name("race.py")
HEATS = 16
SECONDS = 0.5


@dataclass(frozen=True)
class Runtime:
    """An interpreter: the Python that has it, its module there, and how many threads it is given."""

    name: str
    python: Path
    module: str
    threads: int


@dataclass(frozen=True)
class Comparison:
    """Ours beside a peer's, in which runtimes, ``rounds`` runs of each converter. ``warm`` is ours with workers
    that are waiting, if that is measured; ``models`` are those that it is about, if it is not about all.
    """

    kind: Kind
    ours: Pinlite
    peer: str
    theirs: Converter
    runtimes: tuple[Runtime, ...] = ()
    warm: Pinlite | None = None
    models: tuple[str, ...] = ()
    targets: Targets = pairs.NONE

    @property
    def name(self) -> str:
        return f"{self.kind.name} {self.ours.target} {self.peer}"

    def result(self, made: Sequence[Pair], *, everything: bool) -> Result:
        """The pairs as what they are to show."""
        runtimes = tuple(runtime.name for runtime in self.runtimes)
        return Result(self.name, self.targets, runtimes, tuple(made), everything=everything)

    def pair(self, export: Export, out: Path, rounds: int) -> Pair:
        """A model by both; ``out`` gets the files."""
        entrants = [self.ours, self.theirs, *filter(None, [self.warm])]
        files = [out / f"{side}.tflite" for side in ("ours", "theirs", "warm")[: len(entrants)]]
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="peers-") as name:
            scratch = Path(name)
            if self.warm:
                self.warm.convert(export, self.kind, scratch, files[-1])
            made = [Made() for _ in entrants]
            for _ in range(rounds):
                for at, (entrant, file) in enumerate(zip(entrants, files, strict=True)):
                    if not made[at].error:
                        now = entrant.convert(export, self.kind, scratch, file)
                        made[at] = replace(now, seconds=(*made[at].seconds, *now.seconds))
            if self.warm:
                subprocess.run([sys.executable, "-m", "pinlite", "clean"], check=True, stdout=subprocess.DEVNULL)
            matches = {each.name: self._match(each, export, scratch, made[:2], files[:2]) for each in self.runtimes}
        ours, theirs, *warm = made
        return Pair(export.model.name, ours, theirs, *warm, matches=matches, bytes=export.onnx.stat().st_size)

    def _match(
        self, runtime: Runtime, export: Export, scratch: Path, made: Sequence[Made], files: Sequence[Path]
    ) -> Match:
        # Each alone first: one that ends the process must not take the other with it.
        runs = [
            Run(error=each.error) if each.error else self._run(runtime, export, scratch, file)
            for each, file in zip(made, files, strict=True)
        ]
        if not all(run.right for run in runs):
            return Match(*runs)
        heats = _raced(runtime, export, scratch, files, heats=HEATS)["heats"]
        timed = [replace(run, milliseconds=_milliseconds(heats, at)) for at, run in enumerate(runs)]
        return Match(*timed, pairs.latency(heats))

    def _run(self, runtime: Runtime, export: Export, scratch: Path, file: Path) -> Run:
        try:
            ((difference, cosine),) = _raced(runtime, export, scratch, [file], heats=0)["agreements"]
        except FailedError as error:
            return Run(error=str(error))
        right = difference is not None and difference <= self.kind.tolerance
        return Run(difference, cosine, right=right)


def _milliseconds(heats: Sequence[Sequence[Sequence[float]]], at: int) -> Quartiles:
    return pairs.of([round(turn, 4) for heat in heats for turn in heat[at]])


def _raced(runtime: Runtime, export: Export, scratch: Path, files: Sequence[Path], *, heats: int) -> dict[str, Any]:
    """What race.py found in a process of its own."""
    found, own = scratch / "race.json", converters.reference(files[0])
    command = [runtime.python, RACE, *files, "--runtime", runtime.module, "--threads", str(runtime.threads)]
    command += ["--samples", export.samples, "--reference", own if own.exists() else export.reference]
    run([*command, "--heats", str(heats), "--seconds", str(SECONDS), "--out", found])
    return json.loads(found.read_text())
