"""Where the outputs of a finished conversion begin to differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pinlite import parity, toolchain
from pinlite.debugging import layer_errors
from pinlite.engine import Engine, choose
from pinlite.errors import UsageError
from pinlite.events import Observer, ignore
from pinlite.inputs import paths
from pinlite.machine import temporary
from pinlite.runner import Done, LocalRunner, Runner, provision
from pinlite.schema.choices import AUTO, EngineChoice, VariantName
from pinlite.schema.debug import DebugReport, Layer
from pinlite.schema.recipe import Limits, Recipe, Requirements
from pinlite.schema.report import Report, Tensor, VariantReport
from pinlite.stages import ranges, trace
from pinlite.stages.stage import Content, Stage, of_variant
from pinlite.store import output

_GIVE_SOURCE = "they need the source again: pinlite debug FOLDER SOURCE"
_NO_PYTORCH = "the conversion began with an ONNX file"
_CONVERT = "give the --out folder of a `pinlite convert` of a PyTorch model or an ONNX file"


def debug(
    folder: Path,
    variant: VariantName | None = None,
    *,
    recipe: Recipe | None = None,
    engine: EngineChoice = "auto",
    observe: Observer = ignore,
) -> DebugReport:
    """Compare the tensors of a finished conversion, layer by layer, on its own samples.

    TensorFlow, the float32 file if there is one, and the variant's file are compared with onnxruntime. The files run in
    the interpreter of the TensorFlow that made them, or in the newest runtime if their target has more than that.
    Without ``variant``, it is the one whose outputs differ the most. With the ``recipe`` of the conversion, PyTorch's
    modules are compared too.

    Raises:
        PinliteError: The folder is not the result of a conversion, or does not have the variant; the recipe has another
            model; or a stage fails.
    """
    if recipe and recipe.signatures:
        raise UsageError(
            "the pinlite.toml has several signatures, and the result of one model is compared",
            hint="give the model as SOURCE, with its options",
        )
    if recipe and recipe.source.kind not in ("python", "checkpoint"):
        raise UsageError(
            f"{recipe.source.text} is no PyTorch model: modules are what a source is given for",
            hint=f"leave it out: pinlite debug {folder} compares the runtimes with the result's own model.onnx",
        )
    report = _report(folder)
    chosen = _chosen(report, variant, folder)
    if recipe and report.exporter:
        raise UsageError(
            f"PyTorch's modules can't be compared: no trace of theirs is in what the toolchain {report.toolchain_name} "
            "exports",
            hint=f"leave the source out: pinlite debug {folder} compares the runtimes with the result's own model.onnx",
        )
    files = {each.name: each for each in report.variants if each.name in ("float32", chosen.name)}
    samples = folder / "samples.npz"
    if recipe:
        known = {"samples": samples, "inputs": (), "seed": report.seed, "opset": report.opset}
        recipe = recipe.model_copy(update=known)
    asked = str(report.lock.options.get("toolchain", AUTO))
    made_by = toolchain.load(report.toolchain_name if asked == AUTO else asked)
    if recipe and recipe.environment:
        made_by = toolchain.with_environment(made_by, recipe.environment)
    in_files = trace.tflite(made_by.targets.get(report.target, made_by.target), made_by.runtimes)
    stages = (*([trace.TORCH] if recipe else []), trace.ONNX, trace.TENSORFLOW, in_files)

    def trusted() -> Engine:
        found = choose(engine, observe)
        if recipe:
            provision.check_trust(recipe, wanted, found)
        return found

    wanted = provision.image_recipes(made_by, stages, recipe.requirements if recipe else Requirements(), observe)
    limits = recipe.limits if recipe else Limits()
    with temporary.folder() as made, LocalRunner(trusted, wanted, limits, observe, stages) as runner:
        torch = _torch(recipe, runner, Path(made).resolve()) if recipe else None
        compared = Compared(
            onnx=folder / "model.onnx",
            saved_model=folder / "saved_model",
            files={name: folder / each.path for name, each in files.items()},
            inputs=chosen.inputs,
            in_files=in_files,
        )
        layers = ranked(runner, compared, samples, chosen.name, torch)
    exported = [hop for hop in report.hops if (hop.origin, hop.to) == ("torch", "onnxruntime")]
    return DebugReport(
        source=report.source,
        variant=chosen.name,
        torch={hop.output: hop.max_rel_error for hop in exported},
        torch_left_out="" if recipe else _GIVE_SOURCE if exported else _NO_PYTORCH,
        layers=layers,
    )


@dataclass(frozen=True)
class Compared:
    """A model on its way: ``files`` are TFLite's, by variant, which have the ``inputs``; ``in_files`` is the stage that
    runs them.
    """

    onnx: Content
    saved_model: Content
    files: Mapping[VariantName, Content]
    inputs: tuple[Tensor, ...]
    in_files: Stage


def ranked(
    runner: Runner,
    compared: Compared,
    samples: Content,
    variant: VariantName,
    torch: Done[trace.Modules] | None = None,
) -> tuple[Layer, ...]:
    """The layers of a variant by what they add to its error, the most first, as `layer_errors.layers` has them;
    ``torch`` is what PyTorch's modules gave.
    """

    def traced(stage: Stage, model: Content) -> layer_errors.Traced:
        done = runner.run(trace.tensors(stage, model, samples, compared.inputs))
        return list(zip(done.result.names, parity.read(done.outputs["values"].path).values(), strict=True))

    graph = runner.run(trace.onnx(compared.onnx, samples, torch.outputs["model"] if torch else None))
    return layer_errors.layers(
        layer_errors.Reference(graph.result.nodes, parity.read(graph.outputs["values"].path)),
        traced(trace.TENSORFLOW, compared.saved_model),
        {name: traced(of_variant(compared.in_files, name), file) for name, file in compared.files.items()},
        variant,
        _modules(torch, graph.result) if torch else None,
    )


def _torch(recipe: Recipe, runner: Runner, folder: Path) -> Done[trace.Modules]:
    source = provision.source(recipe, folder)
    begun = ranges.action(recipe)
    earlier = runner.run(begun).result if begun else None
    return runner.run(trace.torch(recipe, source, provision.functions(recipe, folder, source), earlier))


def _modules(torch: Done[trace.Modules], graph: trace.Graph) -> layer_errors.Modules:
    """The outputs of PyTorch's modules, by the names of ONNX values."""
    values = parity.read(torch.outputs["values"].path).values()
    found = {f"{trace.MARK}{at}": each for at, each in enumerate(zip(torch.result.modules, values, strict=True))}
    computed = {output for node in graph.nodes for output in node.outputs}
    return {value: found[mark] for value, mark in graph.marks.items() if mark in found and value in computed}


def _report(folder: Path) -> Report:
    try:
        report = Report.model_validate_json((folder / output.REPORT).read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{folder} is not the output folder of a conversion", hint=_CONVERT) from error
    paths.closed_folder(folder)
    if any(each.path in ("", "..") or Path(each.path).name != each.path for each in report.variants):
        raise UsageError(f"{folder / output.REPORT} names files of other folders", hint=_CONVERT)
    if report.signatures:
        raise UsageError(
            f"{folder} has files of several signatures, {', '.join(each.name for each in report.signatures)}",
            hint="convert the one to look at alone: pinlite convert SOURCE with its options, then debug that result",
        )
    if not (folder / "model.onnx").is_file() or not report.variants:
        raise UsageError(f"{folder} has no ONNX model and TFLite file to compare", hint=_CONVERT)
    if report.lowering != "nhwc":
        raise UsageError(
            f"{folder} was made with --lowering {report.lowering}, which loses the names of the layers",
            hint="convert with --lowering nhwc",
        )
    return report


def _chosen(report: Report, variant: VariantName | None, folder: Path) -> VariantReport:
    if variant is None:
        return max(report.variants, key=_difference)
    for each in report.variants:
        if each.name == variant:
            return each
    raise UsageError(
        f"{folder} has no variant {variant}, only {', '.join(each.name for each in report.variants)}",
        hint=f"convert again with --variant {variant}",
    )


def _difference(variant: VariantReport) -> float:
    return max((float("inf") if figure is None else figure for figure in variant.parity.values()), default=float("inf"))
