"""Train small networks on real data, make files of integers of each by pinlite's methods and by its peers, calibrated
on the same samples, and score all on the same held-out samples: JSON in build/accuracy, where the weights stay as well.

The exit status is 1 when pinlite makes no file of a model.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import page
from accuracy.matrix import CALIBRATION, CHOOSING, METHODS, MODELS, PLAIN, TARGET, Model
from accuracy.scores import divergence, scored
from rich.console import Console
from zoo_new.ways import stopped_by

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.events import ignore

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "accuracy"
# In seconds, for one command.
TIMEOUT = 1800


@dataclass(frozen=True)
class Trained:
    """A network with its weights, and arrays of its data by name: ``train`` and ``test``, with ``_labels``."""

    model: Model
    weights: Path
    data: dict[str, np.ndarray]

    @property
    def calibration(self) -> np.ndarray:
        return self.data["train"][:CALIBRATION]

    @property
    def choosing(self) -> np.ndarray:
        return self.data["train"][CALIBRATION : CALIBRATION + CHOOSING]


@dataclass(frozen=True)
class Written:
    """A file of integers, or why there is none; ``told`` is how it differs from what its maker makes by default."""

    maker: str
    method: str
    file: Path
    failed: str
    told: str = ""


@dataclass(frozen=True)
class Predicted:
    """A file's ``logits`` [N, classes], or why LiteRT gives none, and how many operators compute in ``floats``."""

    logits: np.ndarray | None
    failed: str
    floats: int


def main() -> int:
    arguments = _arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    progress, file = Console(stderr=True, soft_wrap=True, markup=False), OUT / "accuracy.json"
    results = json.loads(file.read_text())["results"] if file.exists() else list[dict[str, Any]]()
    torch = toolchain.load().images["torch"]
    image = VenvEngine().ensure([torch], ignore)[torch.name]
    python = Path(image.reference, "environment", "bin", "python")
    for model in MODELS:
        if not any(fnmatch.fnmatchcase(model.name, pattern) for pattern in arguments.only.split(",")):
            continue
        progress.print(f"{model.name}: trains")
        trained = _trained(model, python)
        with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
            found = _measured(trained, Path(folder), arguments.engine, progress)
        results = [each for each in results if each["model"] != model.name] + [found]
        results.sort(key=lambda each: [model.name for model in MODELS].index(each["model"]))
        file.write_text(json.dumps({"results": results}, indent=1) + "\n")
    print("\n".join(page.tables(results)))
    return 0 if all(page.best(result) for result in results) else 1


def _trained(model: Model, python: Path) -> Trained:
    data = OUT / f"{model.data}.npz"
    _succeeds([_peer("data"), HERE / "data.py", model.data, "--out", data])
    decides = [HERE / "nets.py", HERE / "train.py", data]
    digest = hashlib.sha256(b"".join([*(each.read_bytes() for each in decides), b"%d" % model.epochs])).hexdigest()
    weights = OUT / f"{model.name}-{digest[:16]}.pt"
    if not weights.exists():
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            made = Path(folder, weights.name)
            options = ["--data", data, "--epochs", str(model.epochs), "--out", made]
            _succeeds([python, HERE / "train.py", model.name, *options])
            made.rename(weights)
    with np.load(data) as arrays:
        return Trained(model, weights, dict(arrays))


def _measured(trained: Trained, folder: Path, engine: str, progress: Console) -> dict[str, Any]:
    """What a model's files score, as JSON."""
    np.save(folder / "calibration.npy", trained.calibration)
    files = []
    for written in _written(trained, folder, engine):
        progress.print(f"{trained.model.name}: {written.maker} {written.method} {written.failed or 'done'}")
        files.append(written)
    floats = folder / "0" / "model.float32.tflite"
    made = [floats, *(each.file for each in files if not each.failed)]
    held_out, choosing = (_predicted(made, samples, folder) for samples in (trained.data["test"], trained.choosing))
    wanted, labels = held_out[floats].logits, trained.data["test_labels"]
    results = []
    for each in files:
        failed = each.failed or held_out[each.file].failed
        result = {"maker": each.maker, "method": each.method, "failed": failed, "told": each.told}
        if not failed:
            result |= scored(held_out[each.file].logits, wanted, labels)
            result["choosing"] = divergence(choosing[each.file].logits, choosing[floats].logits)
            result |= {"size": each.file.stat().st_size, "floats": held_out[each.file].floats}
        results.append(result)
    right = float((wanted.argmax(1) == labels).mean())
    return {"model": trained.model.name, "samples": len(labels), "right": right, "files": results}


def _written(trained: Trained, folder: Path, engine: str) -> Iterator[Written]:
    """The plain conversion is the first, whose other files the peers begin with."""
    name = trained.model.input.partition("=")[0]
    np.savez(folder / "calibration.npz", **{name: trained.calibration})
    for number, method in enumerate(METHODS):
        out = folder / str(number)
        command = [sys.executable, "-m", "pinlite", "convert", f"{HERE / 'nets.py'}:{trained.model.name}"]
        command += ["--weights", trained.weights, "--input", trained.model.input, "--engine", engine, "--out", out]
        command += ["--target", TARGET]
        command += [
            "--calibration",
            folder / "calibration.npz",
            "--variant",
            trained.model.variant,
            *shlex.split(method),
        ]
        command += ["--variant", "float32"] if method == PLAIN else []
        yield _found("pinlite", method, out / f"model.{trained.model.variant}.tflite", _run(command))
    model = folder / "0"
    given = {"litert-quantizer": model / "model.float32.tflite", "tensorflow": model / "saved_model"}
    for peer, source in given.items():
        out = folder / f"{peer}.tflite"
        script = HERE / f"by_{peer.replace('-', '_')}.py"
        failed = _run([_peer(peer), script, source, "--samples", folder / "calibration.npy", "--out", out])
        yield _found(peer, PLAIN, out, failed)
    yield _onnx2tf(model / "model.onnx", name, folder)


def _onnx2tf(model: Path, name: str, folder: Path) -> Written:
    """With scales per channel, as by default; if it makes no file so, with scales per tensor. It takes samples with the
    channels last, and changes the file that it is given.
    """
    samples = np.load(folder / "calibration.npy")
    np.save(folder / "last.npy", np.moveaxis(samples, 1, -1) if samples.ndim > 2 else samples)
    command = [ROOT / ".venv/onnx2tf/bin/onnx2tf", "-oiqt", "-cind", name, folder / "last.npy", "0.0", "1.0"]
    for told, kind in (("", "per-channel"), ("a scale per tensor", "per-tensor")):
        out = folder / f"onnx2tf-{kind}"
        out.mkdir()
        failed = _run([*command, "-qt", kind, "-i", shutil.copy(model, out), "-o", out / "out"])
        written = _found("onnx2tf", PLAIN, out / "out" / "model_full_integer_quant.tflite", failed, told)
        if not written.failed:
            break
    return written


def _predicted(files: list[Path], samples: np.ndarray, folder: Path) -> dict[Path, Predicted]:
    np.save(folder / "samples.npy", samples)
    command = [_peer("litert-quantizer"), HERE / "predict.py", *files, "--samples", folder / "samples.npy"]
    _succeeds([*command, "--out", folder / "logits.npz"])
    with np.load(folder / "logits.npz") as arrays:
        told = zip(files, arrays["failed"].tolist(), arrays["floats"].tolist(), strict=True)
        return {file: Predicted(arrays.get(str(file)), failed, floats) for file, failed, floats in told}


def _found(maker: str, method: str, file: Path, failed: str, told: str = "") -> Written:
    return Written(maker, method, file, "" if file.exists() else failed or f"it wrote no {file.name}", told)


def _peer(name: str) -> Path:
    return ROOT / ".venv" / name / "bin" / "python"


def _run(command: list[str | Path]) -> str:
    """What stopped a command, if something has; onnx2tf looks for a simplifier on PATH."""
    path = f"{ROOT / '.venv/onnx2tf/bin'}{os.pathsep}{os.environ['PATH']}"
    return stopped_by(command, {**os.environ, "PATH": path}, TIMEOUT)


def _succeeds(command: list[str | Path]) -> None:
    if failed := _run(command):
        sys.exit(f"error: {failed}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="NAMES", help="names or patterns, with commas between")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
