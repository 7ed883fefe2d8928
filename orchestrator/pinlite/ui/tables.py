"""Reports as tables."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pinlite import options
from pinlite.ui.console import SafeConsole, indented, name
from pinlite.units import bytes_, count

if TYPE_CHECKING:
    from pinlite.schema.debug import DebugReport
    from pinlite.schema.match import MatchReport
    from pinlite.schema.report import Failure, Hop, Report, VariantReport, Warned


# In columns, of a text that is no terminal's.
_ENDLESS = 10**5
# All operators of these variants take and give floats, whatever they compute in.
_BETWEEN_FLOATS = ("weight-", "dynamic")


def show(report: "Report", out: str, console: Console) -> None:
    console.print(
        Group(
            _stages(report),
            _artifacts(report),
            *_hops(report),
            *_training(report),
            *_variants(report),
            *_evaluation(report),
            *_tuning(report),
        )
    )
    if report.machine is not None:
        where = f"{report.machine.processor}, {report.machine.threads} threads"
        console.print(Text(f"{report.date} on ", "dim") + name(where), soft_wrap=True)
    for noted in report.notes:
        console.print(Text("note: ", "yellow") + Text(indented(noted.message)), soft_wrap=True)
    for warned in report.warnings:
        console.print(_warning(warned), soft_wrap=True)
    # A path that the console wraps could not be copied.
    console.print(Text(f"{report.source} -> {out}: ") + _verdict(report), soft_wrap=True)


def show_layers(report: "DebugReport", top: int, console: Console) -> None:
    console.print(_layers(report, top))
    if report.torch_left_out:
        console.print(Text(f"torch's modules are left out: {report.torch_left_out}"), soft_wrap=True)
    for output, error in report.torch.items():
        told = "can't be compared" if error is None else f"differ by {100 * error:.3g} % at most"
        console.print(Text(f"torch and onnxruntime {told} in ") + name(output), soft_wrap=True)


def all_layers(report: "DebugReport") -> str:
    """The table of all layers as a text, each in one line, as wide as it is."""
    text = io.StringIO()
    SafeConsole(file=text, width=_ENDLESS, color_system=None).print(_layers(report, len(report.layers)))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _layers(report: "DebugReport", top: int) -> Table:
    layers = report.layers[:top]
    asked = [] if report.torch_left_out else ["torch"]
    runtimes = tuple(dict.fromkeys([*asked, "tensorflow", *(run for layer in report.layers for run in layer.errors)]))
    module, includes = ["module"] * bool(asked), ["includes"] * any(layer.includes for layer in layers)
    numbers = (*runtimes, "adds")
    title = f"layers by what they add to the error of {report.variant}, errors in %"
    made = table(title, "layer", *module, "operator", *includes, *numbers, numbers=numbers)
    for column in made.columns:
        # A narrow terminal breaks names, and no figure.
        column.overflow, column.no_wrap = "fold", column.header in numbers
    for layer in layers:
        errors = [f"{100 * layer.errors[run]:.2g}" if run in layer.errors else "-" for run in runtimes]
        names = [layer.name, *[layer.module or "-"] * bool(module), layer.operator]
        names += [", ".join(layer.includes)] * bool(includes)
        made.add_row(*map(name, names), *errors, f"{100 * layer.added:+.3g}")
    return made


def show_match(report: "MatchReport", console: Console) -> None:
    made = table(f"what the toolchains make of {report.source}", "toolchain", "lowering", "")
    for each in report.candidates:
        if each.same:
            told = Text("the same bytes", "green")
        elif each.refusal:
            told = Text("refused: ", "red") + Text(indented(each.refusal))
        else:
            told = name(each.summary)
        made.add_row(name(each.toolchain), each.lowering, told)
    console.print(made)
    same = [f"{each.toolchain}, lowering {each.lowering}" for each in report.candidates if each.same]
    if same:
        console.print(Text(f"{report.file} was made by: ", "green") + Text("; ".join(same)), soft_wrap=True)
    else:
        nearest = report.candidates[0]
        which = f"{nearest.toolchain}, lowering {nearest.lowering}"
        console.print(Text(f"none of these made {report.file}; the nearest is {which}", "yellow"), soft_wrap=True)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", header_style="dim")
    return made


def _warning(warned: "Warned") -> Text:
    about = f"{warned.variant}: " if warned.variant else ""
    return Text("warning: ", "yellow") + Text(indented(about + warned.message))


def _verdict(report: "Report") -> Text:
    count = len(report.warnings)
    warnings = f", with {count} warning{'s' if count > 1 else ''}" if count else ""
    return _judged(report) + Text(warnings, "yellow")


def _judged(report: "Report") -> Text:
    if report.failures:
        return Text("without " + ", ".join(failure.variant for failure in report.failures), "red")
    if not report.ok:
        return _wrong(report)
    if any(hop.tolerance is None for hop in report.hops if hop.profile is None):
        return Text("compared with the reference, see the hops above", "green")
    return Text("equal to the reference within", "green") + Text(f" {report.tolerance:g}")


def _wrong(report: "Report") -> Text:
    lost = dict.fromkeys(each.variant for each in report.lost if each.failed)
    fallen = dict.fromkeys(each.variant for each in report.evaluation.fallen) if report.evaluation else {}
    if (lost or fallen) and all(hop.passed for hop in report.hops):
        return Text(f"outputs are lost in {', '.join(lost)}" if lost else f"scores fall in {', '.join(fallen)}", "red")
    return Text("differs by more than", "red") + Text(f" {report.tolerance:g}")


def _stages(report: "Report") -> RenderableType:
    made = table("stages", "stage", "image", "", "seconds", "peak memory", numbers=("seconds", "peak memory"))
    for stage in report.stages:
        figures = (f"{stage.seconds:.2f}", bytes_(stage.peak_memory)) if stage.source == "ran" else ("", "")
        made.add_row(stage.name, stage.image, stage.source, *figures)
    return made


def _artifacts(report: "Report") -> RenderableType:
    made = table("artifacts", "artifact", "size", "sha256", numbers=("size",))
    for artifact in report.artifacts:
        made.add_row(name(artifact.path), bytes_(artifact.size), artifact.sha256[:16])
    return made


def _hops(report: "Report") -> Iterator[RenderableType]:
    count = len({hop.output for hop in report.hops})
    for origin in dict.fromkeys(hop.origin for hop in report.hops):
        made = table(
            f"hops from {origin}, the worst of {count} output(s)",
            *("to", "variant", "absolute", "relative", "cosine", ""),
            numbers=("absolute", "relative", "cosine"),
        )
        for hop in _worst(report):
            if hop.origin == origin:
                errors = (figure(hop.max_abs_error, ".2e"), figure(hop.max_rel_error, ".2e"))
                made.add_row(hop.to, hop.variant or "", *errors, figure(hop.cosine, ".7f"), _judgement(hop))
        yield made


def _worst(report: "Report") -> Iterator["Hop"]:
    """The worst output of each hop, or one that can't be compared; of profiles only those that are judged."""
    for pair in dict.fromkeys((hop.origin, hop.to, hop.variant) for hop in report.hops):
        hops = [hop for hop in report.hops if (hop.origin, hop.to, hop.variant) == pair]
        judged = [hop for hop in hops if hop.profile is None or hop.tolerance is not None]
        yield max(judged, key=lambda hop: (not hop.passed, hop.max_rel_error is None, hop.max_rel_error or 0.0))


def _judgement(hop: "Hop") -> Text:
    # 80 columns have room for the name of a profile, not for more.
    on = f" on {hop.profile}" if hop.profile else ""
    if not hop.passed:
        return Text(f"differs{on}", "red") if on else Text("differs in ", "red") + name(hop.output)
    if hop.tolerance is None:
        return Text("reported")
    # The line below the tables has the tolerance, except for variants with a tolerance of their own.
    told = "equal" if hop.variant in (None, "float32") else f"< {hop.tolerance:.2g}"
    return Text(told, "green") + Text(on)


def _training(report: "Report") -> Iterator[RenderableType]:
    if not report.training:
        return
    numbers = ("after gzip", "sparsity", "distinct weights per layer")
    made = table(
        "training, the weights after each technique", "technique", "size", *numbers, numbers=("size", *numbers)
    )
    for step in report.training:
        counts = [layer.distinct for layer in step.layers]
        made.add_row(
            name(step.technique),
            bytes_(step.size),
            bytes_(step.gzip_size),
            f"{step.sparsity:.1%}",
            f"{min(counts)} to {max(counts)}" if counts else "-",
        )
    yield made
    sizes = [
        f"{variant.name} {bytes_(variant.gzip_size)} of {bytes_(variant.size)}"
        for variant in report.variants
        if variant.gzip_size is not None
    ]
    yield Text("after gzip: ", "dim") + Text(", ".join(sizes))


def _evaluation(report: "Report") -> Iterator[RenderableType]:
    if report.evaluation is None:
        return
    metrics = list(report.evaluation.scores[0].scores)
    title = f"scores on {report.evaluation.samples} samples of {report.evaluation.source}"
    made = table(title, "runtime", "variant", *metrics, numbers=tuple(metrics))
    fallen = {(each.runtime, each.variant, each.metric) for each in report.evaluation.fallen}
    for entry in report.evaluation.scores:
        scores = [
            Text(f"{entry.scores[metric]:.4f}", "red" if (entry.runtime, entry.variant, metric) in fallen else "")
            for metric in metrics
        ]
        made.add_row(entry.runtime, entry.variant or "", *scores)
    yield made


def _tuning(report: "Report") -> Iterator[RenderableType]:
    found = report.tuning
    if found is None:
        return
    many = f"{len(found.trials)} trials of {found.variant} in {found.runtime}"
    numbers = ("loss", "error", "in floats", "size", "median")
    made = table(f"{many}: the frontier of accuracy, size and latency", "", "trial", *numbers, numbers=numbers)
    for at in sorted({*found.frontier, found.chosen}, key=lambda at: (found.trials[at].lost, found.trials[at].error)):
        trial = found.trials[at]
        median = f"{trial.latency_ms:.2f} ms" if trial.latency_ms is not None else "-"
        made.add_row(
            Text("chosen", "green") if at == found.chosen else "",
            name(options.words_of_method(trial.method)),
            Text(f"{trial.lost:.2%}", "red" if trial.lost > found.loss else ""),
            f"{trial.error:.2%}",
            str(trial.floats),
            bytes_(trial.size),
            median,
        )
    yield made
    if not found.complete:
        yield Text(f"the search was not over after --budget {found.budget:g}s", "yellow")


def _variants(report: "Report") -> Iterator[RenderableType]:
    made = table("variants", "variant", "size", "runtime", "median", "fastest", numbers=("size", "median", "fastest"))
    for variant in report.variants:
        for runtime in variant.parity:
            latency = variant.latency_ms.get(runtime)
            threads = f", {latency.threads} thread" + ("s" if latency.threads > 1 else "") if latency else ""
            figures = (f"{latency.median:.2f} ms", f"{latency.min:.2f} ms") if latency else ("-", "-")
            made.add_row(variant.name, bytes_(variant.size), runtime + threads, *figures)
    yield made
    yield from (line for variant in report.variants for line in _operators(variant))
    yield from (_select_tf(variant) for variant in report.variants if variant.select_tf)
    yield from _comparison(report)
    if report.calibration:
        samples = f"calibrated on {report.calibration.samples} samples of "
        preparation = f" ({report.calibration.preparation})" if report.calibration.preparation else ""
        yield Text(samples, "dim") + name(report.calibration.source + preparation)
    yield from (_failure(failure) for failure in report.failures)


def _operators(variant: "VariantReport") -> Iterator[RenderableType]:
    if variant.macs is not None and variant.parameters is not None:
        cost = f"{count(variant.macs)} multiply-adds, {count(variant.parameters)} parameters"
        yield Text(f"{variant.name}: ", "dim") + Text(cost)
    yield Text(f"{variant.name} operators: ", "dim") + name(_counted(variant.ops))
    quantized = variant.quantization
    if quantized.tensors:
        told = {} if variant.name.startswith(_BETWEEN_FLOATS) else quantized.float_operators
        floats = f"; in floats: {_counted(told)}" if told else ""
        cut = f"; ranges cut: {len(quantized.cut)}" if quantized.cut else ""
        yield name(f"{quantized.tensors} tensors quantized, {quantized.per_channel} of them by channel{cut}{floats}")
    if "samples" in variant.beyond_calibration:
        yield Text(f"{variant.name} is not judged: the samples lie beyond its calibration", "yellow")


def _counted(operators: Mapping[str, int]) -> str:
    counts = sorted(operators.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {operator}" for operator, count in counts)


def _failure(failure: "Failure") -> RenderableType:
    return Text(f"{failure.variant} failed: ", "red") + Text(indented(f"{failure.stage}: {failure.message}"))


def _select_tf(variant: "VariantReport") -> RenderableType:
    needs = Text(f"{variant.name} needs a runtime with TensorFlow's operators (Select-TF): ", "yellow")
    return needs + name(", ".join(variant.select_tf))


def _comparison(report: "Report") -> Iterator[RenderableType]:
    compared = [(each.name, found) for each in report.variants for found in each.comparison]
    if not compared:
        return
    columns = ("variant", "operators", "size", "median", "runtime", "its libraries")
    made = table(
        "TFLite's operators alone, and with TensorFlow's, in the same interpreter",
        *columns,
        numbers=("size", "median", "its libraries"),
    )
    for variant, found in compared:
        size = bytes_(found.size) if found.size is not None else "refused"
        median = f"{found.latency_ms.median:.2f} ms" if found.latency_ms else "-"
        runtime = f"{found.runtime.package} {found.runtime.version}"
        made.add_row(variant, found.ops, size, median, runtime, bytes_(found.runtime.size))
    yield made
    yield from (
        Text(f"{variant} of {found.ops} is refused: ", "dim") + Text(indented(found.refusal))
        for variant, found in compared
        if found.refusal
    )


def figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
