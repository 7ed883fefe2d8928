"""Convert every model of the zoo, each alone, and write a table, with JSON beside it.

The exit status is 1 when a model that should convert does not, when one that should be refused is not, or when one that
is converted twice gives other bytes.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import conversion
import manifest
import table
from rich.console import Console
from rich.text import Text


def main() -> int:
    arguments = _arguments()
    try:
        models = manifest.select(manifest.load(), arguments.only, quick=arguments.quick)
    except ValueError as error:
        sys.exit(f"error: {error}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    progress, outcomes = Console(stderr=True, soft_wrap=True), []

    def convert(model: manifest.Model) -> conversion.Outcome:
        # A model and all that is made of it is up to 2 GB.
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            return conversion.convert(
                model, Path(folder), engine=arguments.engine, timeout=arguments.timeout, twice=arguments.twice
            )

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(convert, models):
            outcomes.append(outcome)
            line = Text(f"{len(outcomes)}/{len(models)} {outcome.name} {outcome.seconds:.1f} s ")
            progress.print(line + table.verdict(outcome) + Text(f" {table.reason(outcome)}"))
            (arguments.out / "zoo.json").write_text(table.to_json(outcomes, arguments.engine))
    shown = Console(width=200) if not sys.stdout.isatty() else Console()
    shown.print(table.table(outcomes))
    shown.print(Text(table.summary(outcomes)), soft_wrap=True)
    return 0 if all(outcome.right for outcome in outcomes) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help="names or patterns, with commas between")
    parser.add_argument("--quick", action="store_true", help="the small ones that CI has time for")
    parser.add_argument("--twice", action="store_true", help="convert each again, elsewhere: the bytes must not change")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="models at once; latency means less then")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="how long a model may take")
    parser.add_argument("--out", type=Path, default=Path("build/zoo"), metavar="DIR", help="where zoo.json goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
