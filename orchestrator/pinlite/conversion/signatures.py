"""One file of several signatures: each is converted as a model of its own, the files of a variant are joined, and each
signature of that is run and compared with its own reference.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pinlite.conversion.conversion import Begun, Converting, begin, finish
from pinlite.conversion.plan import Plan
from pinlite.conversion.results import Results
from pinlite.conversion.run import Run
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.runner.protocol import Done, Runner
from pinlite.schema.choices import VariantName
from pinlite.schema.report import StageRecord
from pinlite.stages import convert, join
from pinlite.stages.infer import InFile
from pinlite.store import output
from pinlite.store.record import Record


@dataclass(frozen=True)
class Joined:
    """All that a plan of several signatures gave: the ``results`` of each by its name; its ``artifacts`` are the files
    of the variants, and a folder for each signature, with what else there is of it. The ``run`` is the one that joined
    them; ``not_joined`` are the errors of those variants that one of them has no file of.
    """

    plan: Plan
    results: Mapping[str, Results]
    artifacts: Mapping[str, tuple[str, HashedPath]]
    run: Run
    not_joined: Mapping[VariantName, PinliteError]

    @property
    def failures(self) -> dict[VariantName, PinliteError]:
        """The first of each variant."""
        found = {variant: error for each in self.results.values() for variant, error in each.failures.items()}
        return {**found, **self.not_joined}

    @property
    def stages(self) -> tuple[StageRecord, ...]:
        return tuple(itertools.chain(*(each.stages for each in self.results.values()), self.run.stages))

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(itertools.chain(*(each.records for each in self.results.values()), self.run.records))

    @property
    def emulators(self) -> dict[str, str]:
        return {image: name for each in self.results.values() for image, name in each.emulators.items()}

    @property
    def versions(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for versions in (*(each.versions for each in self.results.values()), self.run.versions):
            for image, packages in versions.items():
                found.setdefault(image, {}).update(packages)
        return found


def convert_all(plan: Plan, runner: Runner, folder: Path) -> Joined:
    """What a plan of several signatures gives; ``folder`` is for the files that the conversion makes itself.

    Raises:
        PinliteError: A stage of one of them failed, or every variant did.
    """
    whole = Run(plan, runner, folder)
    begun: dict[str, Begun] = {}
    for name, model in plan.signatures.items():
        (folder / name).mkdir()
        begun[name] = begin(Run(model, runner, folder / name, signature=name))
    failures: dict[VariantName, PinliteError] = {}
    converted: dict[str, dict[VariantName, Converting]] = {name: {} for name in begun}
    places: dict[str, dict[VariantName, InFile]] = {name: {} for name in begun}
    for variant in plan.recipe.variants:
        try:
            done = {name: each.converting[variant]() for name, each in begun.items()}
            alone = {name: each.outputs["model"] for name, each in done.items()}
            joined = whole.do(join.action(variant, alone))
        except PinliteError as error:
            failures[variant] = error
            continue
        for name, made in done.items():
            converted[name][variant] = _in(made, joined.outputs["model"])
            places[name][variant] = InFile(name, joined.result.graphs[name], alone[name])
    if len(failures) == len(plan.recipe.variants):
        raise next(iter(failures.values()))
    results = {name: finish(each, converted[name], places[name]) for name, each in begun.items()}
    runner.release(convert.STAGE)
    return Joined(plan, results, _artifacts(results, folder), whole, failures)


def _in(done: Done[convert.Result], file: HashedPath) -> Converting:
    """What was converted, with the file that it was joined into in place of its own."""
    there = replace(done, outputs={**done.outputs, "model": file})
    return lambda: there


def _artifacts(results: Mapping[str, Results], folder: Path) -> dict[str, tuple[str, HashedPath]]:
    """The files of the variants by name, and the folders of the signatures with the rest."""
    files: dict[str, tuple[str, HashedPath]] = {}
    folders: dict[str, tuple[str, HashedPath]] = {}
    for name, each in results.items():
        shared = {variant.file.path.name: each.artifacts[variant.file.path.name] for variant in each.variants}
        files |= shared
        kept = folder / "signatures" / name
        kept.mkdir(parents=True)
        output.copying({file: own.path for file, (_, own) in each.artifacts.items() if file not in shared})(kept)
        folders[name] = "signature", HashedPath.of(kept)
    return folders | files
