"""From each kind of source to a SavedModel: a function each, which returns what all that follows needs."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pinlite import digest, parity
from pinlite.conversion.run import Run
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.runner import provision
from pinlite.schema.choices import Exporter, SourceKind
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import TrainingStep
from pinlite.stages import adapt, adopt, check, export, ranges, translate
from pinlite.stages.stage import BATCHES, Content, at_batch

Files = Mapping[str, HashedPath]


@dataclass(frozen=True)
class Lowered:
    """A model as a SavedModel, and what the runtimes on the way to it computed, the reference first.

    ``computing`` waits for these by runtime, and has them by role. Where the batch is open, ``wider_samples`` are those
    of the first of its other sizes. ``profiles`` are samples made to find faults. ``artifacts`` are the files that are
    kept, by name, with their role. ``index_bounds`` are what the integers of inputs have to stay below, by name;
    ``modules`` those of PyTorch's model by the names of ONNX nodes and outputs, where they are known.
    """

    saved_model: HashedPath
    signature: translate.Result
    samples: HashedPath
    computing: Mapping[str, Callable[[], Files]]
    profiles: HashedPath | None
    artifacts: Mapping[str, tuple[str, HashedPath]]
    wider_samples: HashedPath | None = None
    training: tuple[TrainingStep, ...] = ()
    index_bounds: Mapping[str, int] = field(default_factory=dict)
    exporter: Exporter = ""
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def computed(self, role: str) -> Files:
        """What the runtimes computed of a role, of those that have it."""
        found = {runtime: files() for runtime, files in self.computing.items()}
        return {runtime: files[role] for runtime, files in found.items() if role in files}

    @property
    def outputs(self) -> Files:
        return self.computed("outputs")

    @property
    def profiled(self) -> Files:
        return self.computed("profiled")

    @property
    def evaluated(self) -> Files:
        """Of the samples that are scored."""
        return self.computed("evaluated")

    @property
    def wider(self) -> Files:
        """Of the wider samples."""
        return self.computed(translate.WIDER)


@dataclass(frozen=True)
class Exported:
    """A model as ONNX, before it is checked: by PyTorch, adapted, or the user's own file. ``samples`` are None where
    none were given, ``files`` are what the first stage made, by role, in ``runtime``, the reference; ``adapted`` what a
    stage after it made, by the runtime that ran the model there.
    """

    model: HashedPath
    samples: Content | None
    files: Files = field(default_factory=dict)
    runtime: str = "torch"
    adapted: Mapping[str, Files] = field(default_factory=dict)
    training: tuple[TrainingStep, ...] = ()
    exporter: Exporter = ""
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def lower(run: Run) -> Lowered:
    """The source of the recipe as a SavedModel."""
    return _KINDS[run.recipe.source.kind](run)


def _from_pytorch(run: Run) -> Lowered:
    source = provision.source(run.recipe, run.folder)
    functions = provision.functions(run.recipe, run.folder, source)
    begun = ranges.action(run.recipe, _earlier(run))
    earlier = run.do(begun).result if begun else None
    done = run.do(export.action(run.recipe, source, functions, run.evaluation, earlier))
    files, result = done.outputs, done.result
    exported = Exported(
        *(files["model"], files["samples"], files),
        training=result.training,
        exporter=result.exporter,
        modules=result.modules,
    )
    return _from_exported(run, _adapted(run, exported) if adapt.STAGE in run.plan.stages else exported)


def _adapted(run: Run, exported: Exported) -> Exported:
    """What PyTorch exported, for each size of the batch, at an opset that the stages after it read."""
    recipe, files = run.recipe, exported.files
    done = run.do(adapt.action(recipe, exported.model, exported.samples, run.evaluation, files.get("profiles")))
    models, computed = {}, {}
    for batch in BATCHES if recipe.dynamic_batch else ():
        action = adapt.action(recipe, files[f"model.{batch}"], files[f"samples.{batch}"])
        wider = run.do(replace(action, stage=at_batch(adapt.STAGE, batch))).outputs
        models[f"model.{batch}"], computed[f"outputs.{batch}"] = wider["adapted"], wider["outputs"]
    return replace(
        exported,
        model=done.outputs["adapted"],
        files={**files, **models},
        adapted={done.result.runtime: {**done.outputs, **computed}},
    )


def _from_onnx(run: Run) -> Lowered:
    if adapt.STAGE not in run.plan.stages:
        return _from_exported(run, Exported(_given(run), run.recipe.samples))
    action = adapt.action(run.recipe, with_tensors(run), run.recipe.samples, run.evaluation)
    done = run.do(action)
    files = dict(done.outputs)
    for batch in BATCHES if run.recipe.dynamic_batch else ():
        wider = run.do(adapt.at(batch, run.recipe, action)).outputs
        files[f"model.{batch}"] = wider["adapted"]
        files |= {f"{role}.{batch}": wider[role] for role in ("samples", "outputs")}
    result = done.result
    exported = Exported(files["adapted"], files["samples"], files, runtime=result.runtime, modules=result.modules)
    return _from_exported(run, exported)


def _from_saved_model(run: Run) -> Lowered:
    saved_model = _given(run)
    done = run.do(adopt.action(run.recipe, saved_model))
    made = done.outputs.get("profiles")
    return Lowered(
        saved_model=saved_model,
        signature=done.result,
        samples=done.outputs["samples"],
        computing={"tensorflow": lambda: done.outputs},
        profiles=made,
        artifacts={"saved_model": ("saved_model", saved_model), **_samples(done.outputs["samples"], made)},
    )


_KINDS: Mapping[SourceKind, Callable[[Run], Lowered]] = {
    "python": _from_pytorch,
    "checkpoint": _from_pytorch,
    "onnx": _from_onnx,
    "saved_model": _from_saved_model,
}


def _path(recipe: Recipe) -> Path:
    assert recipe.source.path is not None, "only a module may have no path"
    return recipe.source.path


def _earlier(run: Run) -> HashedPath | None:
    """The file whose ranges the training begins with, as it was read."""
    training = run.recipe.training
    return run.plan.contents.get(training.ranges) if training and training.ranges else None


def _given(run: Run) -> HashedPath:
    path = _path(run.recipe)
    return run.plan.contents.get(path) or HashedPath.of(path)


def with_tensors(run: Run) -> HashedPath:
    """The user's .onnx file and those that it keeps tensors in, by the digests that they had in the plan."""
    beside = run.recipe.source.beside
    if not beside:
        return _given(run)
    shown = provision.onnx(_path(run.recipe), beside, run.folder)
    read = {path.resolve(): content for path, content in run.plan.contents.items()}
    files = {path.relative_to(shown).as_posix(): read[path.resolve()] for path in digest.files_below(shown)}
    found = HashedPath.of(shown, digest.of_json({name: content.sha256 for name, content in files.items()}))
    return found if all(content.is_unchanged for content in files.values()) else HashedPath.of(shown)


def _from_exported(run: Run, exported: Exported) -> Lowered:
    recipe = run.recipe
    checked = run.do(check.action(recipe, exported.model, exported.samples))
    samples = checked.outputs["samples"]
    profiles = exported.files.get("profiles") or checked.outputs.get("profiles")
    in_onnxruntime = run.begin(check.compute(exported.model, samples, profiles, run.evaluation))
    batches = _check_batches(run, exported) if recipe.dynamic_batch else {}
    wider = batches.get(BATCHES[0])
    wider_in_onnxruntime = run.begin(check.compute_at(BATCHES[0], wider["model"], wider["samples"])) if wider else None
    if wider:
        files = {
            f"{role}.{batch}": files[role] for batch, files in batches.items() for role in ("simplified", "samples")
        }
        action = translate.open_action(recipe, files, checked.result)
    else:
        lowered = checked.outputs["simplified"] if recipe.lowering == "nhwc" else exported.model
        action = translate.action(recipe, lowered, samples, checked.result)
    try:
        translated = run.do(action)
    except PinliteError:
        # What onnxruntime refuses is no fault of the translation.
        in_onnxruntime()
        raise
    saved_model = translated.outputs["saved_model"]
    in_tensorflow = run.begin(
        translate.compute(saved_model, translated.result, samples, wider["samples"] if wider else None)
    )

    def onnxruntime() -> Files:
        wide = {translate.WIDER: wider_in_onnxruntime().outputs["outputs"]} if wider_in_onnxruntime else {}
        return {**in_onnxruntime().outputs, **wide}

    return Lowered(
        saved_model=saved_model,
        signature=translated.result,
        samples=samples,
        computing={
            exported.runtime: lambda: exported.files,
            **{runtime: functools.partial(dict, files) for runtime, files in exported.adapted.items()},
            "onnxruntime": onnxruntime,
            "tensorflow": lambda: in_tensorflow().outputs,
        },
        profiles=profiles,
        artifacts={
            "model.onnx": ("onnx", exported.model),
            "saved_model": ("saved_model", saved_model),
            **_samples(samples, profiles),
        },
        wider_samples=wider["samples"] if wider else None,
        training=exported.training,
        index_bounds=checked.result.index_bounds,
        exporter=exported.exporter,
        modules=exported.modules or checked.result.modules,
    )


def _check_batches(run: Run, exported: Exported) -> dict[int, Files]:
    """What `check` makes of the model for each of the other batch sizes, and the model itself, by role."""
    found: dict[int, Files] = {}
    for batch in BATCHES:
        model = exported.files.get(f"model.{batch}", exported.model)
        samples = exported.files.get(f"samples.{batch}", exported.samples)
        given = f"model.{batch}" in exported.files
        action = check.at(batch, run.recipe, check.action(run.recipe, model, samples), open_model=not given)
        found[batch] = {**run.do(action).outputs, "model": action.inputs["model"]}
    return found


def _samples(samples: HashedPath, made: HashedPath | None) -> dict[str, tuple[str, HashedPath]]:
    """The artifacts that a result keeps of what was compared."""
    kept = {"samples": samples} | ({"profiles": made} if made else {})
    return {file.path.name: (role, file) for role, file in kept.items()}


def for_tflite(run: Run, lowered: Lowered) -> HashedPath | None:
    """Those profiles that every runtime on the way has made something of; waits for all that these compute.

    What one has not run is of no use to TFLite's runtimes. What it has refused (a place beyond a table's rows) would be
    worse: the oldest reads beyond memory.
    """
    from pinlite.parity import profiles  # noqa: PLC0415  # numpy takes time to import

    ran = [profiles.read(profiled.path) for profiled in lowered.profiled.values()]
    if lowered.profiles is None:
        return None
    given = parity.read(lowered.profiles.path, empty=True)
    left = {name: array for name, array in given.items() if all(name.partition("/")[0] in each for each in ran)}
    return lowered.profiles if len(left) == len(given) else run.write("profiles-for-tflite.npz", left)
