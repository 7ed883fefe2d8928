"""Convert the same models with pinlite and with its peers, and run both files in turns in the same runtimes.

Writes build/peers/: peers.md, peers.json, what was exported, and of each comparison and model both files and what was
measured. Fails when a target is missed. Beside onnx2tf, of float32: the geometric mean of latency (ours / theirs) 1.00,
one model's 1.03, size 1.01, of the seconds of a conversion 0.85, of models of 100 MB and more 0.7; of int8, both
calibrated on the same samples: the geometric mean of latency 1.00, of seconds 0.9, and each model's cosine at least
theirs. Of all: ours is right wherever theirs is.
"""

import argparse
import compileall
import datetime as dt
import functools
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import exports, pairs, peers_table
from bench.commands import FailedError
from bench.converters import FLOAT32, INT8, ExportAndOnnx2tf, LitertTorch, Onnx2tf, Pinlite
from bench.measure import Comparison, Runtime
from bench.pairs import Document, Pair, Result
from pydantic import TypeAdapter
from zoo import manifest
from zoo.manifest import Model

import pinlite
from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "peers"
MODELS = Path(__file__).with_name("models.toml")
# Of 1.22 GB: they take minutes and 15 GB of memory.
ON_REQUEST = ("vit_large_patch16_224",)
# "venv" is pinlite's own engine, beside docker.
PEERS = ("onnx2tf", "litert-torch", "torch.onnx.export", "venv")
WARM = "10m"
PAIR, DOCUMENT = TypeAdapter(Pair), TypeAdapter(Document)


def main() -> None:
    arguments = _arguments()
    try:
        models = manifest.select(manifest.load(MODELS), arguments.only)
    except ValueError as error:
        sys.exit(f"error: {error}")
    # As an installed package has its bytecode; its peers are installed.
    compileall.compile_dir(Path(pinlite.__file__).parent, quiet=1)
    results: list[Result] = []
    for comparison in comparisons(arguments.engine, *runtimes(), _image("torch")):
        if _chosen(comparison, arguments):
            result = _result(comparison, models, results, arguments)
            results += [result] if result.pairs else []
    print(peers_table.markdown(results), end="")
    sys.exit(any(result.shortfalls for result in results))


def _chosen(comparison: Comparison, arguments: argparse.Namespace) -> bool:
    asked = (arguments.kind, arguments.target, arguments.peer)
    has = (comparison.kind.name, comparison.ours.target, comparison.peer)
    return all(word in (None, own) for word, own in zip(asked, has, strict=True))


def _result(
    comparison: Comparison, models: Sequence[Model], before: Sequence[Result], arguments: argparse.Namespace
) -> Result:
    """One comparison, which is written with those before it after each model."""
    models = [model for model in models if _is_about(comparison, model, arguments)]
    made: list[Pair] = []
    result = comparison.result(made, everything=False)
    for number, model in enumerate(models, 1):
        print(f"{comparison.name}: {number}/{len(models)} {model.name}", file=sys.stderr)
        made.append(measured(comparison, model, arguments))
        result = comparison.result(made, everything=not arguments.only and number == len(models))
        _write([*before, result])
    return result


def _is_about(comparison: Comparison, model: Model, arguments: argparse.Namespace) -> bool:
    if comparison.models:
        return model.name in comparison.models
    before = arguments.resume and _file(comparison, model).exists()
    return bool(arguments.only) or before or model.name not in ON_REQUEST


def comparisons(engine: str, oldest: Runtime, newest: tuple[Runtime, ...], torch: Path) -> Iterator[Comparison]:
    """Everything that is compared, in its order; ``torch`` is the Python of the toolchain's PyTorch."""
    onnx2tf = Onnx2tf(_environment("onnx2tf") / "onnx2tf")
    for kind, target, targets in (
        (FLOAT32, "tflite-2.4", pairs.FLOAT32),
        (FLOAT32, "litert-2", pairs.FLOAT32),
        (INT8, "tflite-2.4", pairs.INT8),
        (INT8, "litert-2", pairs.INT8),
    ):
        everywhere = (*newest, *([oldest] if target == "tflite-2.4" else []))
        yield Comparison(
            kind=kind,
            ours=Pinlite(engine, target),
            peer="onnx2tf",
            theirs=onnx2tf,
            runtimes=newest[:1] if kind is INT8 else everywhere,
            warm=Pinlite(engine, target, warm=WARM) if kind is FLOAT32 else None,
            targets=targets,
        )
    yield Comparison(
        kind=FLOAT32,
        ours=Pinlite(engine, "litert-2"),
        peer="litert-torch",
        theirs=LitertTorch(_environment("zoo-new") / "python"),
        runtimes=newest[:1],
    )
    yield Comparison(
        kind=FLOAT32,
        ours=Pinlite(engine, "tflite-2.4", source="code"),
        peer="torch.onnx.export",
        theirs=ExportAndOnnx2tf(torch, onnx2tf),
        warm=Pinlite(engine, "tflite-2.4", source="code", warm=WARM),
        models=("mobilenet_v2",),
    )
    yield Comparison(
        kind=FLOAT32,
        ours=Pinlite("docker", "tflite-2.4"),
        peer="venv",
        theirs=Pinlite("venv", "tflite-2.4"),
        models=("mobilenet_v2", "resnet50"),
    )


def runtimes() -> tuple[Runtime, tuple[Runtime, ...]]:
    """The oldest interpreter with one thread, and the newest with one and with two."""
    python = _environment("litert") / "python"
    oldest = Runtime("TF 2.4.1, 1 thread", _image("tensorflow"), "tensorflow.lite.python.interpreter", 1)
    name, module = f"LiteRT {_version(python, 'ai-edge-litert')}", "ai_edge_litert.interpreter"
    one, two = (
        Runtime(f"{name}, {threads} thread{'s' if threads > 1 else ''}", python, module, threads) for threads in (1, 2)
    )
    return oldest, (one, two)


def measured(comparison: Comparison, model: Model, arguments: argparse.Namespace) -> Pair:
    """A model in a comparison, measured, or taken up from a run before."""
    file = _file(comparison, model)
    folder = file.parent
    if arguments.resume and file.exists() and not (found := PAIR.validate_json(file.read_bytes())).error:
        return found
    try:
        export = exports.write(
            model, OUT / "exports" / model.name, arguments.engine, _environment("zoo-new") / "python"
        )
        pair = comparison.pair(export, folder, arguments.rounds)
    except FailedError as error:
        folder.mkdir(parents=True, exist_ok=True)
        pair = Pair(model.name, error=f"not measured: {error}")
    file.write_bytes(PAIR.dump_json(pair, indent=1) + b"\n")
    return pair


def _file(comparison: Comparison, model: Model) -> Path:
    return OUT / comparison.name.replace(" ", "-") / model.name / "pair.json"


def _write(results: Sequence[Result]) -> None:
    versions = {
        "onnx2tf": _version(_environment("onnx2tf") / "python", "onnx2tf"),
        "litert-torch": _version(_environment("zoo-new") / "python", "litert-torch"),
    }
    document = Document(dt.datetime.now(tz=dt.UTC).date().isoformat(), os.cpu_count(), versions, tuple(results))
    (OUT / "peers.md").write_text(peers_table.markdown(results))
    (OUT / "peers.json").write_bytes(DOCUMENT.dump_json(document, indent=1) + b"\n")


def _environment(name: str) -> Path:
    return ROOT / ".venv" / name / "bin"


@functools.cache
def _image(role: str) -> Path:
    """The Python of the image that serves a role, in the venv engine."""
    recipe = toolchain.load().images[role]
    image = VenvEngine().ensure([recipe], ignore)[recipe.name]
    return Path(image.reference, "environment", "bin", "python")


@functools.cache
def _version(python: Path, package: str) -> str:
    """What is installed there. It also brings that Python into the machine's cache, before a conversion is timed."""
    command = [python, "-c", f"import importlib.metadata as found; print(found.version('{package}'))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="models of models.toml, or patterns [all but the largest]"
    )
    parser.add_argument("--kind", choices=("float32", "int8"), help="of the files [each]")
    parser.add_argument("--target", choices=("tflite-2.4", "litert-2"), help="of pinlite's files [each]")
    parser.add_argument("--peer", choices=PEERS, help="what pinlite is compared with [each]")
    parser.add_argument("--rounds", type=int, default=3, help="how often both convert each model, in turns [3]")
    parser.add_argument("--resume", action="store_true", help="take up what was measured before")
    parser.add_argument("--engine", default="auto", help="what runs pinlite's stages")
    return parser.parse_args()


if __name__ == "__main__":
    main()
