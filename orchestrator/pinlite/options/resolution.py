"""From defaults, pinlite.toml and the command line to one frozen `Recipe`."""

from collections.abc import Mapping
from os import fspath
from pathlib import Path
from typing import Any, get_args

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.inputs import environment, onnx_file, torch_file
from pinlite.inputs.paths import existing, existing_path, npz_file, readable
from pinlite.options import signatures
from pinlite.options.calibration import calibration_of, chosen_by, quantization_of
from pinlite.options.checked import checked
from pinlite.options.declared import SIGNATURE, Settings
from pinlite.options.option import AROUND, Option, fields
from pinlite.options.pinlite_toml import read
from pinlite.options.requirements import requirements_of
from pinlite.options.sources import default_name, parse_source, weights_of
from pinlite.options.training import evaluation_of, training_of
from pinlite.options.values import (
    batched,
    duration,
    fixed,
    inputs,
    layouts,
    preprocessing,
    size,
    stages,
    tolerance,
    variants,
)
from pinlite.registry import Reference
from pinlite.schema.choices import AUTO, CURRENT_TOOLCHAIN, DEFAULT_TOOLCHAIN, IntegerIo, Lowering, VariantName
from pinlite.schema.environment import Environment
from pinlite.schema.recipe import Limits, Recipe, Source
from pinlite.toolchain import AddedRow, Target, Toolchain, environments

_TOLERANCE, _TOLERANCE_ROUNDED = 1e-4, 0.1

_DECISIVE = {
    SIGNATURE,
    *(
        field.key
        for field in fields(Settings)
        if isinstance(field.declared, Option) and field.declared.group not in AROUND
    ),
}


def resolve(command_line: Mapping[str, Any], file: Path | None = None) -> Recipe:
    """One recipe; the command line wins over the file, a None there says nothing.

    Paths in the file are relative to the file.

    Raises:
        UsageError: A key, value or path is wrong; the message names it.
    """
    given = {key: value for key, value in command_line.items() if value not in (None, (), [])}
    from_file = read(file) if file else {}
    merged = from_file | given
    files = {} if file is None else dict.fromkeys(from_file.keys() - given.keys(), file)
    recipe = _of_signatures(merged, given, files, file) if SIGNATURE in merged else _of_one(merged, files)
    kept = {key: value for key, value in merged.items() if key in _DECISIVE}
    # A file may be a stranger's, and images are used by later runs, too.
    image_keys = recipe.trust_keys if "trust-key" in given else ()
    return recipe.model_copy(update={"options": kept, "image_keys": image_keys})


def _of_one(merged: Mapping[str, Any], files: Mapping[str, Path | str], *, several: bool = False) -> Recipe:
    """The recipe of one model, or of one of ``several`` for one file."""
    if "source" not in merged:
        raise UsageError("no source is given", hint="e.g. pinlite convert model.py:build --input input=1x3x224x224")
    options = checked(Settings, merged, files)
    try:
        return _recipe(options, several=several)
    except OSError as error:
        raise UsageError(f"{str(error.filename)[:80]}: {error.strerror}", hint="check the path") from error


def _of_signatures(
    merged: Mapping[str, Any], given: Mapping[str, Any], files: Mapping[str, Path | str], file: Path | None
) -> Recipe:
    """The recipe of a file with several signatures: what they share, and theirs. ``given`` is what the command line
    says, of all of them; a record says theirs among the rest.
    """
    if file and "source" in given:
        raise UsageError(
            f"{given['source']} is given, and {file} has a source for each [[{SIGNATURE}]]",
            hint="leave it out, or convert it without --config",
        )
    shared = {key: value for key, value in merged.items() if key != SIGNATURE}
    checked(Settings, shared, files)
    over = {} if SIGNATURE in given else given
    recipes: dict[str, Recipe] = {}
    for name, own in signatures.of(merged[SIGNATURE], file).items():
        asked = {**shared, **own, **over}
        if "source" not in asked:
            raise UsageError(f"{signatures.called(name, file)} has no source", hint='e.g. source = "net.py:encoder"')
        try:
            recipes[name] = _of_one(asked, {**files, **dict.fromkeys(own, signatures.called(name, file))}, several=True)
        except UsageError as error:
            raise UsageError(f"{SIGNATURE} {name}: {error.message}", hint=error.hint) from error
    signatures.check(recipes)
    first, *_ = recipes.values()
    out = Path(shared.get("out") or Path("build") / "-".join(recipes))
    text = ", ".join(f"{name}: {recipe.source.text}" for name, recipe in recipes.items())
    return first.model_copy(
        update={
            "source": first.source.model_copy(update={"text": text}),
            "out": out,
            "signatures": {name: recipe.model_copy(update={"out": out}) for name, recipe in recipes.items()},
        }
    )


def _recipe(options: Settings, *, several: bool) -> Recipe:
    source = parse_source(fspath(options["source"]))
    own = _environment(options, source)
    chosen = toolchain.load(_toolchain(fspath(options["toolchain"]), source))
    lowering = options.get("lowering") or chosen.lowerings[0]
    _check_exported(options, source)
    _check_cut(options, source, chosen)
    if options["preprocessing"] and options.get("qat"):
        raise UsageError("--preprocess: no training for int8 covers it", hint="give --qat or --preprocess, not both")
    _check_lowering(lowering, chosen)
    _check_dequantized(options, source, chosen)
    _check_open_batch(options)
    _check_device(options, chosen)
    _check_lowered_by_us(options, source, lowering, chosen)
    has_ranges = "qat" in options or (lowering == "nhwc" and not options["dequantize"] and _is_quantized(source))
    target = _target(options, chosen)
    if several:
        signatures.check_target(chosen.targets[target], chosen.targets)
    wanted = variants(options["variants"]) or _usual_variants(source, chosen.targets[target], has_ranges=has_ranges)
    _check_target(wanted, chosen.targets[target], chosen, lowering)
    _check_fixed(options, chosen.targets[target])
    added = _added(options)
    for name, row in added.items():
        _check_added(name, row, options, wanted)
    weights, weights_key = weights_of(options.get("weights"))
    return Recipe(
        source=source,
        out=Path(options.get("out") or Path("build") / default_name(source)),
        weights=weights,
        weights_key=weights_key,
        inputs=inputs(options["inputs"]),
        fixed=fixed(options["fixed"]),
        preprocessing=preprocessing(options["preprocessing"]),
        output_names=tuple(options["output_names"]),
        from_tensors=tuple(options["from_tensors"]),
        to_tensors=tuple(options["to_tensors"]),
        samples=existing("--samples", options.get("samples"), npz_file),
        seed=options["seed"],
        toolchain=chosen.text,
        toolchain_files=toolchain.own_files(chosen.text),
        target=target,
        runtimes=tuple(added),
        opset=_opset(options, chosen, own),
        lowering=lowering,
        input_layouts=layouts("--input-layout", options["input_layout"]),
        output_layouts=layouts("--output-layout", options["output_layout"]),
        ops=options["ops"],
        dynamic_batch=options["dynamic_batch"] or bool(options["dynamic"]),
        batched=batched(options["dynamic"]),
        dequantize=options["dequantize"],
        has_ranges=has_ranges,
        variants=wanted,
        calibration=calibration_of(options, wanted, has_ranges=has_ranges),
        quantization=quantization_of(options, wanted, has_ranges=has_ranges),
        integer_io=options["integer_io"],
        metadata=options["metadata"],
        labels=existing("--labels", options.get("labels")),
        examples=tuple(dict.fromkeys(options["examples"])),
        variant_tolerances=dict(tolerance(text) for text in options["variant_tolerances"]),
        requirements=requirements_of(options, chosen),
        training=training_of(options, source),
        evaluation=evaluation_of(options),
        data=existing_path("--data", options.get("data")),
        tolerance=_tolerance_of_all(options, has_ranges=has_ranges),
        arena=_arena(options, chosen.targets[target]),
        latency_runs=options.get("latency_runs"),
        strict=options["strict"],
        sign=existing("--sign", options.get("sign"), readable),
        engine=options["engine"],
        trust=options["trust"],
        environment=own,
        limits=Limits(
            memory=size("--memory", options["memory"]), disk=size("--disk", options["disk"]), timeout=options["timeout"]
        ),
        keep_warm=duration("--keep-warm", options["keep_warm"]) if "keep_warm" in options else 0.0,
        images=_images(options),
        cache=not options["no_cache"],
        store=_store(options),
        trust_keys=tuple(file for each in options["trust_keys"] if (file := existing("--trust-key", each, readable))),
        signing_key=existing("--signing-key", options.get("signing_key"), readable),
        refresh=stages(options["refresh"]),
    )


def _images(options: Settings) -> str:
    given = options.get("images", "")
    return str(Reference.parse(given)) if given else ""


def _store(options: Settings) -> str:
    """The repository of ``--store``; "" without one."""
    if "store" not in options:
        return ""
    reference = Reference.parse(options["store"])
    if reference != reference.repository:
        raise UsageError(
            f"--store {options['store']}: it names a tag or a digest",
            hint=f"give the repository, which has a tag for each result: {reference.repository}",
        )
    return str(reference)


def _toolchain(asked: str, source: Source) -> str:
    """The toolchain that ``auto`` stands for, by the file that is converted; any other as it is asked for."""
    if asked != AUTO:
        return asked
    later = source.kind == "checkpoint" and source.path is not None and torch_file.is_later(source.path)
    return CURRENT_TOOLCHAIN if later else DEFAULT_TOOLCHAIN


def _target(options: Settings, chosen: Toolchain) -> str:
    target = options.get("target", chosen.target.name)
    if target not in chosen.targets:
        raise UsageError(f"--target {target!r}: there is no such target", hint=f"there are {', '.join(chosen.targets)}")
    return target


def _check_target(wanted: tuple[VariantName, ...], target: Target, chosen: Toolchain, lowering: Lowering) -> None:
    """Refuse a variant that the target's runtimes can't run, or that the lowering does not make."""
    for variant in wanted:
        if not target.takes(variant):
            others = [name for name, other in chosen.targets.items() if other.takes(variant)]
            raise UsageError(
                f"--variant {variant}: not every runtime of the target {target.name} can run it",
                hint=f"take {' or '.join(f'--target {name}' for name in others)}, or another variant",
            )
        if variant in toolchain.NEEDS and lowering != "nhwc":
            raise UsageError(
                f"--variant {variant}: the lowering {lowering} has TensorFlow's own files alone",
                hint=f"convert with --lowering nhwc{_by_toolchain(chosen)}",
            )


def _check_fixed(options: Settings, target: Target) -> None:
    """Refuse sizes that are open until the file runs, where a target's own runtime has room for fixed ones alone."""
    option = next((name for name in ("dynamic_batch", "dynamic") if options[name]), None)
    if option and target.runtimes:
        raise UsageError(
            f"--{option.replace('_', '-')}: a file for the target {target.name} has fixed sizes, for which it needs "
            "an arena",
            hint="leave it out, or choose another --target",
        )


def _added(options: Settings) -> dict[str, AddedRow]:
    """The runtimes of ``--runtime``, each once."""
    known, names = toolchain.added(), tuple(dict.fromkeys(options["runtimes"]))
    for name in names:
        if name not in known:
            raise UsageError(
                f"--runtime {name!r}: there is no runtime of that name to add",
                hint=f"there are {', '.join(known)}; those of the toolchain run without being named",
            )
    return {name: known[name] for name in names}


def _check_added(name: str, row: AddedRow, options: Settings, wanted: tuple[VariantName, ...]) -> None:
    """Refuse files that an added runtime can't run."""
    option = next((each for each in ("dynamic_batch", "dynamic") if options[each]), None)
    if option and not row.open_sizes:
        raise UsageError(
            f"--{option.replace('_', '-')}: the runtime {name} runs files of fixed sizes alone",
            hint=f"leave it out, or leave out --runtime {name}",
        )
    if row.takes and "int8-only" in wanted and options["integer_io"] not in row.takes:
        able = [f"--integer-io {each}" for each in get_args(IntegerIo) if each in row.takes]
        raise UsageError(
            f"--runtime {name}: it has no inputs and outputs of {options['integer_io']}, as the file of "
            "--variant int8-only has",
            hint=f"give {' or '.join([*able, '--variant int8'])}",
        )
    if options["ops"] == "select-tf" and not row.select_tf:
        raise UsageError(
            f"--ops select-tf: the runtime {name} has none of TensorFlow's operators",
            hint=f"leave it out, or leave out --runtime {name}",
        )


def _arena(options: Settings, target: Target) -> int | None:
    """The bytes that a device has for tensors; refused where the target has no runtime with an arena."""
    if "arena" not in options:
        return None
    if not any(row.arena for row in target.runtimes):
        raise UsageError(
            f"--arena: the runtimes of the target {target.name} have no arena",
            hint="give --target micro, or leave it out",
        )
    return size("--arena", options["arena"])


def _environment(options: Settings, source: Source) -> Environment | None:
    """The user's own environment, which is asked what it has, where that may run."""
    if "python" not in options:
        return None
    if source.kind in ("onnx", "saved_model"):
        raise UsageError("--python is for what PyTorch exports", hint="leave it out")
    if options["requirements"]:
        raise UsageError("--with adds to an image, not to the environment of --python", hint="install it there")
    if not options["trust"]:
        raise UsageError(
            "--python runs the model's code in your own environment, where nothing keeps it from your files",
            hint="give --trust if you know who wrote it; without --python it runs in a sandbox of the docker engine",
        )
    return environment.read(Path(options["python"]))


def _opset(options: Settings, chosen: Toolchain, own: Environment | None) -> int:
    opsets, asked = chosen.opsets, options.get("opset")
    who = f"the toolchain {chosen.name}"
    if own:
        opsets, who = environments.row_of(own).opsets, f"torch {own.packages['torch']}"
    if asked is None:
        return opsets.default
    if not opsets.least <= asked <= opsets.most:
        raise UsageError(
            f"--opset {asked}: {who} exports opsets {opsets.least} to {opsets.most}",
            hint=f"leave it out: it is that of the ONNX model on the way, {opsets.default} then, and a TFLite file has "
            f"none{_exported_by(asked)}",
        )
    return asked


def _exported_by(opset: int) -> str:
    """The toolchains that export an opset, in a hint."""
    named = {name: toolchain.load(name).opsets for name in toolchain.names()}
    able = [f"--toolchain {name}" for name, opsets in named.items() if opsets.least <= opset <= opsets.most]
    return f"; {' and '.join(able)} would export {opset}" if able else ""


def _check_exported(options: Settings, source: Source) -> None:
    """Refuse what only an export of PyTorch reads, where there is none."""
    asked = {
        "--weights": options.get("weights"),
        "--fix": options["fixed"],
        "--preprocess": options["preprocessing"],
        "--output-name": options["output_names"],
        "--opset": options.get("opset"),
    }
    option = next((name for name, value in asked.items() if value), None)
    if option and source.kind in ("onnx", "saved_model"):
        what = "an ONNX file" if source.kind == "onnx" else "a SavedModel"
        raise UsageError(f"{option}: {what} is converted unchanged", hint="leave it out, or convert the PyTorch model")


def _check_cut(options: Settings, source: Source, chosen: Toolchain) -> None:
    """Refuse a part of what is no ONNX model, or is not adapted."""
    option = next((name for name in ("from_tensors", "to_tensors") if options[name]), None)
    if option is None:
        return
    flag = f"--{option[:-1].replace('_', '-')}"
    if source.kind != "onnx":
        raise UsageError(f"{flag}: only an ONNX file has parts", hint="convert one; a result has it as model.onnx")
    _check_adapts(flag, chosen, "takes parts of models")


def _check_dequantized(options: Settings, source: Source, chosen: Toolchain) -> None:
    if not options["dequantize"]:
        return
    if source.kind != "onnx":
        raise UsageError("--dequantize: only an ONNX file is quantized", hint="leave it out")
    _check_adapts("--dequantize", chosen, "makes floats of them")


def _check_adapts(flag: str, chosen: Toolchain, does: str) -> None:
    if toolchain.ADAPT not in chosen.images:
        raise UsageError(
            f"{flag}: the toolchain {chosen.name} has no image {toolchain.ADAPT}, which {does}",
            hint=f"convert with --toolchain {toolchain.DEFAULT}",
        )


def _is_quantized(source: Source) -> bool:
    head = onnx_file.read(source.path) if source.kind == "onnx" and source.path else None
    return head is not None and head.is_quantized


def _usual_variants(source: Source, target: Target, *, has_ranges: bool) -> tuple[VariantName, ...]:
    if has_ranges and source.kind == "onnx":
        return ("int8",)
    return target.variants[:1] or ("float32",)


def _check_lowering(lowering: Lowering, chosen: Toolchain) -> None:
    if lowering not in chosen.lowerings:
        raise UsageError(
            f"--lowering {lowering}: the toolchain {chosen.name} does not have it",
            hint=f"it has {', '.join(chosen.lowerings)}",
        )


def _check_device(options: Settings, chosen: Toolchain) -> None:
    """Refuse labels that nothing reads, and metadata that nothing writes."""
    if options.get("labels") and not (options["metadata"] or options["examples"]):
        raise UsageError("--labels: nothing has them", hint="give --metadata, or --example python or cpp, with it")
    if options["metadata"] and toolchain.METADATA not in chosen.images:
        raise UsageError(
            f"--metadata: the toolchain {chosen.name} has no image {toolchain.METADATA}, which writes it",
            hint=f"convert with --toolchain {toolchain.DEFAULT}",
        )


def _check_open_batch(options: Settings) -> None:
    if options["dynamic_batch"] and options["dynamic"]:
        raise UsageError(
            "--dynamic-batch is for all inputs, --dynamic for those that it names", hint="give one of the two"
        )


def _check_lowered_by_us(options: Settings, source: Source, lowering: Lowering, chosen: Toolchain) -> None:
    """Refuse what is the nhwc lowering's alone where that lowering does not run."""
    asked = {
        "--input-layout": options["input_layout"],
        "--output-layout": options["output_layout"],
        "--dynamic-batch": options["dynamic_batch"],
        "--dynamic": options["dynamic"],
    }
    option = next((name for name, value in asked.items() if value), None)
    if option and source.kind == "saved_model":
        raise UsageError(
            f"{option}: a SavedModel is converted unchanged", hint="convert the PyTorch model or the ONNX file"
        )
    # The ranges that a model is trained for are in its graph; TensorFlow's converter sees them in a frozen one alone.
    # The stock lowering's integers are the quantizer's own.
    ours = [*(["--qat"] if options.get("qat") else []), *chosen_by(options)]
    option = option or next(iter(ours), None)
    if option and lowering != "nhwc":
        raise UsageError(
            f"{option}: the lowering {lowering} is onnx-tf unchanged",
            hint=f"convert with --lowering nhwc{_by_toolchain(chosen)}",
        )


def _by_toolchain(chosen: Toolchain) -> str:
    """What to add to `--lowering nhwc` in a hint."""
    return "" if "nhwc" in chosen.lowerings else f", by a toolchain that has it: --toolchain {toolchain.DEFAULT}"


def _tolerance_of_all(options: Settings, *, has_ranges: bool) -> float:
    """What is asked for; else what is usual.

    With rounding in it a model carries the last bit of a sum on: a number on the border of two steps goes either way.
    """
    return options.get("tolerance", _TOLERANCE_ROUNDED if has_ranges else _TOLERANCE)
