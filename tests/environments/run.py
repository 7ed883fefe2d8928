"""Convert models in environments that are not pinlite's, with each tested torch of images/environments.toml.

These are the ones whose pins, torch-<version>.txt, are here. An environment that is not there yet is made from them.
The exit status is 1 when a model does not convert, differs from PyTorch, or a file of an environment has changed.
Writes build/environments/environments.json.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

import pinlite
from pinlite import toolchain
from pinlite.engine import interpreter
from pinlite.errors import PinliteError
from pinlite.toolchain import environments

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "environments"
NET = HERE / "models" / "net.py"
PYTHON = re.compile(r"# Python (\S+)")
IMAGES = {"x": "1x3x32x32"}


@dataclass(frozen=True)
class Case:
    """A model and the options that it is converted with; it needs a torch ``since`` a version.

    ``source`` is a class in `NET`, or one of the files that save.py writes, as ``weights`` is.
    """

    name: str
    source: str
    inputs: dict[str, str]
    since: str = "1.8"
    weights: str = ""


CASES = (
    Case("convolutions", "Convolutions", IMAGES),
    Case("lstm", "Recurrent", {"x": "1x5x8"}),
    Case("transformer", "Transformer", {"x": "1x6x16"}),
    Case("nn.TransformerEncoder", "Encoder", {"x": "5x1x16"}),
    Case("attention", "Attention", {"x": "1x6x8"}, since="2.0"),
    Case("nn.RMSNorm", "Norm", {"x": "2x8"}, since="2.4"),
    Case("a branch on the data", "Branch", {"x": "2x3"}),
    Case("inputs by name", "ByName", {"unused": "2", "scale.by": "1", "ids": "1x4:int64"}),
    Case("--weights", "Convolutions", IMAGES, weights="weights.pt"),
    Case("a saved module", "module.pt", {"x": "2x3"}),
    Case("TorchScript", "scripted.pt", IMAGES),
    Case("a program of torch.export", "program.pt2", {}, since="2.6"),
)


@dataclass(frozen=True)
class Result:
    """``error`` is "" for a model that converts, to a file whose ``difference`` from torch is in tolerance."""

    case: str
    error: str = ""
    exporter: str = ""
    difference: float = 0.0


@dataclass(frozen=True)
class Tried:
    torch: str
    python: str
    opset: int
    unchanged: bool
    results: list[Result] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return self.unchanged and not any(result.error for result in self.results)


def environment(version: str, folder: Path) -> Path:
    """An environment with this torch; made in the folder, if it is not there."""
    made = folder / f"torch-{version}"
    if not (made / "bin" / "python").exists():
        pins = _pins(version)
        python = PYTHON.search(pins.read_text())
        assert python
        subprocess.run([interpreter.find_or_make(python[1]), "-m", "venv", made], check=True)
        # Where PyTorch's wheels for processors alone are.
        (index,) = {recipe.index for recipe in toolchain.load("current").recipes if recipe.index}
        options = ("--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--extra-index-url", index)
        subprocess.run([made / "bin" / "python", "-m", "pip", "install", *options, "--requirement", pins], check=True)
    return made


def _pins(version: str) -> Path:
    return HERE / f"torch-{version}.txt"


def digest(folder: Path) -> str:
    """Of the names, sizes and times of change of all files below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def tried(version: str, made: Path, only: str, engine: str) -> Tried:
    """What comes of all cases that a torch has what they need for."""
    before = digest(made)
    row = next(row for row in environments.rows() if version in row.tested)
    python = subprocess.run(
        [made / "bin" / "python", "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        check=True,
        text=True,
    )
    with tempfile.TemporaryDirectory() as name:
        cases = [case for case in CASES if Version(case.since) <= Version(version) and only in case.name]
        saved = [case.source for case in cases if case.source == "program.pt2"]
        subprocess.run([made / "bin" / "python", "-B", HERE / "save.py", *saved], cwd=name, check=True)
        results = [_shown(converted(case, made, Path(name), engine)) for case in cases]
    return Tried(version, python.stdout.strip(), row.opsets.default, digest(made) == before, results)


def converted(case: Case, made: Path, saved: Path, engine: str) -> Result:
    source = saved / case.source if "." in case.source else f"{NET}:{case.source}"
    weights = {"weights": saved / case.weights} if case.weights else {}
    with tempfile.TemporaryDirectory() as name:
        try:
            report = pinlite.convert(
                source,
                inputs=case.inputs,
                python=made,
                trust=True,
                engine=engine,
                no_cache=True,
                out=Path(name, "out"),
                **weights,
            )
        except PinliteError as error:
            return Result(case.name, f"{error.message} ({error.hint})")
    differences = [hop.max_rel_error for hop in report.hops]
    worst = max((each for each in differences if each is not None), default=0.0)
    wrong = [hop for hop in report.hops if not hop.passed]
    return Result(case.name, f"{len(wrong)} hops differ" if wrong else "", report.exporter or "", worst)


def _shown(result: Result) -> Result:
    print(f"  {result.case:<28}{result.error or f'{result.difference:.1e}  {result.exporter}'}", flush=True)
    return result


def _versions() -> Iterator[str]:
    for row in environments.rows():
        yield from (version for version in row.tested if _pins(version).exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, default=BUILD, help="where they are, or are made")
    parser.add_argument("--torch", default="", help="one of the versions")
    parser.add_argument("--only", default="", help="a part of the names of some cases")
    parser.add_argument("--engine", default="auto", help="of the stages behind the export")
    arguments = parser.parse_args()
    found = []
    for version in _versions():
        if arguments.torch in ("", version):
            made = environment(version, arguments.environments.absolute())
            print(f"torch {version}", flush=True)
            found.append(tried(version, made, arguments.only, arguments.engine))
            if not found[-1].unchanged:
                print("  files of the environment have changed")
    BUILD.mkdir(parents=True, exist_ok=True)
    written: list[dict[str, Any]] = [asdict(each) for each in found]
    (BUILD / "environments.json").write_text(json.dumps(written, indent=1) + "\n")
    sys.exit(not all(each.right for each in found))


if __name__ == "__main__":
    main()
