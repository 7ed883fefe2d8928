"""The report of a conversion as plain sections: what there is to say of it, said once for all that show it.

The console, the page and Markdown render the same tables and lines. Texts are as they came, a stranger's too: each
renderer escapes them in its own way.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pinlite import options
from pinlite.units import bytes_, count, short

if TYPE_CHECKING:
    from pinlite.schema.comparison import VariantComparison
    from pinlite.schema.debug import DebugReport
    from pinlite.schema.report import Failure, Hop, Noted, Report, VariantReport, Warned

Tone = Literal["", "good", "bad", "doubtful", "aside"]

# All operators of these variants take and give floats, whatever they compute in.
_BETWEEN_FLOATS = ("weight-", "dynamic")
# The name of a tensor in a compiler's words.
_TENSOR = re.compile(r" \(\S+\)")
# What errors of these are is what PyTorch itself is off by.
_FLOATS = (None, "float32")


@dataclass(frozen=True)
class Span:
    """Words in one tone."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Line:
    """A line of text; ``text`` of its spans may have line breaks, where it is a message of somebody else's."""

    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True)
class Table:
    """``numbers`` are those of the ``columns`` that hold figures, by name. Each of ``rows`` has a cell per column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    numbers: frozenset[str] = frozenset()


Section = tuple[Table | Line, ...]
# What a line of a cell may be made of.
Cell = Line | Span | str


@dataclass(frozen=True)
class View:
    """All that is to say of a conversion. ``messages`` are warnings and notes; ``ran`` says when and where, "" of text
    where that is not known. A console has no room for ``profiles`` and ``versions``.
    """

    verdict: Line
    messages: tuple[Line, ...]
    ran: Line
    stages: Section
    artifacts: Section
    hops: Section
    training: Section
    variants: Section
    evaluation: Section
    tuning: Section
    profiles: Section
    versions: Table


def of(report: "Report") -> View:
    return View(
        verdict=_verdict(report),
        messages=tuple(dict.fromkeys(itertools.chain(map(_note, report.notes), map(_warning, report.warnings)))),
        ran=_ran(report),
        stages=(_stages(report),),
        artifacts=(_artifacts(report),),
        hops=tuple(_hops(report)),
        training=tuple(_training(report)),
        variants=tuple(_variants(report)),
        evaluation=tuple(_evaluation(report)),
        tuning=tuple(_tuning(report)),
        profiles=tuple(_profiles(report)),
        versions=_versions(report),
    )


def layers(report: "DebugReport", top: int) -> Table:
    """The ``top`` layers that add most to a variant's error; errors in percent."""
    asked = [] if report.torch_left_out else ["torch"]
    runtimes = tuple(dict.fromkeys([*asked, "tensorflow", *(run for layer in report.layers for run in layer.errors)]))
    shown = report.layers[:top]
    module, includes = bool(asked), any(layer.includes for layer in shown)
    rows: list[list[str]] = []
    for layer in shown:
        errors = [f"{100 * layer.errors[run]:.2g}" if run in layer.errors else "-" for run in runtimes]
        names = [layer.name, *[layer.module or "-"] * module, layer.operator]
        names += [", ".join(layer.includes)] * includes
        rows.append([*names, *errors, f"{100 * layer.added:+.3g}"])
    return table(
        f"layers by what they add to the error of {report.variant}, errors in %",
        ("layer", *["module"] * module, "operator", *["includes"] * includes, *runtimes, "adds"),
        rows,
        numbers=(*runtimes, "adds"),
    )


def line(*spans: Span | str) -> Line:
    return Line(tuple(Span(span) if isinstance(span, str) else span for span in spans))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Iterable[str] = ()) -> Table:
    cells = tuple(tuple(cell if isinstance(cell, Line) else line(cell) for cell in row) for row in rows)
    return Table(title, tuple(columns), cells, frozenset(numbers))


def label(found: "VariantReport | VariantComparison") -> str:
    """What a variant is called; of a file of several signatures, a signature in it."""
    return of_signature(found, found.name)


def of_signature(found: Any, words: str) -> str:
    """Words about what belongs to a signature, where there are several, with its name before them."""
    return f"{found.signature} {words}".rstrip() if found.signature else words


def figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _counted(operators: Mapping[str, int]) -> str:
    counts = sorted(operators.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {operator}" for operator, count in counts)


def _verdict(report: "Report") -> Line:
    many = len(report.warnings)
    warnings = f", with {many} warning{'s' if many > 1 else ''}" if many else ""
    return line(*_judged(report), Span(warnings, "doubtful"))


def _judged(report: "Report") -> tuple[Span, ...]:
    if report.failures:
        return (Span("without " + ", ".join(of_signature(each, each.variant) for each in report.failures), "bad"),)
    if not report.ok:
        return _wrong(report)
    if any(hop.tolerance is None for hop in report.hops if hop.profile is None):
        return (Span("compared with the reference, see the hops", "good"),)
    return Span("equal to the reference within", "good"), Span(f" {report.tolerance:g}")


def _wrong(report: "Report") -> tuple[Span, ...]:
    lost = dict.fromkeys(each.variant for each in report.lost if each.failed)
    fallen = dict.fromkeys(each.variant for each in report.evaluation.fallen) if report.evaluation else {}
    if not (lost or fallen) and all(hop.passed for hop in report.hops):
        return (Span("a file needs a larger arena than it may", "bad"),)
    if (lost or fallen) and all(hop.passed for hop in report.hops):
        return (
            Span(f"outputs are lost in {', '.join(lost)}" if lost else f"scores fall in {', '.join(fallen)}", "bad"),
        )
    return Span("differs by more than", "bad"), Span(f" {report.tolerance:g}")


def _note(noted: "Noted") -> Line:
    about = f"{noted.signature}: " if noted.signature else ""
    return line(Span("note: ", "doubtful"), about + noted.message)


def _warning(warned: "Warned") -> Line:
    about = of_signature(warned, warned.variant or "")
    about = f"{about}: " if about else ""
    return line(Span("warning: ", "doubtful"), about + warned.message)


def _ran(report: "Report") -> Line:
    if report.machine is None:
        return line()
    return line(Span(f"{report.date} on ", "aside"), f"{report.machine.processor}, {report.machine.threads} threads")


def _stages(report: "Report") -> Table:
    rows: list[tuple[Cell, ...]] = []
    for stage in report.stages:
        figures = (f"{stage.seconds:.2f}", bytes_(stage.peak_memory)) if stage.source == "ran" else ("", "")
        rows.append((stage.name, stage.image, stage.source, *figures))
    columns = ("stage", "image", "", "seconds", "peak memory")
    return table("stages", columns, rows, numbers=("seconds", "peak memory"))


def _artifacts(report: "Report") -> Table:
    rows = ((artifact.path, bytes_(artifact.size), artifact.sha256[:16]) for artifact in report.artifacts)
    return table("artifacts", ("artifact", "size", "sha256"), rows, numbers=("size",))


def _hops(report: "Report") -> Iterator[Table]:
    outputs = len({(hop.signature, hop.output) for hop in report.hops})
    for origin in dict.fromkeys(hop.origin for hop in report.hops):
        yield table(
            f"hops from {origin}, the worst of {outputs} output(s)",
            ("to", "variant", "absolute", "relative", "cosine", ""),
            (
                (
                    hop.to,
                    of_signature(hop, hop.variant or ""),
                    figure(hop.max_abs_error, ".2e"),
                    figure(hop.max_rel_error, ".2e"),
                    figure(hop.cosine, ".7f"),
                    _judgement(hop),
                )
                for hop in _worst(report)
                if hop.origin == origin
            ),
            numbers=("absolute", "relative", "cosine"),
        )


def _worst(report: "Report") -> Iterator["Hop"]:
    """The worst output of each hop, or one that can't be compared; of profiles only those that are judged."""
    found: dict[tuple[str, str, str, str | None], list[Hop]] = {}
    for hop in report.hops:
        found.setdefault((hop.signature, hop.origin, hop.to, hop.variant), []).append(hop)
    for hops in found.values():
        judged = [hop for hop in hops if hop.profile is None or hop.tolerance is not None]
        yield max(judged, key=lambda hop: (not hop.passed, hop.max_rel_error is None, hop.max_rel_error or 0.0))


def _profiles(report: "Report") -> Iterator[Table]:
    rows = []
    for hop in report.hops:
        if hop.profile is not None:
            to = f"{hop.to} {of_signature(hop, hop.variant or '')}".rstrip()
            figures = figure(hop.max_rel_error, ".2e"), figure(hop.cosine, ".7f")
            rows.append((hop.profile, hop.origin, to, hop.output, *figures, _judgement(hop)))
    if rows:
        columns = ("profile", "from", "to", "output", "relative", "cosine", "")
        title = "profiles: samples that are made to find faults"
        yield table(title, columns, rows, numbers=("relative", "cosine"))
    left = [(of_signature(each, each.name), reason) for each in report.profiles for reason in each.left_out]
    if left:
        yield table("what was not compared on profiles", ("profile", "left out"), left)


def _versions(report: "Report") -> Table:
    rows = (
        (image, ", ".join(f"{name} {version}" for name, version in sorted(versions.items())), found[:16])
        for image, versions in report.versions.items()
        for found in [report.toolchain.get(image, "")]
    )
    return table("images, what they hold, and their identities", ("image", "packages", "identity"), rows)


def _judgement(hop: "Hop") -> Line:
    # 80 columns have room for the name of a profile, not for more.
    on = f" on {hop.profile}" if hop.profile else ""
    if not hop.passed:
        return line(Span(f"differs{on}", "bad")) if on else line(Span("differs in ", "bad"), hop.output)
    if hop.tolerance is None:
        return line("reported")
    # The verdict has the tolerance, except for variants with a tolerance of their own.
    told = "equal" if hop.variant in _FLOATS else f"< {hop.tolerance:.2g}"
    return line(Span(told, "good"), on)


def _training(report: "Report") -> Iterator[Table | Line]:
    if not report.training:
        return
    rows: list[tuple[Cell, ...]] = []
    for step in report.training:
        counts = [layer.distinct for layer in step.layers]
        distinct = f"{min(counts)} to {max(counts)}" if counts else "-"
        rows.append((step.technique, bytes_(step.size), bytes_(step.gzip_size), f"{step.sparsity:.1%}", distinct))
    numbers = ("size", "after gzip", "sparsity", "distinct weights per layer")
    yield table("training, the weights after each technique", ("technique", *numbers), rows, numbers)
    sizes = [
        f"{variant.name} {bytes_(variant.gzip_size)} of {bytes_(variant.size)}"
        for variant in report.variants
        if variant.gzip_size is not None
    ]
    yield line(Span("after gzip: ", "aside"), ", ".join(sizes))


def _evaluation(report: "Report") -> Iterator[Table]:
    if report.evaluation is None:
        return
    metrics = list(report.evaluation.scores[0].scores)
    fallen = {(each.runtime, each.variant, each.metric) for each in report.evaluation.fallen}
    rows: list[tuple[Cell, ...]] = []
    for entry in report.evaluation.scores:
        scores = [
            Span(f"{entry.scores[metric]:.4f}", "bad" if (entry.runtime, entry.variant, metric) in fallen else "")
            for metric in metrics
        ]
        rows.append((entry.runtime, entry.variant or "", *scores))
    title = f"scores on {report.evaluation.samples} samples of {report.evaluation.source}"
    yield table(title, ("runtime", "variant", *metrics), rows, numbers=metrics)


def _tuning(report: "Report") -> Iterator[Table | Line]:
    found = report.tuning
    if found is None:
        return
    rows: list[tuple[Cell, ...]] = []
    for at in sorted({*found.frontier, found.chosen}, key=lambda at: (found.trials[at].lost, found.trials[at].error)):
        trial = found.trials[at]
        rows.append(
            (
                Span("chosen", "good") if at == found.chosen else "",
                options.words_of_method(trial.method),
                Span(f"{trial.lost:.2%}", "bad" if trial.lost > found.loss else ""),
                f"{trial.error:.2%}",
                str(trial.floats),
                bytes_(trial.size),
                f"{trial.latency_ms:.2f} ms" if trial.latency_ms is not None else "-",
            )
        )
    many = f"{len(found.trials)} trials of {found.variant} in {found.runtime}"
    numbers = ("loss", "error", "in floats", "size", "median")
    yield table(f"{many}: the frontier of accuracy, size and latency", ("", "trial", *numbers), rows, numbers)
    if not found.complete:
        yield line(Span(f"the search was not over after --budget {found.budget:g}s", "doubtful"))


def _variants(report: "Report") -> Iterator[Table | Line]:
    rows: list[tuple[Cell, ...]] = []
    for variant in report.variants:
        for runtime in variant.parity:
            latency = variant.latency_ms.get(runtime)
            threads = f", {latency.threads} thread" + ("s" if latency.threads > 1 else "") if latency else ""
            figures = (f"{latency.median:.2f} ms", f"{latency.min:.2f} ms") if latency else ("-", "-")
            rows.append((label(variant), bytes_(variant.size), runtime + threads, *figures))
    columns = ("variant", "size", "runtime", "median", "fastest")
    yield table("variants", columns, rows, numbers=("size", "median", "fastest"))
    yield from itertools.chain.from_iterable(map(_operators, report.variants))
    yield from _processors(report)
    yield from (_select_tf(variant) for variant in report.variants if variant.select_tf)
    yield from _arenas(report)
    yield from _npus(report)
    yield from _comparison(report)
    for name, found in [("", report.calibration), *((each.name, each.calibration) for each in report.signatures)]:
        if found:
            preparation = f" ({found.preparation})" if found.preparation else ""
            about = f"{name}: " if name else ""
            samples = Span(f"{about}calibrated on {found.samples} samples of ", "aside")
            yield line(samples, found.source + preparation)
    yield from map(_failure, report.failures)


def _operators(variant: "VariantReport") -> Iterator[Line]:
    name = label(variant)
    if variant.macs is not None and variant.parameters is not None:
        cost = f"{count(variant.macs)} multiply-adds, {count(variant.parameters)} parameters"
        yield line(Span(f"{name}: ", "aside"), cost)
    yield line(Span(f"{name} operators: ", "aside"), _counted(variant.ops))
    quantized = variant.quantization
    if quantized.tensors:
        told = {} if variant.name.startswith(_BETWEEN_FLOATS) else quantized.float_operators
        floats = f"; in floats: {_counted(told)}" if told else ""
        cut = f"; ranges cut: {len(quantized.cut)}" if quantized.cut else ""
        yield line(f"{quantized.tensors} tensors quantized, {quantized.per_channel} of them by channel{cut}{floats}")
    if "samples" in variant.beyond_calibration:
        yield line(Span(f"{name} is not judged: the samples lie beyond its calibration", "doubtful"))


def _processors(report: "Report") -> Iterator[Line]:
    """How far a runtime is from itself on another processor, by the worst output of each variant."""
    for pair in itertools.combinations(report.runtimes, 2):
        one, two = sorted(pair, key=lambda runtime: runtime.platform)
        if (one.package, one.version) != (two.package, two.version):
            continue
        by = next((f", by {each.emulator}" for each in (one, two) if each.emulator), "")
        for variant in report.variants:
            hops = [
                hop
                for hop in report.hops
                if {hop.origin, hop.to} == {one.name, two.name}
                and (hop.variant, hop.signature, hop.profile) == (variant.name, variant.signature, None)
            ]
            if hops:
                about = (
                    f"{label(variant)} in {one.package} {one.version} on {two.platform}{by}, and on {one.platform}: "
                )
                yield line(Span(about, "aside"), _distance(hops))


def _distance(hops: Sequence["Hop"]) -> str:
    apart = [hop.apart for hop in hops if hop.apart]
    if len(apart) < len(hops):
        worst = max((hop.max_rel_error for hop in hops if hop.max_rel_error is not None), default=None)
        return "equal to the bit" if worst == 0 else f"apart by {figure(worst, '.1e')} of the largest number"
    steps, differing = max(each.steps for each in apart), sum(each.differing for each in apart)
    if not steps:
        return "equal to the bit"
    values = sum(each.values for each in apart)
    return f"{differing:,} of {values:,} values differ, by {steps} step{'s' * (steps > 1)} at most"


def _failure(failure: "Failure") -> Line:
    return line(
        Span(f"{of_signature(failure, failure.variant)} failed: ", "bad"), f"{failure.stage}: {failure.message}"
    )


def _select_tf(variant: "VariantReport") -> Line:
    needs = Span(f"{label(variant)} needs a runtime with TensorFlow's operators (Select-TF): ", "doubtful")
    return line(needs, ", ".join(variant.select_tf))


def _arenas(report: "Report") -> Iterator[Table | Line]:
    """What each file needs on a device: of the interpreter's structures and of the sum, 32 bits are an estimate."""
    found = [(each.name, each.arena) for each in report.variants if each.arena]
    if not found:
        return
    numbers = ("arena", "tensors", "kernels", "structures", "of 32 bits, about")
    rows: list[tuple[Cell, ...]] = [
        (
            variant,
            *(bytes_(size) for size in (arena.least, arena.tensors, arena.kernels, arena.structures)),
            bytes_(arena.estimate_32_bit),
        )
        for variant, arena in found
    ]
    title = f"the least arena in {found[0][1].runtime}, measured here with pointers of 64 bits"
    yield table(title, ("variant", *numbers), rows, numbers)
    for variant, arena in found:
        peak = arena.peak
        alive = ", ".join(f"{short(each.name)} {bytes_(each.size)}" for each in peak.tensors)
        yield line(Span(f"{variant} needs most at operator {peak.number}, {peak.operator}: ", "aside"), alive)
        yield line(Span(f"{variant} wants of a resolver: ", "aside"), ", ".join(arena.operators))


def _npus(report: "Report") -> Iterator[Table | Line]:
    """What an NPU runs of each file, and why it does not run the rest; memory and time as the compiler says."""
    found = [(each.name, each.npu) for each in report.variants if each.npu]
    if not found:
        return
    has_dram = any(npu.dram for _, npu in found)
    rows: list[tuple[Cell, ...]] = []
    for variant, npu in found:
        on = Span(f"{npu.on} of {npu.on + len(npu.off)}", "" if npu.on else "bad")
        share = f"{npu.macs_on / npu.macs:.1%}" if npu.macs else "-"
        memory = [npu.sram, *[npu.dram] * has_dram, npu.on_chip_flash + npu.off_chip_flash]
        time = f"{npu.milliseconds:.2f} ms" if npu.milliseconds is not None else "-"
        rows.append((variant, bytes_(npu.size), on, share, *map(bytes_, memory), time))
    _, first = found[0]
    numbers = ("compiled", "on the NPU", "MACs", "SRAM", *["DRAM"] * has_dram, "flash", "about")
    title = f"on {first.accelerator}, as {first.compiler} says for {first.system}, {first.memory_mode}"
    yield table(title, ("variant", *numbers), rows, numbers)
    for variant, npu in found:
        # What a reason says of a tensor is another one each time.
        off = Counter((each.operator, _TENSOR.sub("", each.reason)) for each in npu.off)
        for (operator, reason), many in off.items():
            yield line(Span(f"{variant}, on the processor: ", "doubtful"), f"{many} {operator}: {reason}")


def _comparison(report: "Report") -> Iterator[Table | Line]:
    compared = [(each.name, found) for each in report.variants for found in each.comparison]
    if not compared:
        return
    rows: list[tuple[Cell, ...]] = []
    for variant, found in compared:
        size = bytes_(found.size) if found.size is not None else "refused"
        median = f"{found.latency_ms.median:.2f} ms" if found.latency_ms else "-"
        runtime = f"{found.runtime.package} {found.runtime.version}"
        rows.append((variant, found.ops, size, median, runtime, bytes_(found.runtime.size)))
    yield table(
        "TFLite's operators alone, and with TensorFlow's, in the same interpreter",
        ("variant", "operators", "size", "median", "runtime", "its libraries"),
        rows,
        numbers=("size", "median", "its libraries"),
    )
    yield from (
        line(Span(f"{variant} of {found.ops} is refused: ", "aside"), found.refusal)
        for variant, found in compared
        if found.refusal
    )
