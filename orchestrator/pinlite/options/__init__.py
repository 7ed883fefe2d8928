"""From defaults, pinlite.toml and the command line to one frozen `Recipe`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.inputs.paths import existing, existing_path
from pinlite.options.calibration import IMAGES, calibration_of, needs_calibration
from pinlite.options.options import Options, default_file, explained, moved, read
from pinlite.options.sources import default_name, parse_source
from pinlite.options.training import evaluation_of, training_of
from pinlite.options.values import check_requirement, inputs, layouts, parse_input, size, stages, tolerance, variants
from pinlite.schema.choices import Lowering
from pinlite.schema.recipe import Limits, Recipe, Source
from pinlite.toolchain import Toolchain

__all__ = [
    "IMAGES",
    "check_requirement",
    "default_file",
    "moved",
    "needs_calibration",
    "parse_input",
    "parse_source",
    "resolve",
    "size",
]

_TOLERANCE, _TOLERANCE_ROUNDED = 1e-4, 0.1

# What decides nothing of what is made.
_COSMETIC = ("out", "strict", "sign", "engine", "trust", "memory", "disk", "timeout", "no-cache", "refresh")


def resolve(command_line: Mapping[str, Any], file: Path | None = None) -> Recipe:
    """One recipe; the command line wins over the file, a None there says nothing.

    Paths in the file are relative to the file.

    Raises:
        UsageError: A key, value or path is wrong; the message names it.
    """
    given = {key: value for key, value in command_line.items() if value not in (None, (), [])}
    from_file = read(file) if file else {}
    merged = from_file | given
    if "source" not in merged:
        raise UsageError("no source is given", hint="e.g. pinlite convert model.py:build --input input=1x3x224x224")
    try:
        options = Options.model_validate(merged)
    except ValidationError as error:
        raise explained(error, {} if file is None else dict.fromkeys(from_file.keys() - given.keys(), file)) from None
    try:
        recipe = _recipe(options)
    except OSError as error:
        raise UsageError(f"{str(error.filename)[:80]}: {error.strerror}", hint="check the path") from error
    kept = {key: value for key, value in merged.items() if key not in _COSMETIC}
    return recipe.model_copy(update={"options": kept})


def _recipe(options: Options) -> Recipe:
    source = parse_source(options.source)
    chosen = toolchain.load(options.toolchain)
    lowering = options.lowering or chosen.lowerings[0]
    for requirement in options.with_:
        check_requirement(requirement)
    _check_lowering(lowering, chosen)
    _check_lowered_by_us(options, source, lowering, chosen)
    wanted = variants(options.variant)
    return Recipe(
        source=source,
        out=Path(options.out) if options.out else Path("build") / default_name(source),
        weights=existing("--weights", options.weights),
        inputs=inputs(options.input),
        output_names=tuple(options.output_name),
        samples=existing("--samples", options.samples),
        seed=options.seed,
        toolchain=options.toolchain,
        toolchain_files=toolchain.own_files(options.toolchain),
        target=_target(options, chosen),
        opset=_opset(options, chosen),
        lowering=lowering,
        input_layouts=layouts("--input-layout", options.input_layout),
        output_layouts=layouts("--output-layout", options.output_layout),
        ops=options.ops,
        dynamic_batch=options.dynamic_batch,
        variants=wanted,
        calibration=calibration_of(options, wanted),
        integer_io=options.integer_io,
        variant_tolerances=dict(tolerance(text) for text in options.variant_tolerance),
        requirements=tuple(options.with_),
        training=training_of(options, source),
        evaluation=evaluation_of(options),
        data=existing_path("--data", options.data),
        tolerance=_tolerance_of_all(options),
        strict=options.strict,
        sign=existing("--sign", options.sign),
        engine=options.engine,
        trust=options.trust,
        limits=Limits(
            memory=size("--memory", options.memory), disk=size("--disk", options.disk), timeout=options.timeout
        ),
        cache=not options.no_cache,
        refresh=stages(options.refresh),
    )


def _target(options: Options, chosen: Toolchain) -> str:
    if options.target is None:
        return chosen.target.name
    if options.target not in chosen.targets:
        raise UsageError(
            f"--target {options.target!r}: there is no such target", hint=f"there are {', '.join(chosen.targets)}"
        )
    return options.target


def _opset(options: Options, chosen: Toolchain) -> int:
    opsets, asked = chosen.opsets, options.opset
    if asked is None:
        return opsets.default
    if not opsets.least <= asked <= opsets.most:
        raise UsageError(
            f"--opset {asked}: the toolchain {chosen.name} exports opsets {opsets.least} to {opsets.most}",
            hint=f"leave it out to have {opsets.default}",
        )
    return asked


def _check_lowering(lowering: Lowering, chosen: Toolchain) -> None:
    if lowering not in chosen.lowerings:
        raise UsageError(
            f"--lowering {lowering}: the toolchain {chosen.name} has none",
            hint=f"it has {', '.join(chosen.lowerings)}",
        )


def _check_lowered_by_us(options: Options, source: Source, lowering: Lowering, chosen: Toolchain) -> None:
    """Refuse what is the nhwc lowering's alone where that lowering does not run."""
    asked = {
        "--input-layout": options.input_layout,
        "--output-layout": options.output_layout,
        "--dynamic-batch": options.dynamic_batch,
    }
    option = next((name for name, value in asked.items() if value), None)
    if option and source.kind == "saved_model":
        raise UsageError(
            f"{option}: a SavedModel is converted as it is", hint="convert the PyTorch model or the ONNX file"
        )
    # The ranges that a model is trained for are in its graph; TensorFlow's converter sees them in a frozen one alone.
    option = option or (options.qat and "--qat")
    if option and lowering != "nhwc":
        where = "" if "nhwc" in chosen.lowerings else f", by a toolchain that has it: --toolchain {toolchain.DEFAULT}"
        raise UsageError(
            f"{option}: the lowering {lowering} is onnx-tf as it is", hint=f"convert with --lowering nhwc{where}"
        )


def _tolerance_of_all(options: Options) -> float:
    """What is asked for; else what is usual.

    With rounding in it a model carries the last bit of a sum on: a number on the border of two steps goes either way.
    """
    if options.tolerance is not None:
        return options.tolerance
    return _TOLERANCE_ROUNDED if options.qat else _TOLERANCE
