"""A whole conversion, from a recipe to a report and a folder of artifacts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite import provenance
from pinlite.conversion.conversion import convert
from pinlite.conversion.plan import Plan, prepare
from pinlite.conversion.results import Results
from pinlite.conversion.run import Shared, runner_of
from pinlite.conversion.signatures import Joined, convert_all
from pinlite.errors import WarnedError
from pinlite.events import Observer, ignore
from pinlite.inputs import dependencies
from pinlite.machine import temporary
from pinlite.provenance import UsedImage, lockfile
from pinlite.provenance.lockfile import Recorded
from pinlite.runner import provision
from pinlite.runner.protocol import Runner
from pinlite.schema.lock import Lock
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Report, Tuning
from pinlite.store import output, times

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def run(recipe: Recipe, observe: Observer = ignore, *, recorded: Recorded | None = None) -> Report:
    """Convert, compare, and write the output folder; where something is ``recorded``, only as far as that holds.

    Raises:
        PinliteError: As engine and stages do; nothing is written then. But where one variant fails and another is
            finished, it carries the report, and what is finished is written.
        NotReproducibleError: Something differs from what is recorded; nothing is written.
        WarnedError: The recipe is strict, and there are warnings; it carries the report, and everything is written.
        ParityError: Outputs differ beyond the tolerance; it carries the report, and everything is written.
        ScoreError: A variant loses too much of PyTorch's score; so does this one.
        ArenaError: A file needs a larger arena than the recipe has; so does this one.
    """
    return run_plan(prepare(recipe, observe), observe, recorded=recorded)


def run_plan(
    plan: Plan,
    observe: Observer = ignore,
    *,
    recorded: Recorded | None = None,
    tuning: Tuning | None = None,
    shared: Shared | None = None,
) -> Report:
    """The same from a plan that is there; ``tuning`` is the search that its way of choosing integers comes from,
    ``shared`` what it has in common with other conversions.
    """
    started = datetime.now(UTC)
    recipe = plan.recipe
    key = _signing_key(recipe)
    output.check(recipe.out, recipe.source.text)
    observe(times.known(recipe.out))
    materials = [each for model in plan.models for each in provenance.given(model.recipe, model.dependencies)]
    lock = beginning(plan, recorded)
    with temporary.folder() as made, runner_of(plan, observe, shared) as runner:
        folder = Path(made).resolve()
        try:
            done = convert_all(plan, runner, folder) if plan.signatures else convert(plan, runner, folder)
        except OSError as unusable:
            raise temporary.unusable(unusable, folder) from unusable
        lock = lockfile.made(lock, done.records, {name: file.sha256 for name, (_, file) in done.artifacts.items()})
        if recorded:
            lockfile.hold(lock, recorded)
        from pinlite.conversion import report as judged  # noqa: PLC0415  # numpy takes time to import

        used = _used(plan, done, runner)
        identities = {image.recipe.name: image.identity for image in used}
        report = judged.report(done, engine=_engine(done), images=identities, lock=lock, started=started, tuning=tuning)
        artifacts = {name: file.path for name, (_, file) in done.artifacts.items()}
        documents = provenance.documents(
            report,
            recipe,
            inside=provenance.below({name: file for name, (_, file) in done.artifacts.items()}),
            used=[image for image in used if image.python],
            materials=dict.fromkeys([*materials, *provenance.below(_shown(plan, folder))]),
            run=provenance.Run(runner.run_id, started, datetime.now(UTC)),
            signers=tuple({made.signed_by for made in done.records} - {""}),
            key=key,
        )
        output.publish(output.copying(artifacts), documents, recipe.out)
        times.note({stage.name: stage.seconds for stage in done.stages if stage.source == "ran"})
    if done.failures:
        error = next(iter(done.failures.values()))
        error.report = report
        error.hint = "; ".join(filter(None, [error.hint, f"{recipe.out} has the variants that are finished"]))
        raise error
    if recipe.strict and report.warnings:
        raise _warned(report, recipe)
    if not report.ok:
        from pinlite.conversion import disagreement  # noqa: PLC0415

        raise disagreement.error(report, recipe, observe)
    return report


def beginning(plan: Plan, recorded: Recorded | None) -> Lock:
    """The lock of a run that has not made anything yet.

    Raises:
        NotReproducibleError: It starts from something else than what is recorded.
    """
    lock = lockfile.given(plan.recipe, plan.images, dependencies.files(plan.dependencies))
    if recorded:
        lockfile.hold_given(lock, recorded, dependencies.files(dependencies.of_toolchain(plan.dependencies)))
    return lock


def _shown(plan: Plan, folder: Path) -> dict[str, Path]:
    """What stages were shown of the user's modules and images, by role; of several signatures by their names, too."""
    found = provision.shown(folder)
    for name in plan.signatures:
        found |= {f"{name}/{role}": place for role, place in provision.shown(folder / name).items()}
    return found


def _used(plan: Plan, done: Results | Joined, runner: Runner) -> list[UsedImage]:
    """Each image of the plan: as it is here or, where nothing had to run in it, as it was when a stage ran."""
    made_in = {made.preimage.image: made.made_in for made in done.records}
    found = []
    for recipe in {image.name: image for image in plan.images.values()}.values():
        versions = done.versions.get(recipe.name, {})
        python, browser = versions.get("python", ""), versions.get(recipe.base.browser, "")
        here = runner.images.get(recipe.name)
        identity = here.identity if here else made_in.get(recipe.name, recipe.identity())
        emulator = done.emulators.get(recipe.name, "")
        found.append(UsedImage(recipe, identity, python, here.id if here else "", browser, emulator))
    return found


def _engine(done: Results | Joined) -> str:
    """What ran the stages; where none had to run, what ran them when they were made."""
    ran = {stage.name for stage in done.stages if stage.source == "ran"}
    return next((made.engine for made in done.records if made.stage in ran), done.records[0].engine)


def _signing_key(recipe: Recipe) -> "Ed25519PrivateKey | None":
    """Read before any work, so that a wrong one costs none."""
    if recipe.sign is None:
        return None
    from pinlite.trust import keys  # noqa: PLC0415  # cryptography is imported only where it is used

    return keys.private_key(recipe.sign, "--sign")


def _warned(report: Report, recipe: Recipe) -> WarnedError:
    first, *others = report.warnings
    more = f", and {len(others)} more" if others else ""
    more += "" if report.ok else "; outputs differ as well"
    return WarnedError(
        f"--strict makes this warning an error: {first.message}{more}",
        hint=f"write that part of the model differently, or convert without --strict; {recipe.out} has the results",
        report=report,
    )
