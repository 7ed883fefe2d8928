"""From a SavedModel to the TFLite files of the variants, each run in every runtime."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pinlite import parity
from pinlite.conversion import file_metadata
from pinlite.conversion.plan import is_calibrated
from pinlite.conversion.results import Calibrated, Ran, Variant
from pinlite.conversion.run import Run
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import ModelError, StageCrashError
from pinlite.runner import provision
from pinlite.runner.protocol import Done
from pinlite.schema.audit import Content
from pinlite.schema.choices import VariantName
from pinlite.schema.operators import ConversionOperators, FileOperators
from pinlite.schema.recipe import Calibration
from pinlite.schema.report import Arena, CalibrationReport, Npu, Tensor
from pinlite.stages import arena, audit, calibrate, compilation, convert, infer, metadata, timing, translate
from pinlite.stages.infer import InFile
from pinlite.stages.stage import BATCHES, Answer, at_batch, of_variant
from pinlite.store.output import OPERATORS
from pinlite.toolchain import Runtime

# In bytes: a hundred thousand operators take less.
_MOST_OPERATORS = 32 * 1024**2


def calibrated(run: Run, lowered: Lowered) -> Calibrated | None:
    """What all integer variants are calibrated on; None where none needs it."""
    if not is_calibrated(run.recipe):
        return None
    from pinlite.conversion import representative_dataset  # noqa: PLC0415  # numpy takes time to import
    from pinlite.parity import lost_channels  # noqa: PLC0415

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


def operators(run: Run, lowered: Lowered, made: Sequence[Variant]) -> HashedPath:
    """A file that says which operators each variant has, and of which of PyTorch's modules ONNX nodes are; without
    variants of which there is more to say than `_MOST_OPERATORS`.

    Raises:
        StageCrashError: A stage said it in another form.
    """
    said = {each.name: each.operators.path for each in made}
    try:
        found = {
            name: FileOperators.model_validate_json(path.read_bytes())
            for name, path in said.items()
            if path.stat().st_size <= _MOST_OPERATORS
        }
    except ValidationError as error:
        told = f"what is said of a file's operators has another form: {error}"
        raise StageCrashError(told, stage=convert.STAGE.name) from error
    path = run.folder / OPERATORS
    path.write_text(ConversionOperators(modules=dict(sorted(lowered.modules.items())), variants=found).to_json())
    return HashedPath.of(path)


def _shown(run: Run, asked: Calibration) -> Path:
    """What the sandbox is shown: the modules that the function needs, or the images."""
    folder = run.folder / "calibration"
    if asked.kind == "python":
        return provision.modules_of(asked.path, folder)
    assert asked.path is not None, "images have a folder"
    from pinlite.conversion import representative_dataset  # noqa: PLC0415

    folder.mkdir()
    for path in representative_dataset.images(asked.path):
        shutil.copyfile(path, folder / path.name)
    return folder


def converting(
    run: Run, name: VariantName, lowered: Lowered, calibration: HashedPath | None
) -> Callable[[], Done[convert.Result]]:
    """Have a variant converted beside what follows; ``calibration`` are samples that it takes ranges from."""
    asked = lowered.saved_model, lowered.signature, calibration, lowered.modules
    return run.begin(convert.action(run.recipe, run.plan.target, name, *asked))


def make(
    run: Run,
    name: VariantName,
    lowered: Lowered,
    converted: Done[convert.Result],
    profiles: HashedPath | None,
    labels: HashedPath | None = None,
    of: InFile | None = None,
) -> Variant:
    """A variant that was converted, run in every runtime that can run it, beside one another. What a runtime refuses
    that the target requires is kept where another one runs it, with the error. ``of`` says which of a file's several
    signatures it is.

    Raises:
        PinliteError: It can't be run in any runtime, or it ended one that the target requires.
    """
    signature = converted.result
    model = _described(run, name, converted.outputs["model"], signature, labels)
    target = run.plan.target
    skipped = []
    running: list[tuple[Runtime, Callable[[], Ran]]] = []
    for runtime in run.plan.toolchain.runtimes:
        if signature.select_tf and not (runtime.select_tf or runtime.added):
            operators = ", ".join(signature.select_tf)
            reason = f"{runtime.package} has no Select-TF operators: {operators}"
            skipped.append(run.skip(of_variant(infer.stage(runtime), name), reason))
        else:
            running.append((runtime, _running(run, name, runtime, model, lowered, signature, profiles, of)))
    audited = _auditing(run, name, of.alone if of else model) if signature.quantization.integer_operators else None
    measuring = _measuring(run, name, model, signature)
    compiling = _compiling(run, name, model, converted.outputs["operators"])
    ran: dict[str, Ran] = {}
    refused: ModelError | None = None
    for runtime, done in running:
        try:
            ran[runtime.name] = done()
        except (ModelError, StageCrashError) as error:
            reason = f"the target {target.name} does not ask for {runtime.name}: {error.message}"
            if target.requires(runtime):
                if not isinstance(error, ModelError):
                    raise
                refused, reason = refused or error, error.message
            named = error.stage.removesuffix(f"-{run.signature}")
            skipped.append(run.skip(replace(of_variant(infer.stage(runtime), name), name=named), reason))
    if refused and not ran:
        raise refused
    if refused:
        kept = f"the file is kept, for {', '.join(ran)}: with a --target and --runtime that ask for no other it passes"
        refused.hint = "; ".join(filter(None, [refused.hint, kept]))
    if skipped and not ran:
        raise ModelError(
            f"no runtime of the toolchain {run.plan.toolchain.name} can run it: "
            + "; ".join(record.reason for record in skipped),
            hint="choose another toolchain or variant, or change the model",
            stage=skipped[-1].name,
        )
    needs, source = measuring(ran)
    npu, compiled = compiling()
    return Variant(
        name=name,
        file=model,
        operators=converted.outputs["operators"],
        inputs=signature.inputs,
        outputs=signature.outputs,
        quantization=signature.quantization,
        macs=signature.macs,
        parameters=signature.parameters,
        select_tf=signature.select_tf,
        calibrated=is_calibrated(run.recipe, name),
        ran=ran,
        audit=audited and audited(),
        refused=refused,
        arena=needs,
        source=source,
        npu=npu,
        compiled=compiled,
        of=of,
    )


def _described(
    run: Run, name: VariantName, model: HashedPath, signature: convert.Result, labels: HashedPath | None
) -> HashedPath:
    """The file with TFLite metadata in it, where that is asked for: what is run, compared and kept is that one."""
    if not run.recipe.metadata:
        return model
    count = len(labels.path.read_bytes().splitlines()) if labels else 0
    told = file_metadata.of(run.recipe, name, signature, count)
    return run.do(metadata.write(name, model, labels, told)).outputs["model"]


def timed(run: Run, variant: Variant, lowered: Lowered) -> Variant:
    """The variant with its latencies. Nothing may run beside it."""
    ran = dict(variant.ran)
    for runtime in run.plan.toolchain.runtimes:
        most = timing.runs(runtime, variant.name)
        if runtime.name in ran and most:
            stage = of_variant(timing.stage(runtime), variant.name)
            asked = stage, variant.file, lowered.samples, variant
            done = run.do(timing.action(*asked, most=most, exactly=run.recipe.latency_runs, of=variant.of))
            ran[runtime.name] = replace(ran[runtime.name], latency=done.result.latency_ms)
    return replace(variant, ran=ran)


def _auditing(run: Run, name: VariantName, model: HashedPath) -> Callable[[], Content | None]:
    """What waits for what is wrong inside a file; None where no runtime of the toolchain can tell."""
    runtime = audit.home(run.plan.toolchain.runtimes)
    if runtime is None:
        return lambda: None
    stage = of_variant(audit.stage(runtime), name)
    running = run.begin(audit.action(stage, model))

    def found() -> Content | None:
        try:
            return running().result
        except (ModelError, StageCrashError) as error:
            run.skip(stage, error.message)
            return None

    return found


def _measuring(
    run: Run, name: VariantName, model: HashedPath, signature: convert.Result
) -> Callable[[Mapping[str, Ran]], tuple[Arena | None, HashedPath | None]]:
    """What waits for the arena of a file, and for the file in C++, once it is known where it ran."""
    runtime = next((each for each in run.plan.toolchain.runtimes if each.arena), None)
    if runtime is None or signature.select_tf:
        return lambda _: (None, None)
    running = run.begin(arena.action(runtime, name, model, signature))

    def found(ran: Mapping[str, Ran]) -> tuple[Arena | None, HashedPath | None]:
        if runtime.name not in ran:
            return None, None
        done = running()
        return Arena(runtime=runtime.name, **_figures(done.result)), done.outputs["source"]

    return found


def _compiling(
    run: Run, name: VariantName, model: HashedPath, operators: HashedPath
) -> Callable[[], tuple[Npu | None, HashedPath | None]]:
    """What waits for a file to be compiled for the target's accelerator."""
    compiler = run.plan.target.compiler
    if compiler is None:
        return lambda: (None, None)
    running = run.begin(compilation.action(compiler, name, model, operators))

    def found() -> tuple[Npu | None, HashedPath | None]:
        done = running()
        compiled, said = done.outputs["compiled"], done.result
        npu = Npu(
            accelerator=compiler.accelerator,
            path=compiled.path.name,
            size=compiled.path.stat().st_size,
            **_figures(said),
        )
        return npu, compiled

    return found


def _figures(said: Answer) -> dict[str, Any]:
    """What a stage answers but for what it has to say in words."""
    return {name: value for name, value in said if name not in Answer.model_fields}


def _running(
    run: Run,
    name: VariantName,
    runtime: Runtime,
    model: HashedPath,
    lowered: Lowered,
    signature: convert.Result,
    profiles: HashedPath | None,
    of: InFile | None,
) -> Callable[[], Ran]:
    """What waits for what a runtime makes of a file."""
    stage = of_variant(infer.stage(runtime), name)
    running = run.begin(infer.action(stage, model, lowered.samples, signature, profiles, run.evaluation, of))
    wider = None
    if lowered.wider_samples:
        wider = run.begin(infer.action(at_batch(stage, BATCHES[0]), model, lowered.wider_samples, signature, of=of))

    def found() -> Ran:
        done = running()
        evaluated = done.outputs.get("evaluated")
        return Ran(
            outputs=done.outputs["outputs"],
            wider=wider().outputs["outputs"] if wider else None,
            profiled=done.outputs.get("profiled"),
            evaluated=evaluated and real(run, f"evaluated-{name}-{runtime.image}.npz", evaluated, signature.outputs),
            latency=None,
            ops=done.result.ops,
            emulator=done.result.emulator,
        )

    return found


def real(run: Run, name: str, computed: HashedPath, tensors: Sequence[Tensor]) -> HashedPath:
    """What was computed as the numbers that integers stand for, in a file of the run."""
    return run.write(name, parity.real(parity.read(computed.path), tuple(tensors)))
