"""Convert many small models, each meant to hold one thing that may go wrong, and judge every file by PyTorch.

Writes build/sweep/sweep.json. The exit status is 1 when a file is wrong and nothing says so, or when something ends as
nothing should.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

import bundles
import families
import services
from rich.console import Console
from rich.table import Table
from verdicts import FAILURES, VERDICTS, Outcome

# Faults of one file that are worth reading; the JSON has all.
_SHOWN = 3


def main() -> int:
    arguments = _arguments()
    cases = families.select(families.load(), arguments.only, quick=arguments.quick)
    if not cases:
        sys.exit(f"error: no case is named {arguments.only!r}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    place = {case.name: at for at, case in enumerate(cases)}
    started, found = time.monotonic(), []
    with (
        tempfile.TemporaryDirectory(prefix="sweep-") as folder,
        services.started(Path(folder)) as asked,
        ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        waiting = {pool.submit(bundles.judged, each, asked, arguments.engine) for each in bundles.bundled(cases)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for outcomes, smaller in (future.result() for future in done):
                found += outcomes
                waiting |= {pool.submit(bundles.judged, each, asked, arguments.engine) for each in smaller}
            found.sort(key=lambda outcome: place[outcome.case])
            document = json.dumps([asdict(outcome) for outcome in found], indent=1)
            (arguments.out / "sweep.json").write_text(document + "\n")
            print(f"{len(found)} files judged, {len(waiting)} conversions to go", file=sys.stderr, flush=True)
    _print(found)
    counts = Counter(outcome.verdict for outcome in found)
    seconds = time.monotonic() - started
    print(f"{len(found)} files of {len(cases)} models in {seconds:.0f} s: {_words(counts)}")
    return int(any(counts[verdict] for verdict in FAILURES))


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _print(outcomes: Sequence[Outcome]) -> None:
    console = Console(width=160, highlight=False, soft_wrap=True)
    for verdict in VERDICTS[1:]:
        chosen = [outcome for outcome in outcomes if outcome.verdict == verdict]
        if chosen:
            print(f"\n{verdict}:")
        for outcome in chosen:
            print(f"  {outcome.name} ({outcome.status}){': ' if outcome.words else ''}{outcome.words[:200]}")
            for fault in outcome.faults[:_SHOWN]:
                print(f"    {fault}")
    table = Table("family", *VERDICTS, title="files")
    for family in dict.fromkeys(outcome.family for outcome in outcomes):
        counts = Counter(outcome.verdict for outcome in outcomes if outcome.family == family)
        table.add_row(family, *(str(counts[verdict] or "") for verdict in VERDICTS))
    console.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="the cases whose name fits, such as 'bias/*'")
    parser.add_argument("--quick", action="store_true", help="one or two of each kind: below a minute on two cores")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="conversions at once")
    parser.add_argument("--engine", default="auto", help="what converts; the files are run in venv's environments")
    parser.add_argument("--out", type=Path, default=Path("build/sweep"), metavar="DIR", help="where sweep.json goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
