"""Convert the same ONNX files with pinlite and with onnx2tf, and run both outputs in turns in the same runtimes.

Writes build/peers/: peers.md, peers.json, and both .tflite files of each model and kind. Fails when a target is missed.
Of float32: the geometric mean of latency (ours / theirs) 1.00, one model's 1.03, size 1.01, of the seconds of a
conversion 0.85, of models of 100 MB and more 0.7, and ours right wherever theirs is. Of int8, both calibrated on the
same samples: the geometric mean of latency 1.00, of seconds 0.9, and each model's cosine at least theirs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from bench import peers_table
from bench.measure import FLOAT32, INT8, Bench, Runtime
from zoo import manifest

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "peers"
KINDS = {kind.name: kind for kind in (FLOAT32, INT8)}
# One of each kind that peers convert well, and the six that the targets name.
MODELS = (
    "mobilenet_v2", "resnet18", "shufflenet_v2_x1_0", "densenet121", "efficientnet_lite0", "deeplabv3_resnet50",
    "squeezenet1_1", "mnasnet1_0", "resnet50", "mobilenetv3_large_100", "googlenet", "regnetx_002", "unet",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(MODELS), metavar="NAMES", help="models of the zoo, or patterns")
    parser.add_argument("--kind", choices=list(KINDS), help="of the files [each]")
    parser.add_argument("--rounds", type=int, default=3, help="how often both convert each model, in turns [3]")
    parser.add_argument("--engine", default="auto", help="what runs pinlite's stages")
    arguments = parser.parse_args()
    try:
        models = manifest.select(manifest.load(), arguments.only)
    except ValueError as error:
        sys.exit(f"error: {error}")
    onnx2tf, litert = (ROOT / ".venv" / name / "bin" for name in ("onnx2tf", "litert"))
    versions = {
        "onnx2tf": _version(onnx2tf / "python", "onnx2tf"),
        "litert": _version(litert / "python", "ai-edge-litert"),
    }
    tensorflow = toolchain.load().images["tensorflow"]
    image = VenvEngine().ensure([tensorflow], ignore)[tensorflow.name]
    oldest = Path(image.reference, "environment", "bin", "python")
    litert_name = f"litert {versions['litert']}"
    runtimes = (
        Runtime(f"{litert_name}, 1 thread", litert / "python", "ai_edge_litert.interpreter", 1),
        Runtime(f"{litert_name}, 2 threads", litert / "python", "ai_edge_litert.interpreter", 2),
        Runtime("TF 2.4.1, 1 thread", oldest, "tensorflow.lite.python.interpreter", 1),
    )
    OUT.mkdir(parents=True, exist_ok=True)
    benches = [
        Bench(kind, runtimes[: kind.runtimes], onnx2tf / "onnx2tf", arguments.engine, OUT, arguments.rounds)
        for kind in KINDS.values()
        if arguments.kind in (None, kind.name)
    ]
    found = [[] for _ in benches]
    for number, model in enumerate(models, 1):
        print(f"{number}/{len(models)} {model.name}", file=sys.stderr)
        for bench, made in zip(benches, found, strict=True):
            made.append(bench.pair(model))
        results = [bench.result(made) for bench, made in zip(benches, found, strict=True)]
        (OUT / "peers.md").write_text(peers_table.markdown(results, versions))
        (OUT / "peers.json").write_text(peers_table.to_json(results, versions))
    print(peers_table.markdown(results, versions), end="")
    sys.exit(any(result.shortfalls for result in results))


def _version(python: Path, package: str) -> str:
    """What is installed there. It also brings that Python into the machine's cache, before a conversion is timed."""
    command = [python, "-c", f"import importlib.metadata as found; print(found.version('{package}'))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
