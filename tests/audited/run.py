"""Make ten models' float32, int8 and int16x8 files with pinlite and its peers, and hold each to `pinlite audit`: JSON.

The exit status is 1 when a file of ours does not pass.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conversion
import manifest
import numpy as np
from audited.matrix import MODELS, SAMPLES, VARIANTS
from rich.console import Console
from rich.text import Text
from zoo_new import ways

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ZOO = ROOT / "tests" / "zoo_new"
# Of the numbers in calibration samples, which are in [0, 1).
SEED = 1
SUFFIXES = {"float32": "float32", "int8": "integer_quant", "int16x8": "integer_quant_with_int16_act"}
# In seconds, for one command.
TIMEOUT = 900
PYTHON, ONNX2TF = (ROOT / ".venv" / each for each in ("zoo-new/bin/python", "onnx2tf/bin/onnx2tf"))


@dataclass(frozen=True)
class Written:
    """A converter's file, or why there is none. ``told`` is how it differs from what the converter makes by default."""

    maker: str
    variant: str
    file: Path
    failed: str = ""
    told: str = ""


def main() -> int:
    arguments = _arguments()
    wanted = arguments.only or ",".join(MODELS)
    models = [model for model in manifest.select(manifest.load(ZOO / "models.toml"), wanted) if model.name in MODELS]
    arguments.out.mkdir(parents=True, exist_ok=True)
    progress, file = Console(stderr=True, soft_wrap=True), arguments.out / "audited.json"
    results = json.loads(file.read_text())["results"] if file.exists() else list[dict[str, Any]]()
    for model in models:
        results = [result for result in results if result["model"] != model.name]
        with tempfile.TemporaryDirectory(prefix="audited-") as folder:
            for written in _written(model, Path(folder), arguments.engine):
                result = {"model": model.name, **_audited(written, arguments.engine)}
                results.append(result)
                progress.print(Text(f"{model.name} {written.maker} {written.variant} ") + _verdict(result))
        results.sort(key=lambda result: MODELS.index(result["model"]))
        file.write_text(json.dumps({"results": results}, indent=1) + "\n")
    return 1 if any(result["maker"] == "pinlite" and result["failures"] for result in results) else 0


def _written(model: manifest.Model, folder: Path, engine: str) -> Iterator[Written]:
    settings = ways.Settings(engine, TIMEOUT, twice=False, python=PYTHON, onnx2tf=ONNX2TF)
    made = ways.made(model, folder, settings, exported=True)
    (name,) = np.load(made.samples).files
    images = np.random.RandomState(SEED).uniform(size=(SAMPLES, *np.load(made.samples)[name].shape))
    np.savez(folder / "calibration.npz", **{name: images.astype(np.float32)})
    np.save(folder / "calibration.npy", np.moveaxis(images[:, 0], 1, -1).astype(np.float32))
    yield from _ours(folder, engine)
    yield from _onnx2tf(folder, name)
    yield from _litert_torch(model, folder)


def _ours(folder: Path, engine: str) -> Iterator[Written]:
    calibration = folder / "joined.npz"
    with np.load(folder / "calibration.npz") as arrays:
        np.savez(calibration, **{name: np.concatenate(list(arrays[name])) for name in arrays.files})
    command = [sys.executable, "-m", "pinlite", "convert", folder / "model.onnx", "--out", folder / "ours"]
    command += ["--engine", engine, "--no-cache", "--calibration", calibration]
    command += [word for variant in VARIANTS for word in ("--variant", variant)]
    failed = _run(command)
    for variant in VARIANTS:
        yield _found("pinlite", variant, folder / "ours" / f"model.{variant}.tflite", failed)


def _onnx2tf(folder: Path, name: str) -> Iterator[Written]:
    """It ends at the first file that its own runtime refuses: scales per channel, which it takes by default, and
    then per tensor.
    """
    command = [ONNX2TF, "-oiqt", "-cind", name, folder / "calibration.npy", "0.0", "1.0"]
    failed = dict[str, str]()
    for told, kind in (("", "per-channel"), ("a scale per tensor", "per-tensor")):
        out = folder / f"onnx2tf-{kind}"
        out.mkdir()
        # It changes the file that it is given.
        copy = shutil.copy(folder / "model.onnx", out)
        ended = _run([*command, "-qt", kind, "-i", copy, "-o", out / "out"])
        for variant, suffix in SUFFIXES.items():
            if variant in failed and not failed[variant]:
                continue
            written = _found("onnx2tf", variant, out / "out" / f"model_{suffix}.tflite", ended, told)
            failed[variant] = written.failed
            if not written.failed or told:
                yield written


def _litert_torch(model: manifest.Model, folder: Path) -> Iterator[Written]:
    file = folder / "litert.float32.tflite"
    failed = _run([PYTHON, ZOO / "to_litert.py", model.source, "--samples", folder / "samples.npz", "--out", file])
    yield _found("litert-torch", "float32", file, failed)
    for variant in VARIANTS[1:]:
        out = folder / f"litert.{variant}.tflite"
        options = ["--samples", folder / "calibration.npz", "--variant", variant, "--out", out]
        failed = _run([PYTHON, HERE / "to_integers.py", file, *options])
        yield _found("litert-torch", variant, out, failed)


def _run(command: list[str | Path]) -> str:
    environment = {**os.environ, "PATH": f"{ONNX2TF.parent}{os.pathsep}{os.environ['PATH']}"}
    return ways.stopped_by(command, environment, TIMEOUT)


def _found(maker: str, variant: str, file: Path, failed: str, told: str = "") -> Written:
    return Written(maker, variant, file, "" if file.exists() else failed or f"it wrote no {file.name}", told)


def _audited(written: Written, engine: str) -> dict[str, Any]:
    """What became of a file, as JSON: the report of its audit, reduced to what the page says."""
    result = {"maker": written.maker, "variant": written.variant, "failed": written.failed, "told": written.told}
    if written.failed:
        return {**result, "failures": []}
    command = [sys.executable, "-m", "pinlite", "audit", str(written.file), "--json", "--engine", engine]
    _, printed, log = conversion.run(command, os.environ, TIMEOUT)
    if not printed:
        return {**result, "failures": [conversion.cause(log)]}
    return {**result, **_reduced(json.loads(printed))}


def _reduced(report: Mapping[str, Any]) -> dict[str, Any]:
    found, computed = report["found"], report["found"]["computed"]
    off = [each for each in computed["off"] if each["steps"] > each["allowed"]] if computed else []
    return {
        "size": report["file"]["size"],
        "failures": report["failures"],
        "findings": [each for each in found["findings"] if each["wrong"]],
        "notes": {kind: count for kind, count in found["counts"].items() if count},
        "not_run": found["not_run"],
        "checked": sum(computed["checked"].values()) if computed else 0,
        "unchecked": computed["unchecked"] if computed else {},
        "floats": computed["floats"] if computed else {},
        "off": [{key: each[key] for key in ("where", "type", "steps", "allowed")} for each in off],
        "exact": (sum(computed["checked"].values()) - len(computed["off"])) if computed else 0,
        "least": report["least"],
        "faults": sorted({(each["operator"], each["type"]) for each in report["faults"]}),
    }


def _verdict(result: Mapping[str, Any]) -> Text:
    if result["failed"]:
        return Text(f"none: {result['failed']}", "yellow")
    return Text("; ".join(result["failures"]), "red") if result["failures"] else Text("passes", "green")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help="names or patterns, with commas between")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    parser.add_argument(
        "--out", type=Path, default=Path("build/audited"), metavar="DIR", help="where audited.json goes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
