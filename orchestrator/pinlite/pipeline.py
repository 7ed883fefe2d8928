"""A whole conversion, from a recipe to a report and a folder of artifacts."""

from collections.abc import Mapping
from pathlib import Path

from pinlite import images, modules, output, requirements, results
from pinlite.engine import choose
from pinlite.errors import ParityError
from pinlite.events import Observer, ignore
from pinlite.execute import Done, ResultT, execute
from pinlite.images import ImageRecipe
from pinlite.model import Recipe, Report, SourceKind, StageRecord
from pinlite.results import Results, Variant
from pinlite.stages import adopt, check, convert, export, infer, translate
from pinlite.stages.stage import BATCHES, Action, Stage, at_batch
from pinlite.workers import Workers

_TO_TFLITE = (convert.STAGE, infer.STAGE, infer.OLDEST)
_FROM_ONNX = (check.STAGE, translate.STAGE, *_TO_TFLITE)
_ALL = (export.STAGE, *_FROM_ONNX)

# What a source goes through, in the order in which workers are needed.
_STAGES: Mapping[SourceKind, tuple[Stage, ...]] = {
    "python": _ALL,
    "checkpoint": _ALL,
    "onnx": _FROM_ONNX,
    "saved_model": (adopt.STAGE, *_TO_TFLITE),
}

_VARIANT = "float32"


def run(recipe: Recipe, observe: Observer = ignore) -> Report:
    """Convert, compare, and write the output folder.

    Raises:
        PinliteError: As engine and stages do; nothing is written then.
        ParityError: Outputs differ beyond the tolerance; it carries the report, and everything is written.
    """
    output.check(recipe.out)
    engine = choose(recipe.engine)
    for leftover in engine.leftovers():
        engine.remove(leftover)
    stages = _STAGES[recipe.source.kind]
    wanted = _images(recipe, stages)
    found = engine.ensure(wanted.values(), observe)
    ready = {name: found[image.name] for name, image in wanted.items()}
    with Workers(engine, ready, recipe.limits) as workers:
        workers.start(stages)
        done = _Conversion(recipe, workers, observe).convert()
        toolchain = {image.name: image.identity for image in found.values()}
        report = results.report(recipe, done, engine=engine.name, toolchain=toolchain)
        output.publish({name: path for name, (_, path) in done.artifacts.items()}, report.to_json(), recipe.out)
    if not report.ok:
        raise _disagreement(report, recipe)
    return report


class _Conversion:
    """The stages of one run in their order, each handing its files to the next."""

    def __init__(self, recipe: Recipe, workers: Workers, observe: Observer) -> None:
        self._recipe = recipe
        self._workers = workers
        self._observe = observe
        self._results = Results()
        # Of another batch size, where the batch is to be open.
        self._wider_samples: Path | None = None

    def convert(self) -> Results:
        source = self._recipe.source
        ran = _STAGES[source.kind]
        self._results.stages.extend(
            StageRecord(name=stage.name, image=stage.image, source="skipped") for stage in _ALL if stage not in ran
        )
        if source.kind == "saved_model":
            self._to_tflite(*self._adopt(_given(source.path)))
        elif source.kind == "onnx":
            self._to_tflite(*self._to_tensorflow(_given(source.path), self._recipe.samples, {}))
        else:
            self._to_tflite(*self._to_tensorflow(*self._export()))
        return self._results

    def _export(self) -> tuple[Path, Path, Mapping[str, Path]]:
        """The ONNX model, the samples in the order of its inputs, and by role what there is for other batch sizes."""
        done = self._do(export.action(self._recipe, self._visible_source()), export.Result)
        self._results.outputs["torch"] = done.outputs["outputs"]
        if self._recipe.dynamic_batch:
            self._results.wider["torch"] = done.outputs[translate.WIDER]
        return done.outputs["model"], done.outputs["samples"], done.outputs

    def _to_tensorflow(
        self, model: Path, given: Path | None, exported: Mapping[str, Path]
    ) -> tuple[Path, Path, translate.Result]:
        """The SavedModel, the samples, and the SavedModel's signature."""
        checked = self._do(check.action(self._recipe, model, given), check.Result)
        samples = checked.outputs["samples"]
        self._results.outputs["onnxruntime"] = checked.outputs["outputs"]
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
        self._keep("samples", samples)
        return done.outputs["saved_model"], samples, done.result

    def _check_batches(
        self, model: Path, given: Path | None, exported: Mapping[str, Path]
    ) -> tuple[dict[str, Path], dict[str, Path]]:
        """The simplified model and the samples for each of the other batch sizes, by role."""
        models, samples = {}, {}
        for batch in BATCHES:
            wide, its_samples = exported.get(f"model.{batch}", model), exported.get(f"samples.{batch}", given)
            action = check.at(batch, check.action(self._recipe, wide, its_samples), open_model=not exported)
            done = self._do(action, check.Result)
            models[f"model.{batch}"], samples[f"samples.{batch}"] = done.outputs["simplified"], done.outputs["samples"]
            if batch == BATCHES[0]:
                self._results.wider["onnxruntime"] = done.outputs["outputs"]
        return models, samples

    def _adopt(self, saved_model: Path) -> tuple[Path, Path, translate.Result]:
        done = self._do(adopt.action(self._recipe, saved_model), adopt.Result)
        self._results.outputs["tensorflow"] = done.outputs["outputs"]
        self._keep("saved_model", saved_model, "saved_model")
        self._keep("samples", done.outputs["samples"])
        return saved_model, done.outputs["samples"], done.result

    def _to_tflite(self, saved_model: Path, samples: Path, signature: translate.Result) -> None:
        converted = self._do(convert.action(_VARIANT, self._recipe.ops, saved_model, signature), convert.Result)
        model = converted.outputs["model"]
        self._keep(f"tflite.{_VARIANT}", model)
        latency = {}
        for stage, package in ((infer.STAGE, "tflite-runtime"), (infer.OLDEST, "tensorflow-cpu")):
            if converted.result.select_tf and stage is infer.STAGE:
                self._skip(stage, f"tflite-runtime has no Select-TF operators: {', '.join(converted.result.select_tf)}")
                continue
            done = self._do(infer.action(stage, model, samples, converted.result), infer.Result)
            runtime = f"tflite-{done.versions[package]}"
            self._results.outputs[runtime] = done.outputs["outputs"]
            if self._wider_samples:
                action = infer.action(at_batch(stage, BATCHES[0]), model, self._wider_samples, converted.result, runs=0)
                self._results.wider[runtime] = self._do(action, infer.Result).outputs["outputs"]
            if done.result.latency_ms:
                latency[runtime] = done.result.latency_ms
        self._results.variants.append(
            Variant(
                name=_VARIANT,
                file=model.name,
                inputs=converted.result.inputs,
                outputs=converted.result.outputs,
                latency=latency,
                ops=done.result.ops,
                select_tf=converted.result.select_tf,
            )
        )

    def _do(self, action: Action, result: type[ResultT]) -> Done[ResultT]:
        done = execute(action, result, self._workers, self._observe)
        self._results.stages.append(done.record)
        self._results.versions[done.record.image] = done.versions
        return done

    def _skip(self, stage: Stage, reason: str) -> None:
        self._results.stages.append(StageRecord(name=stage.name, image=stage.image, source="skipped", reason=reason))

    def _keep(self, role: str, path: Path, name: str = "") -> None:
        self._results.artifacts[name or path.name] = (role, path)

    def _visible_source(self) -> Path:
        """What the sandbox is shown of the model; nothing where the image itself holds the module."""
        source = self._recipe.source
        if source.kind == "checkpoint":
            return _given(source.path)
        folder = self._workers.folder / "source"
        if source.path is None:
            folder.mkdir()
            return folder
        return modules.collect(source.path, folder)


def _given(path: Path | None) -> Path:
    assert path is not None, "only a module may have no path"
    return path


def _images(recipe: Recipe, stages: tuple[Stage, ...]) -> dict[str, ImageRecipe]:
    """The image recipe of each image that the stages name; export's has the packages of ``--with``."""
    toolchain = images.toolchain()
    wanted = {name: toolchain[name] for name in dict.fromkeys(stage.image for stage in stages)}
    if recipe.requirements and export.STAGE in stages:
        base = toolchain[export.STAGE.image]
        wanted[export.STAGE.image] = images.with_requirements(base, requirements.locked(recipe.requirements, base.lock))
    return wanted


def _disagreement(report: Report, recipe: Recipe) -> ParityError:
    worst = next(hop for hop in report.hops if not hop.passed)
    by = "in shape or in values that are no numbers" if worst.max_rel_error is None else f"by {worst.max_rel_error:.2g}"
    return ParityError(
        f"{worst.to} differs from {worst.origin} {by} of the largest magnitude of output {worst.output!r}; "
        f"the tolerance is {recipe.tolerance:g}",
        hint=f"everything was kept in {recipe.out}; report.json has all hops, --tolerance allows more",
        report=report,
    )
