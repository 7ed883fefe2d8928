"""A conversion before any work: everything that it needs, read and checked, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite import options, toolchain
from pinlite.digest import HashedPath
from pinlite.events import Observer, ignore
from pinlite.inputs import dependencies, onnx_file
from pinlite.inputs.dependencies import Dependency
from pinlite.runner import provision
from pinlite.schema.choices import SourceKind, VariantName
from pinlite.schema.recipe import Recipe
from pinlite.stages import (
    adapt,
    adopt,
    calibrate,
    check,
    compilation,
    convert,
    evaluate,
    export,
    infer,
    join,
    metadata,
    ranges,
    translate,
)
from pinlite.stages.stage import Stage
from pinlite.toolchain import ImageRecipe, Target, Toolchain

if TYPE_CHECKING:
    from pinlite.parity import Arrays

_FROM_ONNX = (check.STAGE, translate.STAGE, convert.STAGE)

# What a model may go through until there is a TFLite file, and what each kind of source does go through, in the order
# in which workers are needed.
ALL = (export.STAGE, *_FROM_ONNX)
STAGES: Mapping[SourceKind, tuple[Stage, ...]] = {
    "python": (export.STAGE, adapt.STAGE, *_FROM_ONNX),
    "checkpoint": (export.STAGE, adapt.STAGE, *_FROM_ONNX),
    "onnx": (adapt.STAGE, *_FROM_ONNX),
    "saved_model": (adopt.STAGE, convert.STAGE),
}


@dataclass(frozen=True)
class Plan:
    """What one recipe goes through, and by what.

    ``stages`` are in the order in which workers are needed, ``images`` the recipes of their images by what stages call
    them. ``calibration`` are the arrays that the user has in files, by input, [samples, *shape of the input];
    ``dependencies`` all that the recipe reads, as it was. ``signatures`` are the plans of a file's several signatures.
    """

    recipe: Recipe
    toolchain: Toolchain
    stages: tuple[Stage, ...]
    images: Mapping[str, ImageRecipe]
    calibration: "Arrays | None"
    dependencies: tuple[Dependency, ...]
    signatures: Mapping[str, "Plan"] = field(default_factory=dict)

    @property
    def models(self) -> "tuple[Plan, ...]":
        """The plan of each model that is converted: of each signature, or this one."""
        return (*self.signatures.values(),) or (self,)

    @property
    def contents(self) -> dict[Path, HashedPath]:
        """The single files that the recipe reads, as they were; large ones are not to be read again."""
        return {each.path: each.content for each in self.dependencies if each.content}

    @property
    def target(self) -> Target:
        return self.toolchain.targets[self.recipe.target]


def prepare(recipe: Recipe, observe: Observer = ignore, chosen: Toolchain | None = None) -> Plan:
    """The plan of a recipe, by its toolchain or another one that is ``chosen``.

    Raises:
        UsageError: The calibration arrays or the toolchain are wrong.
        ImageError: The packages of ``--with`` can't be resolved.
    """
    if recipe.signatures:
        return _several(recipe, {name: prepare(each, observe, chosen) for name, each in recipe.signatures.items()})
    calibration = _calibration(recipe)
    versions = chosen or _versions(recipe)
    if recipe.environment:
        versions = toolchain.with_environment(versions, recipe.environment)
    stages = _stages(recipe, versions)
    images = provision.image_recipes(versions, stages, recipe.requirements, observe)
    return Plan(recipe, versions, stages, images, calibration, dependencies.read(recipe))


def _versions(recipe: Recipe) -> Toolchain:
    """The recipe's toolchain, with the runtimes that its target brings and those that it adds itself."""
    of_target = toolchain.with_target(toolchain.load(recipe.toolchain), recipe.target)
    return toolchain.with_runtimes(of_target, recipe.runtimes)


def _several(recipe: Recipe, plans: Mapping[str, Plan]) -> Plan:
    """The plan of a file with several signatures: what is done and read for any of them, each once."""
    stages = tuple(dict.fromkeys(stage for plan in plans.values() for stage in plan.stages))
    at = stages.index(convert.STAGE) + 1
    read = {(each.role, each.path): each for plan in plans.values() for each in plan.dependencies}
    (one, *_) = plans.values()
    return Plan(
        recipe=recipe,
        toolchain=one.toolchain,
        stages=(*stages[:at], join.STAGE, *stages[at:]),
        images={name: image for plan in plans.values() for name, image in plan.images.items()},
        calibration=None,
        dependencies=tuple(read.values()),
        signatures=plans,
    )


def is_calibrated(recipe: Recipe, *variants: VariantName) -> bool:
    """Whether any of the variants (of all the recipe's) takes ranges from samples."""
    wanted = variants or recipe.variants
    return any(options.needs_calibration(variant, has_ranges=recipe.has_ranges) for variant in wanted)


def _stages(recipe: Recipe, versions: Toolchain) -> tuple[Stage, ...]:
    compiler = versions.targets[recipe.target].compiler
    compiled = (compilation.stage(compiler),) if compiler and compiler.image in versions.images else ()
    stages = (*STAGES[recipe.source.kind], *map(infer.stage, versions.runtimes), *compiled)
    if not _is_adapted(recipe, versions):
        stages = tuple(stage for stage in stages if stage != adapt.STAGE)
    asked = recipe.calibration
    if asked is not None and asked.kind in ("images", "python") and is_calibrated(recipe):
        at = stages.index(convert.STAGE)
        stages = (*stages[:at], calibrate.STAGE, *stages[at:])
    if recipe.metadata:
        at = stages.index(convert.STAGE) + 1
        stages = (*stages[:at], metadata.STAGE, *stages[at:])
    if recipe.training and recipe.training.ranges:
        stages = (ranges.STAGE, *stages)
    if recipe.evaluation is not None:
        scored = (evaluate.METRIC,) if evaluate.functions(recipe.evaluation) else ()
        stages = (evaluate.GATHER, *stages, *scored)
    return stages


def _is_adapted(recipe: Recipe, versions: Toolchain) -> bool:
    """Whether the ONNX file, the user's own or PyTorch's, is none that the stages after it read."""
    if adapt.STAGE.image not in versions.images:
        return False
    if recipe.source.kind == "onnx" and recipe.source.path:
        return adapt.is_needed(onnx_file.read(recipe.source.path), recipe)
    return export.STAGE in STAGES[recipe.source.kind] and recipe.opset not in adapt.OPSETS


def _calibration(recipe: Recipe) -> "Arrays | None":
    """Checked as far as can be without the model."""
    asked = recipe.calibration
    if asked is None or asked.kind != "arrays" or not is_calibrated(recipe):
        return None
    from pinlite.conversion import representative_dataset  # noqa: PLC0415  # numpy takes time to import

    arrays = representative_dataset.read(asked)
    if recipe.inputs:
        representative_dataset.fitted(arrays, recipe.inputs, asked)
    return arrays
