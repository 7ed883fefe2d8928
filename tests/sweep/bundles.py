"""Several cases as one model: converted in a process of its own, run in every runtime, and judged one by one."""

import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conversion
import draws
import numpy as np
import verdicts
from draws import Array
from families import Case, Input
from services import HERE, RUNTIMES, RefusedError, Service
from verdicts import Fault, Outcome

from pinlite.inputs import npz

# Enough that importing frameworks is the smaller part of a conversion.
SIZE = 16
TIMEOUT = 600.0
# TFLite's own kernels hold what they add and multiply within the floats: this runtime has no others, in the others a
# delegate takes what it can.
WITHOUT_INFINITIES = "tensorflow-cpu 2.4.1"

_SOURCE = """import sweep_models

CASES = {cases!r}


def build():
    return sweep_models.Bundle(CASES)
"""


@dataclass(frozen=True)
class Bundle:
    """Cases of the same variants and options, as one model."""

    cases: tuple[Case, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        return self.cases[0].variants

    @property
    def profiles(self) -> list[str]:
        return sorted({name for case in self.cases for name in (*case.profiles, *case.integer_profiles)})

    @property
    def inputs(self) -> list[Input]:
        """The model's. Cases that are not alone have theirs numbered."""
        alone = len(self.cases) == 1
        return [
            each if alone else Input(f"{each.name}{at}", each.shape, each.dtype, each.draw)
            for at, case in enumerate(self.cases)
            for each in case.inputs
        ]

    @property
    def described(self) -> list[dict[str, Any]]:
        """As sweep_models.py takes them."""
        return [{"name": case.name, "code": case.code, "inputs": len(case.inputs)} for case in self.cases]


@dataclass(frozen=True)
class Converted:
    """What a command ended with and said, and its report, if there is one."""

    status: int | None
    words: str
    report: Mapping[str, Any] | None


def bundled(cases: Sequence[Case]) -> list[Bundle]:
    """All cases, those together that can be."""
    apart = [Bundle((case,)) for case in cases if case.alone]
    others: dict[Any, list[Case]] = {}
    for case in cases:
        if not case.alone:
            others.setdefault((case.variants, case.options), []).append(case)
    together = [Bundle(tuple(group[at : at + SIZE])) for group in others.values() for at in range(0, len(group), SIZE)]
    return apart + together


def judged(bundle: Bundle, services: Mapping[str, Service], engine: str) -> tuple[list[Outcome], list[Bundle]]:
    """An outcome for each variant of each case, or smaller bundles, by which to tell.

    Of a bundle of several only that is believed which is right, or computes something wrong in a run that ended with 0
    and said nothing. All else is to be converted alone; or in halves, where there are no files.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-") as name:
        folder = Path(name)
        counts = _prepared(bundle, folder, services)
        converted = _converted(bundle, folder, engine)
        found = list(_outcomes(bundle, folder, converted, counts, services))
    if len(bundle.cases) == 1:
        return found, []
    if converted.report is None or converted.report["failures"]:
        half = len(bundle.cases) // 2
        return [], [Bundle(bundle.cases[:half]), Bundle(bundle.cases[half:])]
    doubtful = {outcome.case for outcome in found if outcome.verdict != "right" and not _is_sure(outcome)}
    believed = [outcome for outcome in found if outcome.case not in doubtful]
    return believed, [Bundle((case,)) for case in bundle.cases if case.name in doubtful]


def _is_sure(outcome: Outcome) -> bool:
    """Whether what is wrong with a case is its own fault, though there are others in the bundle."""
    return not outcome.words and not outcome.status and any(fault.profile for fault in outcome.faults)


def _prepared(bundle: Bundle, folder: Path, services: Mapping[str, Service]) -> list[int]:
    """Write the model, samples and right outputs; how many outputs each case has."""
    (folder / "samples").mkdir()
    for profile in bundle.profiles:
        drawn = [
            draws.samples(case, profile if profile in (*case.profiles, *case.integer_profiles) else case.profiles[0])
            for case in bundle.cases
        ]
        arrays = itertools.chain.from_iterable(drawn)
        np.savez(_samples(folder, profile), **{str(at): array for at, array in enumerate(arrays)})
    if _calibrated(bundle):
        arrays = itertools.chain.from_iterable(map(draws.calibration, bundle.cases))
        np.savez(folder / "calibration.npz", **{e.name: a for e, a in zip(bundle.inputs, arrays, strict=True)})
    if code := bundle.cases[0].onnx:
        services["onnx"].ask("write", code=code, file=str(folder / "model.onnx"))
    else:
        (folder / "model.py").write_text(_SOURCE.format(cases=bundle.described))
        shutil.copy(HERE / "sweep_models.py", folder)
    answer = services["torch"].ask(
        "compute",
        cases=bundle.described,
        samples=[str(_samples(folder, profile)) for profile in bundle.profiles],
        folder=str(folder / "right"),
    )
    return answer["outputs"]


def _samples(folder: Path, profile: str) -> Path:
    return folder / "samples" / f"{profile}.npz"


def _calibrated(bundle: Bundle) -> bool:
    return any(name.startswith("int") for name in bundle.variants)


def _converted(bundle: Bundle, folder: Path, engine: str) -> Converted:
    source = "model.onnx" if bundle.cases[0].onnx else "model.py:build"
    out = folder / "out"
    command = [sys.executable, "-m", "pinlite", "convert", str(folder / source), "--out", str(out), "--no-cache"]
    command += ["--engine", engine, *bundle.cases[0].options]
    for each in bundle.inputs:
        command += ["--input", f"{each.name}={'x'.join(map(str, each.shape))}:{each.dtype}"]
    for variant in bundle.variants:
        command += ["--variant", variant]
    if _calibrated(bundle):
        command += ["--calibration", str(folder / "calibration.npz")]
    status, _, log = conversion.run(command, os.environ, TIMEOUT)
    file = out / "report.json"
    stage, message = conversion.error(log)
    return Converted(
        status=status,
        words=f"{stage}: {message}" if message else "",
        report=json.loads(file.read_text()) if file.exists() else None,
    )


def _outcomes(
    bundle: Bundle, folder: Path, converted: Converted, counts: Sequence[int], services: Mapping[str, Service]
) -> Iterator[Outcome]:
    right = {profile: list(npz.read(folder / "right" / f"{profile}.npz").values()) for profile in bundle.profiles}
    for variant in bundle.variants:
        made = (folder / "out" / f"model.{variant}.tflite").exists()
        selects = bool(converted.report) and verdicts.needs_select_tf(converted.report, variant)
        runtimes = [name for name, runtime in RUNTIMES.items() if made and (runtime.select_tf or not selects)]
        ran = {name: _ran(bundle, folder, variant, name, services) for name in runtimes}
        at = 0
        for case, count in zip(bundle.cases, counts, strict=True):
            outputs = range(at, at + count)
            at += count
            faults = tuple(_faults(case, variant, outputs, right, ran))
            status, words = converted.status, converted.words
            if converted.report:
                status, words = verdicts.said(converted.report, variant, outputs)
            yield Outcome(
                case=case.name,
                family=case.family,
                variant=variant,
                verdict=verdicts.verdict(status, words, faults, made=made),
                status=status,
                words=words,
                faults=faults,
            )


def _ran(bundle: Bundle, folder: Path, variant: str, runtime: str, services: Mapping[str, Service]) -> dict[str, Any]:
    """What a runtime says of a file, and under ``found`` its outputs by profile."""
    out = folder / "found" / runtime / variant
    try:
        answer = services[RUNTIMES[runtime].image].ask(
            "run",
            model=str(folder / "out" / f"model.{variant}.tflite"),
            samples=[str(_samples(folder, profile)) for profile in bundle.profiles],
            folder=str(out),
        )
    except RefusedError as error:
        return {"refusal": str(error)}
    if answer["refusal"]:
        return answer
    return {**answer, "found": {name: list(npz.read(out / f"{name}.npz").values()) for name in bundle.profiles}}


def _faults(
    case: Case,
    variant: str,
    outputs: range,
    right: Mapping[str, Sequence[Array]],
    ran: Mapping[str, Mapping[str, Any]],
) -> Iterator[Fault]:
    """What is wrong with those outputs of a file that are a case's."""
    profiles = case.judged_on(variant)
    # Not every runtime reads signatures.
    signature = next((answer["signature"] for answer in ran.values() if answer.get("signature")), None)
    for runtime, answer in ran.items():
        if answer["refusal"]:
            yield Fault(runtime, "", 0, None, f"can't run it: {answer['refusal']}")
            continue
        if case.names and (words := verdicts.misnamed(case, {**answer, "signature": signature})):
            yield Fault(runtime, "", 0, None, words)
        for profile, output in itertools.product(profiles, outputs):
            found, wanted = answer["found"][profile], right[profile][output]
            steps = profiles if variant.startswith("int") else [profile]
            magnitude = verdicts.largest([right[each][output] for each in steps])
            if len(found) != len(right[profile]):
                difference = (None, f"the file has {len(found)} outputs, right are {len(right[profile])}")
            else:
                difference = verdicts.difference(
                    found[output],
                    wanted,
                    case.bounds[variant],
                    magnitude,
                    by_channel=case.by_channel,
                    finite_only=case.finite_only or runtime == WITHOUT_INFINITIES,
                )
            if profile in case.wrong_in.get(runtime, ()):
                difference = None if difference else (None, "it is right, though wrong_in says otherwise")
            if difference:
                yield Fault(runtime, profile, output - outputs.start, *difference)
