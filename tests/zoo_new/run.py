"""Convert the zoo of today by each way in which pinlite takes a model, and by its peers, and write a table and JSON.

The exit status is 1 when something of ours is not as it should be: a model that does not convert, or differs from
PyTorch, or is not refused though it has to be, or has other bytes when it is converted twice.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import manifest
from manifest import Model
from rich.console import Console
from rich.text import Text
from zoo_new import results, ways
from zoo_new.results import NOT_EXPORTED, OURS, Result
from zoo_new.ways import Settings

ROOT = Path(__file__).parents[2]
MODELS = Path(__file__).parent / "models.toml"


def main() -> int:
    arguments = _arguments()
    try:
        everything = manifest.load(MODELS)
        models = manifest.select(everything, arguments.only, quick=arguments.quick)
    except ValueError as error:
        sys.exit(f"error: {error}")
    settings = Settings(
        engine=arguments.engine,
        timeout=arguments.timeout,
        twice=arguments.twice,
        python=ROOT / ".venv" / "zoo-new" / "bin" / "python",
        onnx2tf=ROOT / ".venv" / "onnx2tf" / "bin" / "onnx2tf",
    )
    chosen = ("current",) if arguments.quick else (arguments.way,) if arguments.way else OURS
    arguments.out.mkdir(parents=True, exist_ok=True)
    file, progress, now = arguments.out / "zoo-new.json", Console(stderr=True, soft_wrap=True), list[Result]()

    def convert(model: Model) -> list[Result]:
        with tempfile.TemporaryDirectory(prefix="zoo-new-") as folder:
            return list(_results(model, Path(folder), chosen, settings, peers=arguments.peers))

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for number, found in enumerate(pool.map(convert, models), 1):
            now += found
            for each in found:
                line = Text(f"{number}/{len(models)} {each.model} {each.way} {each.seconds:.1f} s ")
                progress.print(line + results.verdict(each) + Text(f" {each.reason}"))
            whole = results.merged(results.load(file), now, [model.name for model in everything])
            file.write_text(results.to_json(whole))
    shown = Console(width=200) if not sys.stdout.isatty() else Console()
    shown.print(results.table(now))
    shown.print(Text(results.summary(now)), soft_wrap=True)
    ours = [each for each in now if each.way in OURS and each.state != NOT_EXPORTED]
    return 0 if all(each.right for each in ours) else 1


def _results(model: Model, folder: Path, chosen: Sequence[str], settings: Settings, *, peers: bool) -> Iterator[Result]:
    exported = peers or model.program or set(chosen) != {"current"}
    made = ways.made(model, folder, settings, exported=exported)
    for way in chosen:
        yield ways.ours(way, made, settings)
    if peers:
        yield ways.onnx2tf(made, settings)
        yield ways.litert_torch(made, settings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help="names or patterns, with commas between")
    parser.add_argument("--quick", action="store_true", help="the small ones that CI has time for, by `current` alone")
    parser.add_argument("--way", choices=OURS, help="one of the ways [all]")
    parser.add_argument("--peers", action="store_true", help="by onnx2tf and litert-torch too")
    parser.add_argument("--twice", action="store_true", help="convert each again, elsewhere: the bytes must not change")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="models at once")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="how long a model may take")
    parser.add_argument(
        "--out", type=Path, default=Path("build/zoo-new"), metavar="DIR", help="where zoo-new.json goes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
