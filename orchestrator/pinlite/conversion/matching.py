"""Which versions made a TFLite file: its model converted by each toolchain and lowering, and compared with it."""

import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pinlite import digest, toolchain
from pinlite.auditing import file_differences
from pinlite.conversion.conversion import convert
from pinlite.conversion.plan import prepare
from pinlite.conversion.run import runner_of
from pinlite.engine import choose
from pinlite.errors import NoEngineError, NotReproducibleError, PinliteError
from pinlite.events import Notice, Observer, ignore
from pinlite.inputs import paths
from pinlite.machine import temporary
from pinlite.options import resolve
from pinlite.runner import LocalRunner
from pinlite.schema.choices import Lowering
from pinlite.schema.match import Candidate, MatchReport
from pinlite.schema.recipe import Limits, Recipe
from pinlite.toolchain import Toolchain


@dataclass(frozen=True)
class _Made:
    """What one toolchain and lowering came to: a file, or why there is none."""

    chosen: Toolchain
    lowering: Lowering
    file: Path | None
    refusal: str = ""


def match(
    file: Path, options: Mapping[str, Any], toolchains: Sequence[str] = (), *, observe: Observer = ignore
) -> MatchReport:
    """Convert a model by each of the toolchains (all that pinlite brings) and their lowerings, and say which gives the
    file's very bytes, else which comes nearest.

    ``options`` are those of a conversion, as pinlite.toml has them, of one variant.

    Raises:
        UsageError: An option is wrong.
        NotReproducibleError: None of them can convert the model; it names each refusal.
        PinliteError: As an engine does.
    """
    paths.tflite_file(file)
    # What is wrong whatever the toolchain is told before any work; what only one of them refuses is its answer.
    resolve({key: value for key, value in options.items() if key != "opset"})
    candidates = [toolchain.load(name) for name in toolchains or toolchain.names()]
    sha256 = digest.of_file(file)
    with temporary.folder() as folder:
        made = [
            _made(options, chosen, lowering, Path(folder, f"{at}-{lowering}.tflite"), observe)
            for at, chosen in enumerate(candidates)
            for lowering in chosen.lowerings
        ]
        found = sorted(_compared(file, made, options, observe), key=lambda each: each.distance or 0.0)
    refused = [
        Candidate(toolchain=each.chosen.name, lowering=each.lowering, refusal=each.refusal)
        for each in made
        if each.file is None
    ]
    if not found:
        told = "".join(f"\n  {each.toolchain}, {each.lowering}: {each.refusal}" for each in refused)
        raise NotReproducibleError(
            f"no toolchain converts the model, so none made {file}:{told}",
            hint="give the model as it was when the file was made; or a toolchain of that time, with --toolchain",
        )
    return MatchReport(
        file=str(file), sha256=sha256, source=str(options.get("source", "")), candidates=(*found, *refused)
    )


def _made(options: Mapping[str, Any], chosen: Toolchain, lowering: Lowering, place: Path, observe: Observer) -> _Made:
    observe(Notice(f"converting by the toolchain {chosen.name}, lowering {lowering}"))
    try:
        recipe = resolve({**options, "toolchain": chosen.text, "lowering": lowering})
        _convert(recipe, replace(chosen, runtimes=()), place, observe)
    except NoEngineError:
        raise  # it is no answer of a toolchain's
    except PinliteError as error:
        return _Made(chosen, lowering, None, str(error))
    return _Made(chosen, lowering, place)


def _convert(recipe: Recipe, chosen: Toolchain, place: Path, observe: Observer) -> None:
    """As far as the file: what runtimes make of it decides nothing here."""
    plan = prepare(recipe, observe, chosen)
    with temporary.folder() as folder, runner_of(plan, observe) as runner:
        (variant,) = convert(plan, runner, Path(folder).resolve()).variants
        shutil.copyfile(variant.file.path, place)


def _compared(file: Path, made: Sequence[_Made], options: Mapping[str, Any], observe: Observer) -> Iterator[Candidate]:
    runtime = toolchain.load().runtimes[0]
    recipe = toolchain.load().images[runtime.image]
    engine = functools.partial(choose, options.get("engine") or "auto", observe)
    with LocalRunner(engine, {runtime.image: recipe}, Limits(), observe) as runner:
        for each in made:
            if each.file:
                report = file_differences.compare(file, each.file, runner, runtime)
                yield Candidate(
                    toolchain=each.chosen.name,
                    lowering=each.lowering,
                    same=report.found is None,
                    distance=report.distance,
                    summary=report.summary,
                )
