"""A whole conversion, from a recipe to a report and a folder of artifacts."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pinlite import provenance, toolchain
from pinlite.audit import runtime_faults
from pinlite.conversion import conversion, results
from pinlite.conversion.conversion import Conversion
from pinlite.errors import ParityError, UsageError, WarnedError
from pinlite.events import Observer, ignore
from pinlite.inputs import dependencies
from pinlite.parity import lost_channels
from pinlite.provenance import UsedImage, lockfile
from pinlite.runner import provision
from pinlite.runner.actions import Actions
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Hop, Lock, Report
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
    started = datetime.now(UTC)
    key = _signing_key(recipe)
    output.check(recipe.out)
    given = conversion.given_calibration(recipe)
    materials = provenance.given(recipe)
    chosen = toolchain.load(recipe.toolchain)
    stages = conversion.stages_of(recipe, chosen)
    wanted = provision.image_recipes(chosen, stages, recipe.requirements, observe)
    lock = lockfile.given(recipe, wanted, dependencies.files(recipe))
    if recorded:
        lockfile.hold_given(lock, recorded)
    with Actions(recipe, stages, wanted, observe) as actions:
        try:
            done = Conversion(recipe, chosen, actions, given).convert()
        except OSError as full:
            raise UsageError(
                f"the run's files can't be written to {actions.folder}: {full.strerror}",
                hint="make room there, or let TMPDIR name another folder",
            ) from full
        lock = lockfile.made(lock, actions.records, done.digests)
        if recorded:
            lockfile.hold(lock, recorded)
        identities = {image.name: image.identity for _, image in actions.used}
        report = results.report(recipe, chosen, done, engine=actions.engine, images=identities, lock=lock)
        artifacts = {name: path for name, (_, path) in done.artifacts.items()}
        documents = provenance.documents(
            report,
            recipe,
            inside=provenance.below(artifacts),
            used=[
                UsedImage(used, image.identity, report.versions[image.name]["python"], image.id)
                for used, image in actions.used
                if image.name in report.versions
            ],
            materials=[*materials, *provenance.below(provision.shown(actions.folder))],
            run=provenance.Run(actions.run, started, datetime.now(UTC)),
            key=key,
        )
        output.publish(output.copying(artifacts), documents, recipe.out)
    for error in done.failures.values():
        error.report = report
        error.hint += f"; {recipe.out} has the variants that are finished"
        raise error
    if recipe.strict and report.warnings:
        raise _warned(report, recipe)
    if not report.ok:
        raise _disagreement(report, recipe)
    return report


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
        f"with --strict, a warning is an error: {first.message}{more}",
        hint=f"write that part of the model in another way, or convert without --strict; all is kept in {recipe.out}",
        report=report,
    )


def _disagreement(report: Report, recipe: Recipe) -> ParityError:
    worst = next((hop for hop in report.hops if not hop.passed), None)
    if worst is None:
        lost = next(each for each in report.lost if each.failed)
        return ParityError(
            lost_channels.words(lost),
            hint=f"{lost_channels.hint(lost)}; everything was kept in {recipe.out}",
            report=report,
        )
    by = "in shape or in values that are no numbers" if worst.max_rel_error is None else f"by {worst.max_rel_error:.2g}"
    limit = "" if worst.tolerance is None else f"; the tolerance is {worst.tolerance:g}"
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
        f"{worst.to}{variant} differs from {worst.origin} {by} of the largest magnitude of output {worst.output!r}"
        f"{on}{limit}{_explained(worst, report)}",
        hint="; ".join(hints),
        report=report,
    )


def _explained(hop: Hop, report: Report) -> str:
    """What its runtimes are known to compute wrongly of the file, in words."""
    known = [
        (runtime, fault)
        for variant in report.variants
        if variant.name == hop.variant
        for runtime in (hop.origin, hop.to)
        for fault in runtime_faults.of(runtime, variant.quantization)
    ]
    return "".join(f". {fault.words(runtime)}" for runtime, fault in known)
