"""A whole conversion, from a recipe to a report and a folder of artifacts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite import provenance
from pinlite.auditing import runtime_faults
from pinlite.conversion import report as judged
from pinlite.conversion.conversion import convert
from pinlite.conversion.plan import Plan, prepare
from pinlite.conversion.results import Results
from pinlite.conversion.run import runner_of
from pinlite.errors import ParityError, WarnedError
from pinlite.events import Observer, ignore
from pinlite.inputs import dependencies
from pinlite.machine import temporary
from pinlite.parity import lost_channels
from pinlite.provenance import UsedImage, lockfile
from pinlite.runner import provision
from pinlite.runner.protocol import Runner
from pinlite.schema.lock import Lock
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Hop, Report
from pinlite.store import output

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def run(recipe: Recipe, observe: Observer = ignore, *, recorded: Lock | None = None) -> Report:
    """Convert, compare, and write the output folder; where something is ``recorded``, only if it comes to the same.

    Raises:
        PinliteError: As engine and stages do; nothing is written then. But where one variant fails and another is
            finished, it carries the report, and what is finished is written.
        NotReproducibleError: Something differs from what is recorded; nothing is written.
        WarnedError: The recipe is strict, and there are warnings; it carries the report, and everything is written.
        ParityError: Outputs differ beyond the tolerance; it carries the report, and everything is written.
    """
    return run_plan(prepare(recipe, observe), observe, recorded=recorded)


def run_plan(plan: Plan, observe: Observer = ignore, *, recorded: Lock | None = None) -> Report:
    """The same from a plan that is there."""
    started = datetime.now(UTC)
    recipe = plan.recipe
    key = _signing_key(recipe)
    output.check(recipe.out, recipe.source.text)
    materials = provenance.given(recipe, plan.dependencies)
    lock = lockfile.given(recipe, plan.images, dependencies.files(plan.dependencies))
    if recorded:
        lockfile.hold_given(lock, recorded)
    with temporary.folder() as made, runner_of(plan, observe) as runner:
        folder = Path(made).resolve()
        try:
            done = convert(plan, runner, folder)
        except OSError as unusable:
            raise temporary.unusable(unusable, folder) from unusable
        lock = lockfile.made(lock, done.records, {name: file.sha256 for name, (_, file) in done.artifacts.items()})
        if recorded:
            lockfile.hold(lock, recorded)
        used = _used(plan, done, runner)
        identities = {image.recipe.name: image.identity for image in used}
        report = judged.report(done, engine=_engine(done), images=identities, lock=lock)
        artifacts = {name: file.path for name, (_, file) in done.artifacts.items()}
        documents = provenance.documents(
            report,
            recipe,
            inside=provenance.below(artifacts),
            used=[image for image in used if image.python],
            materials=[*materials, *provenance.below(provision.shown(folder))],
            run=provenance.Run(runner.run_id, started, datetime.now(UTC)),
            key=key,
        )
        output.publish(output.copying(artifacts), documents, recipe.out)
    if done.failures:
        error = next(iter(done.failures.values()))
        error.report = report
        error.hint = "; ".join(filter(None, [error.hint, f"{recipe.out} has the variants that are finished"]))
        raise error
    if recipe.strict and report.warnings:
        raise _warned(report, recipe)
    if not report.ok:
        raise _disagreement(report, recipe)
    return report


def _used(plan: Plan, done: Results, runner: Runner) -> list[UsedImage]:
    """Each image of the plan: as it is here or, where nothing had to run in it, as it was when a stage ran."""
    made_in = {made.preimage.image: made.made_in for made in done.records}
    found = []
    for recipe in {image.name: image for image in plan.images.values()}.values():
        python = done.versions.get(recipe.name, {}).get("python", "")
        here = runner.images.get(recipe.name)
        identity = here.identity if here else made_in.get(recipe.name, recipe.identity())
        found.append(UsedImage(recipe, identity, python, here.id if here else ""))
    return found


def _engine(done: Results) -> str:
    """What ran the stages; where none had to run, what ran them when they were made."""
    ran = {stage.name for stage in done.stages if stage.source == "ran"}
    return next((made.engine for made in done.records if made.stage in ran), done.records[0].engine)


def _signing_key(recipe: Recipe) -> "Ed25519PrivateKey | None":
    """Read before any work, so that a wrong one costs none."""
    if recipe.sign is None:
        return None
    from pinlite.provenance import signature  # noqa: PLC0415  # cryptography is imported only where it is used

    return signature.private_key(recipe.sign)


def _warned(report: Report, recipe: Recipe) -> WarnedError:
    first, *others = report.warnings
    more = f", and {len(others)} more" if others else ""
    more += "" if report.ok else "; outputs differ as well"
    return WarnedError(
        f"--strict makes this warning an error: {first.message}{more}",
        hint=f"write that part of the model differently, or convert without --strict; {recipe.out} has the results",
        report=report,
    )


def _disagreement(report: Report, recipe: Recipe) -> ParityError:
    worst = next((hop for hop in report.hops if not hop.passed), None)
    if worst is None:
        lost = next(each for each in report.lost if each.failed)
        return ParityError(
            lost_channels.words(lost),
            hint=f"{lost_channels.hint(lost)}; the results are kept in {recipe.out}",
            report=report,
        )
    measured = worst.tolerance is not None and worst.max_rel_error is not None
    limit = f"; the tolerance is {worst.tolerance:g}" if measured else ""
    on = f" on the profile `{worst.profile}`" if worst.profile else ""
    variant = f" ({worst.variant})" if worst.variant not in (None, "float32") else ""
    option = f"--variant-tolerance {worst.variant}=NUMBER" if variant else "--tolerance"
    hints = [f"everything was kept in {recipe.out}; report.json has all hops, {option} allows more"]
    if worst.profile:
        hints.append("the profile is in profiles.npz; --samples compares on samples of yours instead")
    if worst.profile and (worst.origin, worst.to) == ("torch", "onnxruntime"):
        hints.append(
            "what the model's code decides by its input is frozen as the samples had it: write it with operators"
        )
    return ParityError(
        f"{worst.to}{variant} differs from {worst.origin} {_distance(worst)}{on}{limit}{_explained(worst, report)}",
        hint="; ".join(hints),
        report=report,
    )


def _distance(hop: Hop) -> str:
    """How far apart two runtimes are on an output, in words."""
    if hop.max_abs_error is None:
        return f"in the shape of output {hop.output!r}, or in where it is NaN or infinite"
    if hop.max_rel_error is None:
        return f"by {hop.max_abs_error:.2g} in output {hop.output!r}, which is all zeros there"
    return f"by {hop.max_rel_error:.2g} of the largest magnitude of output {hop.output!r}"


def _explained(hop: Hop, report: Report) -> str:
    """What its runtimes are known to compute wrongly of the file, in words."""
    known = [
        (runtime, fault)
        for variant in report.variants
        if variant.name == hop.variant
        for runtime in (hop.origin, hop.to)
        for fault in runtime_faults.known(runtime, runtime_faults.of_file(variant.audit, variant.quantization))
    ]
    return "".join(f". {fault.words(runtime)}" for runtime, fault in known)
