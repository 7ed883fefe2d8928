"""Whether a TFLite file is right inside, and in which runtimes it computes what it should."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pinlite import digest, toolchain
from pinlite.auditing import operator_versions, resolvers, runtime_faults
from pinlite.engine import choose
from pinlite.errors import UsageError
from pinlite.events import Observer, ignore
from pinlite.inputs import paths
from pinlite.runner import LocalRunner
from pinlite.schema.audit import AuditReport, Content, KnownFault, Need
from pinlite.schema.choices import EngineChoice
from pinlite.schema.diff import ComparedFile
from pinlite.schema.recipe import Limits
from pinlite.stages import audit as stage
from pinlite.toolchain import targets
from pinlite.units import short

# How many of a kind a sentence about failures names.
_NAMED = 3


def audit(
    path: Path,
    samples: Path | None = None,
    *,
    target: str = "",
    runtime: str = "",
    engine: EngineChoice = "auto",
    observe: Observer = ignore,
) -> AuditReport:
    """Hold a TFLite file to its rules and its integer operators to real numbers, on samples (.npz) or on drawn ones,
    and say which runtimes have its operators and compute them rightly.

    The file fails for what is wrong in it, and for the oldest runtimes of a ``target`` or a ``runtime``, package and
    version, where one is given.

    Raises:
        PinliteError: It is no TFLite file, the samples don't fit it, or there is no such target.
    """
    paths.model_file(path)
    if samples:
        paths.npz_file(samples)
    asked = tuple(_asked(target, runtime))
    home = toolchain.load().runtimes[-1]
    recipe = toolchain.load().images[home.image]
    with LocalRunner(functools.partial(choose, engine, observe), {home.image: recipe}, Limits(), observe) as runner:
        found = runner.run(stage.action(stage.stage(home), path, samples)).result
    needs = operator_versions.needs((each.kind, each.version) for each in found.operators)
    kinds = runtime_faults.operators(found)
    return AuditReport(
        file=ComparedFile(path=str(path), size=path.stat().st_size, sha256=digest.of_file(path)),
        runtime=home.name,
        found=found,
        least=operator_versions.least(need.release for need in needs),
        needs=needs,
        faults=tuple(_faults(kinds)),
        asked=asked,
        failures=(*failures(found), *_unresolved(asked, found), *_failures_in(asked, needs, kinds)),
    )


def _asked(target: str, runtime: str) -> Iterator[str]:
    """The runtimes that the file has to be right in, as reports name them."""
    if target:
        known = targets.load()
        if target not in known:
            raise UsageError(f"there is no target {target!r}", hint=f"known: {', '.join(known)}")
        yield from (f"{package} {version}" for package, version in known[target].since.items())
    if runtime:
        package, _, version = runtime.replace("==", " ").partition(" ")
        if not operator_versions.parts(version):
            raise UsageError(
                f"--runtime {runtime} has no version",
                hint="give one with the package, e.g. tflite-runtime==2.14.0",
            )
        yield f"{package} {version}"


def _faults(kinds: Mapping[str, Mapping[str, int]]) -> Iterator[KnownFault]:
    for fault in runtime_faults.among(kinds):
        for versions in fault.versions:
            yield KnownFault(
                operator=fault.operator,
                type=fault.type,
                packages=versions.packages,
                since=versions.since,
                right=versions.right,
                what=fault.what,
            )


def failures(found: Content) -> Iterator[str]:
    """What is wrong with a file wherever it runs."""
    if found.wrong:
        named = [f"{each.where}: {each.what}" for each in found.findings if each.wrong]
        yield _several(f"{found.wrong} part(s) of the file are wrong", named)
    off = [each for each in found.computed.off if each.steps > each.allowed] if found.computed else []
    if off:
        named = [f"{each.where} ({short(each.tensor)}) by {each.steps} steps, {each.allowed} allowed" for each in off]
        yield _several(f"{len(off)} operator(s) are off", named)


def _unresolved(runtimes: Iterable[str], found: Content) -> Iterator[str]:
    """The operators that a runtime of microcontrollers which was asked for does not have at all."""
    for runtime in runtimes:
        if named := resolvers.lacking(runtime.partition(" ")[0], (each.kind for each in found.operators)):
            yield _several(f"{len(named)} operator(s) have no kernel in {runtime.partition(' ')[0]}", list(named))


def _failures_in(
    runtimes: tuple[str, ...], needs: tuple[Need, ...], kinds: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """What the runtimes that were asked for lack or compute wrongly; each in the words of the first one."""
    lacking: dict[Need, str] = {}
    wrong: dict[runtime_faults.Fault, str] = {}
    for runtime in runtimes:
        package, _, version = runtime.partition(" ")
        ours = operator_versions.parts(version)
        for need in needs if package in runtime_faults.PACKAGES["tensorflow"] else ():
            if operator_versions.parts(need.release)[: len(ours)] > ours:
                lacking.setdefault(need, runtime)
        for fault in runtime_faults.known(runtime, kinds):
            wrong.setdefault(fault, runtime)
    if lacking:
        named = [f"{need.operator} {need.version} of {need.release} ({runtime})" for need, runtime in lacking.items()]
        yield _several(f"{len(lacking)} operator(s) are newer", named)
    yield from (fault.words(runtime) for fault, runtime in wrong.items())


def _several(said: str, named: list[str]) -> str:
    more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"{said}: {'; '.join(named[:_NAMED])}{more}"
