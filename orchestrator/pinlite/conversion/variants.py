"""From a SavedModel to the TFLite files of the variants, each run in every runtime."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pinlite import parity
from pinlite.conversion import representative_dataset
from pinlite.conversion.plan import is_calibrated
from pinlite.conversion.results import Calibrated, Ran, Variant
from pinlite.conversion.run import Run
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import ModelError, StageCrashError
from pinlite.parity import lost_channels
from pinlite.runner import provision
from pinlite.schema.audit import Content
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Calibration
from pinlite.schema.report import CalibrationReport, Tensor
from pinlite.stages import audit, calibrate, convert, infer, translate
from pinlite.stages.stage import BATCHES, at_batch, of_variant
from pinlite.toolchain import Runtime


def calibrated(run: Run, lowered: Lowered) -> Calibrated | None:
    """What all integer variants are calibrated on; None where none needs it."""
    if not is_calibrated(run.recipe):
        return None
    asked = run.recipe.calibration
    assert asked is not None, "the recipe has it where it is needed"
    inputs = [translate.in_pytorch(tensor) for tensor in lowered.signature.inputs]
    preparation = ""
    if asked.kind == "random":
        pixels = dict.fromkeys((each.name for each in run.recipe.preprocessing), representative_dataset.PIXELS_BELOW)
        arrays = representative_dataset.random(inputs, run.recipe.seed, {**lowered.index_bounds, **pixels})
    elif run.plan.calibration is not None:
        arrays = dict(run.plan.calibration)
    else:
        action = calibrate.action(asked, _shown(run, asked), inputs, run.recipe.seed, run.recipe.data)
        done = run.do(action)
        arrays = representative_dataset.made(done.outputs["samples"].path, asked)
        preparation = done.result.preparation
    arrays = representative_dataset.fitted(arrays, inputs, asked)
    count = len(next(iter(arrays.values())))
    return Calibrated(
        samples=run.write("calibration.npz", arrays),
        ranges=lost_channels.ranges(arrays),
        report=CalibrationReport(source=asked.text, samples=count, preparation=preparation),
    )


def _shown(run: Run, asked: Calibration) -> Path:
    """What the sandbox is shown: the modules that the function needs, or the images."""
    folder = run.folder / "calibration"
    if asked.kind == "python":
        return provision.modules_of(asked.path, folder)
    assert asked.path is not None, "images have a folder"
    folder.mkdir()
    for path in representative_dataset.images(asked.path):
        shutil.copyfile(path, folder / path.name)
    return folder


def make(
    run: Run, name: VariantName, lowered: Lowered, calibration: HashedPath | None, profiles: HashedPath | None
) -> Variant:
    """One variant, run in every runtime that can run it. ``calibration`` are samples that it takes ranges from. What a
    runtime refuses that the target requires is kept where another one runs it, with the error.

    Raises:
        PinliteError: It can't be converted, not run in any runtime, or it ended one that the target requires.
    """
    asked = lowered.saved_model, lowered.signature, calibration, lowered.modules
    converted = run.do(convert.action(run.recipe, name, *asked))
    model, signature = converted.outputs["model"], converted.result
    ran: dict[str, Ran] = {}
    skipped = []
    refused: ModelError | None = None
    for runtime in run.plan.toolchain.runtimes:
        stage = of_variant(infer.stage(runtime), name)
        if signature.select_tf and not runtime.select_tf:
            operators = ", ".join(signature.select_tf)
            skipped.append(run.skip(stage, f"{runtime.package} has no Select-TF operators: {operators}"))
            continue
        try:
            ran[runtime.name] = _ran(run, name, runtime, model, lowered, signature, profiles)
        except (ModelError, StageCrashError) as error:
            reason = f"the target {run.plan.target.name} does not ask for {runtime.name}: {error.message}"
            if run.plan.target.requires(runtime):
                if not isinstance(error, ModelError):
                    raise
                refused, reason = refused or error, error.message
            skipped.append(run.skip(replace(stage, name=error.stage), reason))
    if refused and not ran:
        raise refused
    if refused:
        kept = f"the file is kept, for {', '.join(ran)}: with a --target that asks for no other runtime it passes"
        refused.hint = "; ".join(filter(None, [refused.hint, kept]))
    if skipped and not ran:
        raise ModelError(
            f"no runtime of the toolchain {run.plan.toolchain.name} can run it: "
            + "; ".join(record.reason for record in skipped),
            hint="choose another toolchain or variant, or change the model",
            stage=skipped[-1].name,
        )
    return Variant(
        name=name,
        file=model,
        inputs=signature.inputs,
        outputs=signature.outputs,
        quantization=signature.quantization,
        select_tf=signature.select_tf,
        calibrated=calibration is not None,
        ran=ran,
        audit=_audited(run, name, model) if signature.quantization.integer_operators else None,
        refused=refused,
    )


def _audited(run: Run, name: VariantName, model: HashedPath) -> Content | None:
    """What is wrong inside a file; None where no runtime of the toolchain can tell."""
    runtime = audit.home(run.plan.toolchain.runtimes)
    if runtime is None:
        return None
    stage = of_variant(audit.stage(runtime), name)
    try:
        return run.do(audit.action(stage, model)).result
    except (ModelError, StageCrashError) as error:
        run.skip(stage, error.message)
        return None


def _ran(
    run: Run,
    name: VariantName,
    runtime: Runtime,
    model: HashedPath,
    lowered: Lowered,
    signature: convert.Result,
    profiles: HashedPath | None,
) -> Ran:
    stage = of_variant(infer.stage(runtime), name)
    action = infer.action(
        *(stage, model, lowered.samples, signature),
        runs=infer.runs(runtime, name),
        profiles=profiles,
        evaluation=run.evaluation,
    )
    done = run.do(action)
    wider = None
    if lowered.wider_samples:
        wide = infer.action(at_batch(stage, BATCHES[0]), model, lowered.wider_samples, signature, runs=0)
        wider = run.do(wide).outputs["outputs"]
    evaluated = done.outputs.get("evaluated")
    return Ran(
        outputs=done.outputs["outputs"],
        wider=wider,
        profiled=done.outputs.get("profiled"),
        evaluated=evaluated and real(run, f"evaluated-{name}-{runtime.image}.npz", evaluated, signature.outputs),
        latency=done.result.latency_ms,
        ops=done.result.ops,
    )


def real(run: Run, name: str, computed: HashedPath, tensors: Sequence[Tensor]) -> HashedPath:
    """What was computed as the numbers that integers stand for, in a file of the run."""
    return run.write(name, parity.real(parity.read(computed.path), tuple(tensors)))
