"""A report in tables."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pinlite.model import Hop, Report, VariantReport


def show(report: Report, out: str, console: Console) -> None:
    console.print(Group(_stages(report), _artifacts(report), _hops(report), *_variants(report)))
    verdict = Text("equal to the reference within", "green") if report.ok else Text("differs by more than", "red")
    # A path that the console broke could not be copied.
    console.print(Text(f"{report.source} -> {out}: ") + verdict + Text(f" {report.tolerance:g}"), soft_wrap=True)


def bytes_(size: int) -> str:
    """A size as people read it, in powers of 1000 as file managers have them."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} B"


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", header_style="dim")
    return made


def _stages(report: Report) -> RenderableType:
    made = table("stages", "stage", "image", "", "seconds", "peak memory", numbers=("seconds", "peak memory"))
    for stage in report.stages:
        figures = (f"{stage.seconds:.2f}", bytes_(stage.peak_memory)) if stage.source == "ran" else ("", "")
        made.add_row(stage.name, stage.image, stage.source, *figures)
    return made


def _artifacts(report: Report) -> RenderableType:
    made = table("artifacts", "artifact", "size", "sha256", numbers=("size",))
    for artifact in report.artifacts:
        made.add_row(Text(artifact.path), bytes_(artifact.size), artifact.sha256[:16])
    return made


def _hops(report: Report) -> RenderableType:
    made = table(
        f"hops, the largest difference of {len({hop.output for hop in report.hops})} output(s)",
        *("from", "to", "absolute", "relative", "cosine", ""),
        numbers=("absolute", "relative", "cosine"),
    )
    for hop in _worst(report):
        verdict = Text("equal", "green") if hop.passed else Text(f"differs in {hop.output}", "red")
        figures = (_figure(hop.max_abs_error, ".2e"), _figure(hop.max_rel_error, ".2e"), _figure(hop.cosine, ".7f"))
        made.add_row(hop.origin, hop.to, *figures, verdict)
    return made


def _worst(report: Report) -> Iterator[Hop]:
    """The worst output of each hop; where one can't be compared, that one."""
    for runtime in dict.fromkeys(hop.to for hop in report.hops):
        hops = [hop for hop in report.hops if hop.to == runtime]
        yield max(hops, key=lambda hop: (not hop.passed, hop.max_rel_error is None, hop.max_rel_error or 0.0))


def _variants(report: Report) -> Iterator[RenderableType]:
    made = table("variants", "variant", "size", "runtime", "median", "fastest", numbers=("size", "median", "fastest"))
    for variant in report.variants:
        for runtime, latency in variant.latency_ms.items():
            threads = f"{runtime}, {latency.threads} thread" + ("s" if latency.threads > 1 else "")
            figures = (f"{latency.median:.2f} ms", f"{latency.min:.2f} ms")
            made.add_row(variant.name, bytes_(variant.size), threads, *figures)
    yield made
    yield from (_operators(variant) for variant in report.variants)
    yield from (_select_tf(variant) for variant in report.variants if variant.select_tf)


def _operators(variant: VariantReport) -> RenderableType:
    counts = sorted(variant.ops.items(), key=lambda item: (-item[1], item[0]))
    return Text("operators: ", "dim") + Text(", ".join(f"{count} {name}" for name, count in counts))


def _select_tf(variant: VariantReport) -> RenderableType:
    names = ", ".join(variant.select_tf)
    return Text(f"{variant.name} needs a runtime with TensorFlow's operators (Select-TF): {names}", "yellow")


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
