"""The stages of a conversion in their order, each handing its files to the next."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinlite import options, parity
from pinlite.conversion import representative_dataset, select_tf_cost
from pinlite.conversion.representative_dataset import Array
from pinlite.conversion.results import Results, Variant
from pinlite.conversion.scoring import Scoring
from pinlite.conversion.select_tf_cost import Comparison
from pinlite.errors import ModelError, PinliteError, StageCrashError
from pinlite.inputs import modules
from pinlite.parity import lost_channels, profiles
from pinlite.runner import provision
from pinlite.runner.actions import Actions
from pinlite.runner.execute import Done, ResultT
from pinlite.schema.choices import SourceKind, VariantName
from pinlite.schema.recipe import Calibration, Evaluation, Recipe
from pinlite.schema.report import CalibrationReport, EvaluationReport, Latency, StageRecord, Tensor, Warned
from pinlite.stages import adopt, calibrate, check, convert, evaluate, export, infer, translate
from pinlite.stages.stage import BATCHES, Action, Answer, Named, Stage, at_batch, of_variant
from pinlite.toolchain import Toolchain

_FROM_ONNX = (check.STAGE, translate.STAGE, convert.STAGE)
_ALL = (export.STAGE, *_FROM_ONNX)

# What a source goes through until there is a TFLite file, in the order in which workers are needed.
_STAGES: Mapping[SourceKind, tuple[Stage, ...]] = {
    "python": _ALL,
    "checkpoint": _ALL,
    "onnx": _FROM_ONNX,
    "saved_model": (adopt.STAGE, convert.STAGE),
}


def stages_of(recipe: Recipe, toolchain: Toolchain) -> tuple[Stage, ...]:
    """What a recipe goes through, in the order in which workers are needed."""
    stages = (*_STAGES[recipe.source.kind], *map(infer.stage, toolchain.runtimes))
    asked = recipe.calibration
    if asked is not None and asked.kind in ("images", "python") and _needs_calibration(recipe):
        at = stages.index(convert.STAGE)
        stages = (*stages[:at], calibrate.STAGE, *stages[at:])
    if recipe.evaluation is not None:
        scored = (evaluate.METRIC,) if evaluate.functions(recipe.evaluation) else ()
        stages = (evaluate.GATHER, *stages, *scored)
    return stages


def given_calibration(recipe: Recipe) -> dict[str, Array] | None:
    """Arrays that the user has in files, checked before any work as far as can be."""
    asked = recipe.calibration
    if asked is None or asked.kind != "arrays" or not _needs_calibration(recipe):
        return None
    arrays = representative_dataset.read(asked)
    if recipe.inputs:
        representative_dataset.fitted(arrays, recipe.inputs, asked)
    return arrays


class Conversion:
    """Of one recipe, by the actions of one run. ``calibration`` are the arrays that the user has in files."""

    def __init__(
        self, recipe: Recipe, toolchain: Toolchain, actions: Actions, calibration: dict[str, Array] | None
    ) -> None:
        self._recipe = recipe
        self._toolchain = toolchain
        self._target = toolchain.targets[recipe.target]
        self._actions = actions
        self._given_calibration = calibration
        self._results = Results(required=tuple(filter(self._target.requires, toolchain.runtimes)))
        # Of another batch size, where the batch is to be open.
        self._wider_samples: Path | None = None
        self._scoring: Scoring | None = None
        # The profiles that every reference has run.
        self._for_tflite: Path | None = None

    def convert(self) -> Results:
        """What it comes to.

        Raises:
            PinliteError: A stage failed, or every variant did. The hint has the warnings before it, which may be why.
        """
        try:
            return self._convert()
        except PinliteError as error:
            error.hint = "; ".join(filter(None, [error.hint, *(each.message for each in self._results.warnings)]))
            raise

    def _convert(self) -> Results:
        source = self._recipe.source
        ran = _STAGES[source.kind]
        self._results.stages.extend(self._skipped(stage) for stage in _ALL if stage not in ran)
        if self._recipe.evaluation:
            self._scoring = self._gather(self._recipe.evaluation)
        if source.kind == "saved_model":
            self._to_tflite(*self._adopt(_given(source.path)))
        elif source.kind == "onnx":
            self._to_tflite(*self._to_tensorflow(_given(source.path), self._recipe.samples, {}))
        else:
            self._to_tflite(*self._to_tensorflow(*self._export()))
        if self._scoring:
            self._results.evaluation = self._score(self._scoring)
        self._warn_of_target()
        return self._results

    def _gather(self, asked: Evaluation) -> Scoring:
        """The labelled samples, before any work: what the user's function does wrong shows at once."""
        named = [asked.function, *evaluate.functions(asked)]
        paths = [function.path for function in named if function.path]
        folder = modules.collect_beside(paths, self._actions.folder / "evaluation")
        done = self._do(evaluate.gather(self._recipe, asked, folder), evaluate.Nothing)
        return Scoring(asked, folder, done.outputs["samples"], done.outputs["labels"])

    def _score(self, scoring: Scoring) -> EvaluationReport:
        functions = evaluate.functions(scoring.asked)
        own: Sequence[tuple[float, ...]] = [()] * len(scoring.computed)
        if functions:
            outputs = list(scoring.computed.values())
            action = evaluate.metric(functions, scoring.modules, scoring.labels, outputs, self._recipe.seed)
            own = self._do(action, evaluate.Scores).result.scores
        return scoring.report(own)

    def _export(self) -> tuple[Path, Path, Mapping[str, Path]]:
        """The ONNX model, the samples in the order of its inputs, and by role what there is for other batch sizes."""
        source = provision.source(self._recipe, self._actions.folder)
        functions = provision.functions(self._recipe, self._actions.folder, source)
        action = export.action(self._recipe, source, functions, self._evaluation)
        done = self._do(action, export.Result)
        self._results.outputs["torch"] = done.outputs["outputs"]
        self._profiled("torch", done)
        self._evaluated("torch", done)
        self._results.training.extend(done.result.training)
        if self._recipe.dynamic_batch:
            self._results.wider["torch"] = done.outputs[translate.WIDER]
        return done.outputs["model"], done.outputs["samples"], done.outputs

    def _to_tensorflow(
        self, model: Path, given: Path | None, exported: Mapping[str, Path]
    ) -> tuple[Path, Path, translate.Result]:
        """The SavedModel, the samples, and the SavedModel's signature."""
        action = check.action(self._recipe, model, given, self._evaluation, self._results.profiles)
        checked = self._do(action, check.Result)
        self._evaluated("onnxruntime", checked)
        samples = checked.outputs["samples"]
        self._results.outputs["onnxruntime"] = checked.outputs["outputs"]
        self._profiled("onnxruntime", checked)
        if self._recipe.dynamic_batch:
            models, wider = self._check_batches(model, given, exported)
            self._wider_samples = wider[f"samples.{BATCHES[0]}"]
            action = translate.open_action(self._recipe, models, {**wider, "samples": samples}, checked.result)
        else:
            lowered = checked.outputs["simplified"] if self._recipe.lowering == "nhwc" else model
            action = translate.action(self._recipe, lowered, samples, checked.result)
        done = self._do(action, translate.Result)
        if self._recipe.dynamic_batch:
            self._results.wider["tensorflow"] = done.outputs[translate.WIDER]
        self._results.outputs["tensorflow"] = done.outputs["outputs"]
        self._keep("onnx", model, "model.onnx")
        self._keep("graph", checked.outputs["graph"])
        self._keep("saved_model", done.outputs["saved_model"])
        self._keep_samples(samples)
        return done.outputs["saved_model"], samples, done.result

    def _check_batches(
        self, model: Path, given: Path | None, exported: Mapping[str, Path]
    ) -> tuple[dict[str, Path], dict[str, Path]]:
        """The simplified model and the samples for each of the other batch sizes, by role."""
        models, samples = {}, {}
        for batch in BATCHES:
            wide, its_samples = exported.get(f"model.{batch}", model), exported.get(f"samples.{batch}", given)
            action = check.at(batch, check.action(self._recipe, wide, its_samples, None), open_model=not exported)
            done = self._do(action, check.Result)
            models[f"model.{batch}"], samples[f"samples.{batch}"] = done.outputs["simplified"], done.outputs["samples"]
            if batch == BATCHES[0]:
                self._results.wider["onnxruntime"] = done.outputs["outputs"]
        return models, samples

    def _adopt(self, saved_model: Path) -> tuple[Path, Path, translate.Result]:
        done = self._do(adopt.action(self._recipe, saved_model), adopt.Result)
        self._results.outputs["tensorflow"] = done.outputs["outputs"]
        self._profiled("tensorflow", done)
        self._keep("saved_model", saved_model, "saved_model")
        self._keep_samples(done.outputs["samples"])
        return saved_model, done.outputs["samples"], done.result

    def _to_tflite(self, saved_model: Path, samples: Path, signature: translate.Result) -> None:
        """One variant after the other; one that fails does not keep the others from being made."""
        if self._evaluation:
            action = evaluate.saved_model(saved_model, signature, self._evaluation)
            self._evaluated("tensorflow", self._do(action, evaluate.Nothing))
        inputs = [translate.in_pytorch(tensor) for tensor in signature.inputs]
        calibrated = self._calibrate(inputs) if _needs_calibration(self._recipe) else None
        for variant in self._recipe.variants:
            try:
                self._to_variant(variant, saved_model, samples, signature, calibrated)
            except PinliteError as error:
                self._results.failures[variant] = error
        if not self._results.variants:
            raise next(iter(self._results.failures.values()))
        self._compare_operators(saved_model, samples, signature, calibrated)

    def _compare_operators(
        self, saved_model: Path, samples: Path, signature: translate.Result, calibrated: Path | None
    ) -> None:
        """Where TensorFlow's operators were asked for or needed, and a runtime that has them ran the file: what they
        cost.
        """
        asked = self._recipe.ops == "select-tf"
        both = select_tf_cost.runtimes(self._toolchain.runtimes)
        if both is None:
            return
        selecting = [
            variant
            for variant in self._results.variants
            if (asked or variant.select_tf) and both.select_tf.name in variant.computed
        ]
        if selecting:
            compared = Comparison(self._do, self._recipe, both, saved_model, samples, signature)
            sizes = compared.sizes()
            for variant in selecting:
                _, file = self._results.artifacts[variant.file]
                found = compared.of(variant, file, self._used(variant.name, calibrated), sizes)
                self._results.comparisons[variant.name] = tuple(found)

    def _used(self, variant: VariantName, calibrated: Path | None) -> Path | None:
        return calibrated if options.needs_calibration(variant, trained=_trained(self._recipe)) else None

    def _to_variant(
        self,
        variant: VariantName,
        saved_model: Path,
        samples: Path,
        signature: translate.Result,
        calibrated: Path | None,
    ) -> None:
        used = self._used(variant, calibrated)
        converted = self._do(convert.action(self._recipe, variant, saved_model, signature, used), convert.Result)
        model = converted.outputs["model"]
        computed: dict[str, Path] = {}
        wider: dict[str, Path] = {}
        profiled: dict[str, Path] = {}
        latency: dict[str, Latency] = {}
        ops: dict[str, int] = {}
        before = len(self._results.stages)
        for runtime in self._toolchain.runtimes:
            stage = of_variant(infer.stage(runtime), variant)
            if converted.result.select_tf and not runtime.select_tf:
                operators = ", ".join(converted.result.select_tf)
                self._skip(stage, f"{runtime.package} has no Select-TF operators: {operators}")
                continue
            action = infer.action(
                *(stage, model, samples, converted.result),
                runs=infer.runs(runtime, variant),
                profiles=self._for_tflite,
                evaluation=self._evaluation,
            )
            try:
                done = self._do(action, infer.Result)
                if self._wider_samples:
                    wide = at_batch(stage, BATCHES[0])
                    action = infer.action(wide, model, self._wider_samples, converted.result, runs=0)
                    wider[runtime.name] = self._do(action, infer.Result).outputs["outputs"]
            except (ModelError, StageCrashError) as error:
                if self._target.requires(runtime):
                    raise
                reason = f"the target {self._target.name} does not ask for {runtime.name}: {error.message}"
                self._skip(replace(stage, name=error.stage), reason)
                continue
            self._evaluated(runtime.name, done, variant, converted.result.outputs)
            computed[runtime.name] = done.outputs["outputs"]
            if "profiled" in done.outputs:
                profiled[runtime.name] = done.outputs["profiled"]
            if done.result.latency_ms:
                latency[runtime.name] = done.result.latency_ms
            ops = done.result.ops
        skipped = [record for record in self._results.stages[before:] if record.source == "skipped"]
        if skipped and not computed:
            raise ModelError(
                f"no runtime of the toolchain {self._toolchain.name} can run it: "
                + "; ".join(record.reason for record in skipped),
                hint="choose another toolchain or variant, or change the model",
                stage=skipped[-1].name,
            )
        self._keep(f"tflite.{variant}", model)
        self._results.variants.append(
            Variant(
                name=variant,
                file=model.name,
                inputs=converted.result.inputs,
                outputs=converted.result.outputs,
                quantization=converted.result.quantization,
                computed=computed,
                wider=wider,
                profiled=profiled,
                calibrated=used is not None,
                latency=latency,
                ops=ops,
                select_tf=converted.result.select_tf,
            )
        )

    def _calibrate(self, inputs: Sequence[Named]) -> Path:
        """What all integer variants are calibrated on, as `pinlite.conversion.representative_dataset` has it."""
        asked = self._recipe.calibration
        assert asked is not None, "the recipe has it where it is needed"
        preparation = ""
        if asked.kind == "random":
            arrays = representative_dataset.random(inputs, self._recipe.seed)
        elif self._given_calibration is not None:
            arrays = self._given_calibration
        else:
            source = self._calibration_source(asked)
            action = calibrate.action(asked, source, inputs, self._recipe.seed, self._recipe.data)
            done = self._do(action, calibrate.Result)
            arrays, preparation = representative_dataset.made(done.outputs["samples"], asked), done.result.preparation
        arrays = representative_dataset.fitted(arrays, inputs, asked)
        path = self._actions.folder / "calibration.npz"
        representative_dataset.write(path, arrays)
        self._keep("calibration", path)
        self._results.ranges = lost_channels.ranges(arrays)
        count = len(next(iter(arrays.values())))
        self._results.calibration = CalibrationReport(source=asked.text, samples=count, preparation=preparation)
        return path

    def _calibration_source(self, asked: Calibration) -> Path:
        """What the sandbox is shown: the modules that the function needs, or the images."""
        if asked.kind == "python":
            return provision.modules_of(asked.path, self._actions.folder / "calibration")
        folder = self._actions.folder / "calibration"
        folder.mkdir()
        for path in representative_dataset.images(_given(asked.path)):
            shutil.copyfile(path, folder / path.name)
        return folder

    @property
    def _evaluation(self) -> Path | None:
        """The samples that every runtime is scored on."""
        return self._scoring.samples if self._scoring else None

    def _evaluated(
        self, runtime: str, done: Done[Any], variant: VariantName | None = None, tensors: tuple[Tensor, ...] = ()
    ) -> None:
        """Keep what a runtime computed from the samples to be scored on, as the numbers that integers stand for."""
        if self._scoring:
            path = self._actions.folder / f"evaluated-{len(self._scoring.computed)}.npz"
            representative_dataset.write(path, parity.real(parity.read(done.outputs["evaluated"]), tensors))
            self._scoring.computed[runtime, variant] = path

    def _profiled(self, runtime: str, done: Done[Any]) -> None:
        """Keep the profiles, where the stage has made them, and what it computed of them.

        What it has not run is of no use to TFLite's runtimes. What it has refused (a place beyond a table's rows) would
        be worse: the oldest reads beyond memory.
        """
        if "profiles" in done.outputs:
            self._results.profiles = self._for_tflite = done.outputs["profiles"]
        if "profiled" in done.outputs:
            self._results.profiled[runtime] = done.outputs["profiled"]
            self._for_tflite = self._ran(runtime, done.outputs["profiled"])

    def _ran(self, runtime: str, profiled: Path) -> Path | None:
        """Those profiles for TFLite that a runtime has made something of."""
        if self._for_tflite is None:
            return None
        given, ran = parity.read(self._for_tflite, empty=True), profiles.read(profiled)
        left = {name: array for name, array in given.items() if name.partition("/")[0] in ran}
        if len(left) == len(given):
            return self._for_tflite
        path = self._actions.folder / f"profiles-{runtime}.npz"
        representative_dataset.write(path, left)
        return path

    def _do(self, action: Action, result: type[ResultT]) -> Done[ResultT]:
        done = self._actions.do(action, result)
        self._results.stages.append(done.record)
        self._results.versions.setdefault(done.record.image, {}).update(done.versions)
        if isinstance(done.result, Answer):
            self._warn(action.stage, done.result.warnings)
        return done

    def _warn(self, stage: Stage, messages: Sequence[str]) -> None:
        """Each once: a stage that comes again, for another size of the batch say, has the same to say."""
        known = {(warned.variant, warned.message) for warned in self._results.warnings}
        self._results.warnings.extend(
            Warned(stage=stage.name, message=message, variant=stage.variant)
            for message in dict.fromkeys(messages)
            if (stage.variant, message) not in known
        )

    def _skip(self, stage: Stage, reason: str) -> None:
        self._results.stages.append(self._skipped(stage, reason))

    def _skipped(self, stage: Stage, reason: str = "") -> StageRecord:
        image = self._toolchain.images[stage.image].name
        return StageRecord(name=stage.name, image=image, source="skipped", reason=reason)

    def _warn_of_target(self) -> None:
        """Nothing here may be as old as the runtimes that the files are to run in."""
        if not any(map(self._target.is_proven_by, self._toolchain.runtimes)):
            there = ", ".join(runtime.name for runtime in self._toolchain.runtimes)
            message = (
                f"no runtime of the toolchain {self._toolchain.name} is as old as the target {self._target.name} asks "
                f"for: the files were run in {there} alone"
            )
            self._results.warnings.append(Warned(stage=infer.NAME, message=message))

    def _keep_samples(self, samples: Path) -> None:
        self._results.samples = samples
        self._keep("samples", samples)
        if self._results.profiles:
            self._keep("profiles", self._results.profiles)

    def _keep(self, role: str, path: Path, name: str = "") -> None:
        self._results.artifacts[name or path.name] = (role, path)


def _given(path: Path | None) -> Path:
    assert path is not None, "only a module may have no path"
    return path


def _needs_calibration(recipe: Recipe) -> bool:
    return any(options.needs_calibration(variant, trained=_trained(recipe)) for variant in recipe.variants)


def _trained(recipe: Recipe) -> bool:
    """Whether the model comes with the ranges of int8."""
    return recipe.training is not None and recipe.training.qat is not None
