"""Reports on a console."""

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pinlite.ui import view
from pinlite.ui.console import SafeConsole, indented, name

if TYPE_CHECKING:
    from pinlite.schema.debug import DebugReport
    from pinlite.schema.match import MatchReport
    from pinlite.schema.report import Report

# In columns, of a text that is no terminal's.
_ENDLESS = 10**5
_STYLES: dict[view.Tone, str] = {"": "", "good": "green", "bad": "red", "doubtful": "yellow", "aside": "dim"}


def show(report: "Report", out: str, console: Console) -> None:
    found = view.of(report)
    sections = (
        *(found.stages, found.artifacts, found.hops, found.training),
        *(found.variants, found.evaluation, found.tuning),
    )
    for section in sections:
        for part in section:
            print_part(part, console)
    if found.ran.text:
        console.print(words(found.ran), soft_wrap=True)
    for message in found.messages:
        console.print(words(message), soft_wrap=True)
    # A path that the console wraps could not be copied.
    console.print(Text(f"{report.source} -> {out}: ") + words(found.verdict), soft_wrap=True)


def show_layers(report: "DebugReport", top: int, console: Console) -> None:
    console.print(drawn(view.layers(report, top)))
    if report.torch_left_out:
        console.print(Text(f"torch's modules are left out: {report.torch_left_out}"), soft_wrap=True)
    for output, error in report.torch.items():
        told = "can't be compared" if error is None else f"differ by {100 * error:.3g} % at most"
        console.print(Text(f"torch and onnxruntime {told} in ") + name(output), soft_wrap=True)


def all_layers(report: "DebugReport") -> str:
    """The table of all layers as a text, each in one line, as wide as it is."""
    text = io.StringIO()
    SafeConsole(file=text, width=_ENDLESS, color_system=None).print(drawn(view.layers(report, len(report.layers))))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


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


def drawn(found: view.Table) -> Table:
    made = table(found.title, *found.columns, numbers=tuple(found.numbers))
    for row in found.rows:
        made.add_row(*map(_cell, row))
    for column in made.columns:
        # A narrow terminal breaks names, and no figure.
        column.overflow, column.no_wrap = "fold", column.header in found.numbers
    return made


def print_part(part: view.Table | view.Line, console: Console, *, soft_wrap: bool = False) -> None:
    """Print a part of a section; with ``soft_wrap`` a line stays one, however narrow the terminal."""
    if isinstance(part, view.Table):
        console.print(drawn(part))
    else:
        console.print(words(part), soft_wrap=soft_wrap)


def words(line: view.Line) -> Text:
    """A line for a console, as it came but for what would control a terminal."""
    return Text().join(Text(indented(span.text), _STYLES[span.tone]) for span in line.spans)


def _cell(line: view.Line) -> Text:
    cell = Text()
    for span in line.spans:
        words = name(span.text)
        words.stylize(_STYLES[span.tone])
        cell.append_text(words)
    return cell
