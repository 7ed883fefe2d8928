"""Convert models with every technique to every variant, and hold what comes of it to matrix.toml.

Writes build/techniques/techniques.json, in which each engine has what it made. The exit status is 1 when something
that should convert does not, or something ends as it should not.
"""

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matrix
from matrix import CONVERTED, DIFFERS, ROOT, VARIANTS, Run

import pinlite
from pinlite.engine import choose
from pinlite.errors import PinliteError
from pinlite.schema.report import Report, VariantReport

OUT = ROOT / "build" / "techniques" / "techniques.json"
NEWEST = "tflite-runtime 2.14.0"


@dataclass(frozen=True)
class Cell:
    """One variant of one run. ``ends`` is `CONVERTED`, `DIFFERS`, or the stage that refuses it with a ``message``.

    ``size`` and ``gzip_size`` are in bytes; ``cosine`` is the smallest to torch and ``score`` the share of samples that
    are right, both in tflite-runtime.
    """

    model: str
    technique: str
    variant: str
    ends: str
    message: str = ""
    size: int | None = None
    gzip_size: int | None = None
    cosine: float | None = None
    score: float | None = None
    sha256: str = ""

    @property
    def right(self) -> bool:
        return self.ends == matrix.expected(self.model, self.technique, self.variant)


def converted(run: Run, engine: str) -> Iterator[Cell]:
    """A cell for each variant."""
    names = (run.model, run.technique)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        try:
            report = pinlite.convert(**run.options, out=out, engine=engine, no_cache=True)
        except PinliteError as error:
            if error.report is None:
                yield from (Cell(*names, variant, error.stage, error.message) for variant in VARIANTS)
                return
            report = error.report
        made = {variant.name: _cell(names, variant, report, out) for variant in report.variants}
    for failure in report.failures:
        made[failure.variant] = Cell(*names, failure.variant, failure.stage, failure.message)
    yield from (made[variant] for variant in VARIANTS)


def _cell(names: tuple[str, str], variant: VariantReport, report: Report, out: Path) -> Cell:
    differing = next((hop for hop in report.hops if hop.variant == variant.name and not hop.passed), None)
    wrong = f"{differing.origin} and {differing.to} differ" if differing else ""
    if not wrong and any(lost.variant == variant.name and lost.failed for lost in report.lost):
        wrong = "a part of an output is lost"
    scores = report.evaluation.scores if report.evaluation else ()
    return Cell(
        *(*names, variant.name, DIFFERS if wrong else CONVERTED),
        message=wrong,
        size=variant.size,
        gzip_size=len(gzip.compress((out / variant.path).read_bytes())),
        cosine=variant.cosine.get(NEWEST),
        score=next((s.scores["top-1"] for s in scores if (s.runtime, s.variant) == (NEWEST, variant.name)), None),
        sha256=variant.sha256,
    )


def line(cell: Cell) -> str:
    name = f"{cell.model:<13}{cell.technique:<19}{cell.variant:<10}"
    verdict = "" if cell.right else f"  WRONG: should be {matrix.expected(cell.model, cell.technique, cell.variant)}"
    if cell.size is None:
        return f"{name}refused by {cell.ends}: {cell.message[:200]}{verdict}"
    cosine = "-" if cell.cosine is None else f"{cell.cosine:.5f}"
    figures = f"{cell.size:>10}{cell.gzip_size:>10}{cosine:>9}" + (f"{100 * cell.score:8.2f}" if cell.score else "")
    return f"{name}{figures}{'  ' + cell.message if cell.message else ''}{verdict}"


def _write(engine: str, cells: list[Cell]) -> None:
    """The other engine's results stay."""
    OUT.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.write_text(json.dumps({**kept, engine: [asdict(cell) for cell in cells]}, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--only", default="", metavar="MODEL")
    arguments = parser.parse_args()
    engine = choose(arguments.engine).name
    cells = []
    print(f"{'model':<13}{'technique':<19}{'variant':<10}{'bytes':>10}{'gzip':>10}{'cosine':>9}   top-1")
    for run in matrix.runs():
        if arguments.only in ("", run.model):
            for cell in converted(run, engine):
                cells.append(cell)
                print(line(cell), flush=True)
    if not arguments.only:
        _write(engine, cells)
    wrong = sum(not cell.right for cell in cells)
    print(f"{len(cells)} on {engine}, {wrong} not as they should be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
