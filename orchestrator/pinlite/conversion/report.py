"""The report of a conversion: its results, compared and judged."""

import functools
import gzip
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from pinlite import digest, parity
from pinlite.auditing import file_audit, runtime_faults
from pinlite.conversion.results import Results, Variant
from pinlite.conversion.signatures import Joined
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.machine import processor
from pinlite.parity import lost_channels, profiles
from pinlite.parity.profiles import Computed, Judge
from pinlite.schema.choices import VariantName
from pinlite.schema.lock import Lock
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import (
    Artifact,
    Failure,
    Hop,
    Lost,
    Machine,
    ProfileReport,
    Report,
    RuntimeReport,
    SignatureReport,
    Tensor,
    Tuning,
    VariantReport,
    Warned,
)
from pinlite.stages import audit, infer
from pinlite.stages.stage import BATCHES, of_variant

# The variants whose numbers are floats: they are held to the reference.
_FLOATS: tuple[VariantName, ...] = ("float32", "float16")

# How `VariantReport.beyond_calibration` calls what is no profile.
_SAMPLES = "samples"

_NOT_RUN = "it took too long, or the model does not take these samples"

# What gzip itself takes unless it is told otherwise.
_GZIP_LEVEL = 6


def report(
    results: Results | Joined,
    *,
    engine: str,
    images: dict[str, str],
    lock: Lock,
    started: datetime,
    tuning: Tuning | None = None,
) -> Report:
    """``images`` are the identities of the images, by name; ``started`` is of UTC; ``tuning`` is the search that chose
    how integers are.
    """
    told = functools.partial(_of_model, engine=engine, images=images, started=started, tuning=tuning)
    if isinstance(results, Results):
        return told(results, lock=lock)
    sums = {name: file.sha256 for each in results.results.values() for name, (_, file) in each.artifacts.items()}
    own = lock.model_copy(update={"artifacts": sums})
    return _of_signatures(results, {name: told(each, lock=own) for name, each in results.results.items()}, lock)


# What the report has of each model, under the names of signatures where there are several.
_OF_MODELS = ("hops", "profiles", "lost", "variants", "failures", "warnings", "notes")


def _of_signatures(results: Joined, reports: Mapping[str, Report], lock: Lock) -> Report:
    """The reports of all signatures as one."""
    entries = {
        key: tuple(
            each.model_copy(update={"signature": name})
            for name, report in reports.items()
            for each in getattr(report, key)
        )
        for key in _OF_MODELS
    }
    entries["failures"] += tuple(_failure(variant, error) for variant, error in results.not_joined.items())
    entries["notes"] += tuple(results.run.notes)
    first, *_ = reports.values()
    return first.model_copy(
        update={
            **entries,
            "ok": not results.failures and all(report.ok for report in reports.values()),
            "source": results.plan.recipe.source.text,
            "tolerance": max(report.tolerance for report in reports.values()),
            "signatures": tuple(
                SignatureReport(
                    name=name,
                    source=report.source,
                    seed=report.seed,
                    opset=report.opset,
                    tolerance=report.tolerance,
                    exporter=report.exporter,
                    calibration=report.calibration,
                )
                for name, report in reports.items()
            ),
            "stages": results.stages,
            "artifacts": _artifacts(results, lock),
            "calibration": None,
            "versions": results.versions,
            "lock": lock,
        }
    )


def _artifacts(results: Results | Joined, lock: Lock) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(role=role, path=name, sha256=lock.artifacts[name], size=digest.size(file.path))
        for name, (role, file) in results.artifacts.items()
    )


def _of_model(
    results: Results,
    *,
    engine: str,
    images: dict[str, str],
    lock: Lock,
    started: datetime,
    tuning: Tuning | None,
) -> Report:
    recipe, toolchain = results.plan.recipe, results.plan.toolchain
    (origin, _), *_ = results.lowered.outputs.items()
    beyond = {variant.name: _beyond(variant, results) for variant in results.variants}
    computed = _computed(results)
    hops = (*_hops(results, recipe, beyond), *_on_profiles(results, recipe, computed))
    lost = tuple(_lost(results, recipe, computed, beyond))
    artifacts = {each.path: each for each in _artifacts(results, lock)}
    fallen = results.evaluation.fallen if results.evaluation else ()
    wrong = (*(hop for hop in hops if not hop.passed), *(each for each in lost if each.failed), *fallen)
    large = [each for each in results.variants if each.arena and each.arena.least > (recipe.arena or each.arena.least)]
    return Report(
        ok=not wrong and not results.failures and not large,
        date=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        machine=Machine(processor=processor.name(), threads=processor.threads()),
        engine=engine,
        source=recipe.source.text,
        lowering=recipe.lowering,
        tolerance=recipe.tolerance,
        seed=recipe.seed,
        opset=recipe.opset,
        exporter=results.lowered.exporter,
        toolchain_name=toolchain.name,
        toolchain=images,
        target=recipe.target,
        runtimes=tuple(
            RuntimeReport(
                name=runtime.name,
                package=runtime.package,
                version=runtime.version,
                image=runtime.image,
                required=results.requires(runtime.name),
                platform=runtime.platform,
                emulator=results.emulators.get(runtime.image, ""),
            )
            for runtime in toolchain.runtimes
        ),
        stages=results.stages,
        artifacts=tuple(artifacts.values()),
        hops=hops,
        profiles=tuple(_profiles(results, computed)),
        lost=lost,
        variants=tuple(
            _variant(
                variant,
                artifacts[variant.file.path.name],
                [hop for hop in hops if hop.origin == origin and hop.profile is None],
                beyond[variant.name],
                results,
            )
            for variant in results.variants
        ),
        failures=tuple(_failure(variant, error) for variant, error in results.failures.items()),
        warnings=(*results.warnings, *_never_finite(computed[0]), *_warned(results, lost)),
        notes=results.notes,
        calibration=results.calibration and results.calibration.report,
        training=results.lowered.training,
        evaluation=results.evaluation,
        tuning=tuning,
        versions=results.versions,
        lock=lock,
    )


def _hops(results: Results, recipe: Recipe, beyond: Mapping[VariantName, tuple[str, ...]]) -> Iterator[Hop]:
    told = [name for name, samples in beyond.items() if _SAMPLES in samples]
    computed = [(each, {runtime: ran.outputs for runtime, ran in each.ran.items()}) for each in results.variants]
    yield from _compared(recipe, results, results.lowered.outputs, computed, told)
    if results.lowered.wider:
        at = f" at batch {BATCHES[0]}"
        wider = [
            (each, {runtime: ran.wider for runtime, ran in each.ran.items() if ran.wider}) for each in results.variants
        ]
        yield from _compared(recipe, results, results.lowered.wider, wider, told, at)


def _compared(
    recipe: Recipe,
    results: Results,
    outputs: Mapping[str, HashedPath],
    variants: Sequence[tuple[Variant, Mapping[str, HashedPath]]],
    told: Sequence[VariantName],
    at: str = "",
) -> Iterator[Hop]:
    """Hops on the samples; those variants that are ``told`` are not judged."""
    (origin, first), *others = outputs.items()
    reference = parity.read(first.path)
    profiled = results.lowered.profiled.get(origin)
    elsewhere = profiles.read(profiled.path).get(profiles.NORMAL) if profiled else None
    for runtime, file in others:
        arrays = parity.read(file.path)
        yield from parity.compare(origin, reference, runtime + at, arrays, recipe.tolerance, elsewhere=elsewhere)
    for variant, files in variants:
        judged = variant.name not in told
        tolerance = parity.tolerance(recipe, variant.name) if judged else None
        computed = {runtime: parity.real(parity.read(file.path), variant.outputs) for runtime, file in files.items()}
        for runtime, arrays in computed.items():
            limit = tolerance if results.requires(runtime) else None
            yield from parity.compare(origin, reference, runtime + at, arrays, limit, variant.name, elsewhere)
        for (one, ones), (two, twos) in itertools.combinations(computed.items(), 2):
            held = judged and results.requires(one) and results.requires(two)
            if variant.name not in _FLOATS:
                yield from parity.agree(
                    one + at, ones, two + at, twos, variant.name, variant.outputs, reference=reference, judged=held
                )
            elif results.are_one(one, two):
                yield from parity.compare(one + at, ones, two + at, twos, tolerance if held else None, variant.name)


def _computed(results: Results) -> list[Computed]:
    """What was computed of the samples and the profiles, the reference first; of integers the real numbers."""
    profiled = results.lowered.profiled
    found = [_read(runtime, None, file, profiled.get(runtime), ()) for runtime, file in results.lowered.outputs.items()]
    for variant in results.variants:
        for runtime, ran in variant.ran.items():
            found.append(_read(runtime, variant.name, ran.outputs, ran.profiled, variant.outputs))
    return found


def _read(
    runtime: str,
    variant: VariantName | None,
    file: HashedPath,
    profiled: HashedPath | None,
    tensors: tuple[Tensor, ...],
) -> Computed:
    made = profiles.read(profiled.path) if profiled else {}
    real = {profile: parity.real(arrays, tensors) for profile, arrays in made.items()}
    return Computed(runtime, variant, parity.real(parity.read(file.path), tensors), real)


def _on_profiles(results: Results, recipe: Recipe, computed: Sequence[Computed]) -> Iterator[Hop]:
    reference, *others = computed
    peers = [other for other in others if _is_judged(other, results)]
    second = peers[0] if reference.runtime == "torch" else None
    judge = Judge(reference, second, peers, {name for variant in results.variants for name in variant.ops})
    yield from judge.hops({None: recipe.tolerance} | {name: parity.tolerance(recipe, name) for name in _FLOATS})
    for other in others:
        if not _is_judged(other, results):
            yield from judge.told(other)


def _is_judged(other: Computed, results: Results) -> bool:
    """Whether what differs on a profile may be a fault: what computes in floats, where it has to be right."""
    return other.variant is None or (other.variant in _FLOATS and results.requires(other.runtime))


def _profiles(results: Results, computed: Sequence[Computed]) -> Iterator[ProfileReport]:
    reference, *others = computed
    for name in profiles.read(results.lowered.profiles.path) if results.lowered.profiles else ():
        if name in reference.profiles:
            outputs = reference.profiles[name]
            found = profiles.finite(outputs)
            endless = [output for output in outputs if output not in found]
            asked = [other for other in others if other.variant or other.runtime in results.lowered.profiled]
            missing = [other for other in asked if name not in other.profiles]
            left_out = [f"{output} of {reference.runtime}: it has NaN or infinite values" for output in endless]
            left_out += [f"{' '.join(filter(None, (other.runtime, other.variant)))}: {_NOT_RUN}" for other in missing]
        else:
            left_out = [f"{reference.runtime}: {_NOT_RUN}"]
        yield ProfileReport(name=name, left_out=tuple(left_out))


def _beyond(variant: Variant, results: Results) -> tuple[str, ...]:
    """The samples that go beyond what the variant was calibrated on."""
    if not variant.calibrated or results.calibration is None:
        return ()
    made = profiles.read(results.lowered.profiles.path) if results.lowered.profiles else {}
    samples = {_SAMPLES: parity.read(results.lowered.samples.path), **made}
    ranges = results.calibration.ranges
    return tuple(name for name, arrays in samples.items() if lost_channels.beyond(ranges, arrays))


def _lost(
    results: Results, recipe: Recipe, computed: Sequence[Computed], beyond: Mapping[VariantName, tuple[str, ...]]
) -> Iterator[Lost]:
    """What calibrated variants have lost of their outputs where they have to be right; each output once."""
    reference, *others = computed
    chosen = recipe.calibration is not None and recipe.calibration.kind != "random"
    for variant in results.variants:
        if not variant.calibrated:
            continue
        made = [other for other in others if other.variant == variant.name and results.requires(other.runtime)]
        inside = [name for name in (_SAMPLES, *reference.profiles) if name not in beyond[variant.name]]
        # One by one, and all together: one sample tells nothing of a channel that is one number.
        asked = [*([name] for name in inside if name != profiles.ZEROS), inside]
        for output in variant.outputs:
            found = (
                lost_channels.lost(
                    *(variant.name, output.name, _on(reference, names, output.name)),
                    [_on(other, names, output.name) for other in made],
                    output.scale,
                    profile=names[0] if len(names) == 1 and _SAMPLES not in names else None,
                    chosen=chosen,
                )
                for names in asked
            )
            yield from itertools.islice(filter(None, found), 1)


def _on(computed: Computed, names: Sequence[str], output: str) -> parity.Array | None:
    """An output on the samples or a profile, or on several, one after the other; None where the runtime has it not."""
    found = [(computed.samples if name == _SAMPLES else computed.profiles.get(name, {})).get(output) for name in names]
    arrays = [array for array in found if array is not None]
    if not arrays or len(arrays) < len(names) or len({array.shape for array in arrays}) > 1 or not arrays[0].ndim:
        return None
    return np.concatenate(arrays)


def _never_finite(reference: Computed) -> Iterator[Warned]:
    """Outputs of which nothing was compared on the samples."""
    for name, array in reference.samples.items():
        if array.size and not np.isfinite(array).any():
            message = f"output {name!r} is NaN or infinite all over on the samples: nothing of it was compared"
            yield Warned(stage=infer.NAME, message=message)


def _warned(results: Results, lost: Iterable[Lost]) -> Iterator[Warned]:
    """What is lost and no failure, what is wrong inside a file, and what a runtime computes wrongly."""
    for each in lost:
        if not each.failed:
            message = f"{lost_channels.words(each)}; {lost_channels.hint(each)}"
            yield Warned(stage=infer.NAME, message=message, variant=each.variant)
    for variant in results.variants:
        for message in file_audit.failures(variant.audit) if variant.audit else ():
            yield Warned(stage=audit.NAME, message=message, variant=variant.name)
        operators = runtime_faults.of_file(variant.audit, variant.quantization)
        for runtime in results.plan.toolchain.runtimes:
            if runtime.name in variant.ran and results.requires(runtime.name):
                ran = of_variant(infer.stage(runtime), variant.name).name
                for fault in runtime_faults.known(runtime.name, operators):
                    yield Warned(stage=ran, message=fault.words(runtime.name), variant=variant.name)


def _variant(
    variant: Variant, artifact: Artifact, hops: list[Hop], beyond: tuple[str, ...], results: Results
) -> VariantReport:
    by_runtime = {
        runtime: [hop for hop in hops if (hop.to, hop.variant) == (runtime, variant.name)] for runtime in variant.ran
    }
    return VariantReport(
        name=variant.name,
        path=artifact.path,
        sha256=artifact.sha256,
        size=artifact.size,
        gzip_size=len(gzip.compress(variant.file.path.read_bytes(), _GZIP_LEVEL)) if results.lowered.training else None,
        inputs=variant.inputs,
        outputs=variant.outputs,
        parity={runtime: _worst(max, (hop.max_rel_error for hop in found)) for runtime, found in by_runtime.items()},
        cosine={runtime: _worst(min, (hop.cosine for hop in found)) for runtime, found in by_runtime.items()},
        latency_ms={runtime: ran.latency for runtime, ran in variant.ran.items() if ran.latency},
        ops=variant.ops,
        select_tf=variant.select_tf,
        comparison=results.comparisons.get(variant.name, ()),
        quantization=variant.quantization,
        macs=variant.macs,
        parameters=variant.parameters,
        beyond_calibration=beyond,
        audit=variant.audit,
        arena=variant.arena,
        npu=variant.npu,
    )


def _failure(variant: VariantName, error: PinliteError) -> Failure:
    return Failure(
        variant=variant,
        stage=error.stage,
        code=error.code,
        exit_status=error.exit_status,
        message=error.message,
        hint=error.hint,
    )


def _worst(choose: Callable[[list[float]], float], figures: Iterable[float | None]) -> float | None:
    """The worst of the figures, or None where one can't be told."""
    known = list(figures)
    return None if None in known else choose([figure for figure in known if figure is not None])
