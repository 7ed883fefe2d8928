"""Convert models as int8-only for a microcontroller with an NPU, run each file in TFLite Micro and in LiteRT without
XNNPACK, and say how many steps they are apart, what arena it needs and what of it runs on the NPU; then convert those
of `ON_ARM`, and say how far a runtime on Arm is from the same one on x86-64. JSON beside it.

The exit status is 1 where a file that TFLite Micro runs is more than a step away from what LiteRT's reference kernels
compute (its fast ones where there is no reference), a model of `FULL` has less than 95 % of its multiply-adds on the
NPU, or floats are more than `APART` apart on Arm. Without a docker engine that runs programs for Arm, it says so, and
leaves that part out.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import manifest
import numpy as np
from rich.console import Console
from rich.table import Table

from pinlite import toolchain
from pinlite.engine import VenvEngine
from pinlite.engine.docker import DockerEngine
from pinlite.errors import NoEngineError
from pinlite.events import ignore

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TARGET = "ethos-u55-128"
REFERENCE, FAST = "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
LEAST = 0.95
# How a model is refused that is none for the target: by the quantizer, or by TFLite Micro.
REFUSED = ("operator(s) compute in floats", "TFLite Micro can't run")
# Beside the zoo's: what microcontrollers are given, and what an NPU has to run nearly all of.
OTHERS = (
    manifest.Model(
        "mobilenet_v2_025",
        f"{ROOT / 'examples' / 'microcontroller.py'}:mobilenet_v2_025",
        ("input=1x3x96x96",),
        quick=True,
    ),
    manifest.Model("ds_cnn", f"{ROOT / 'tests' / 'accuracy' / 'nets.py'}:ds_cnn", ("image=1x1x25x12",), quick=True),
)
# At sizes that an emulator is quick enough for.
ON_ARM = (
    *OTHERS,
    *(replace(each, inputs=("input=1x3x64x64",)) for each in manifest.load() if each.name == "resnet18"),
)
ARM = "arm64"
APART = 1e-5
FULL = {"mobilenet_v2", "mobilenet_v2_025", "resnet18", "mnasnet1_0", "ds_cnn"}


@dataclass(frozen=True)
class Outcome:
    """``steps`` is the largest difference of an output from what LiteRT's reference kernels compute, in steps of the
    output, ``fast`` the same of kernels that are fast here; None where LiteRT has no such kernel. ``reason`` is what
    TFLite Micro refuses. ``macs`` is the share of multiply-adds on the NPU, ``off`` has the operators that are not
    there.
    """

    name: str
    steps: int | None = None
    fast: int | None = None
    reason: str = ""
    seconds: float | None = None
    arena: dict[str, Any] | None = None
    macs: float | None = None
    off: dict[str, int] = field(default_factory=dict)
    sram: int | None = None
    flash: int | None = None

    @property
    def right(self) -> bool:
        """Whether what there is to be held is as it should be; what is refused, is so by name."""
        if self.arena is None:
            return self.name not in FULL and any(words in self.reason for words in REFUSED)
        held = self.fast if self.steps is None else self.steps
        return held is not None and held <= 1 and (self.name not in FULL or (self.macs or 0.0) >= LEAST)


@dataclass(frozen=True)
class OnArm:
    """A variant's file in a runtime on Arm beside the same one on x86-64, and what each is away from PyTorch: ``apart``
    and ``arm`` and ``x86`` are shares of the largest number; of ``values`` integers ``differing`` differ, by ``steps``
    at most. ``emulator`` runs it; ``reason`` says why it does not run.
    """

    name: str
    variant: str
    emulator: str = ""
    apart: float | None = None
    arm: float | None = None
    x86: float | None = None
    values: int | None = None
    differing: int | None = None
    steps: int | None = None
    seconds: float | None = None
    reason: str = ""

    @property
    def right(self) -> bool:
        return self.apart is not None and (self.variant != "float32" or self.apart <= APART)


def main() -> int:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found: list[Outcome | OnArm] = []
    if arguments.device in ("", TARGET):
        models = _chosen([*OTHERS, *(each for each in manifest.load() if each.quick or each.name in FULL)], arguments)
        made = _each(models, lambda model: [outcome(model, arguments.engine)], arguments.out / "devices.json")
        Console(width=160).print(_table(made))
        found += made
    if arguments.device in ("", ARM):
        if why := _lacking():
            print(f"{ARM} is left out: {why}", file=sys.stderr)  # noqa: T201
            return int(not all(each.right for each in found))
        on_arm = _each(_chosen(ON_ARM, arguments), outcomes_on_arm, arguments.out / f"{ARM}.json")
        Console(width=160).print(_table_of_arm(on_arm))
        found += on_arm
    return 0 if found and all(each.right for each in found) else 1


def _chosen(models: Sequence[manifest.Model], arguments: argparse.Namespace) -> list[manifest.Model]:
    patterns = [text for text in arguments.only.split(",") if text]
    models = [model for model in models if model.quick or not arguments.quick]
    return [each for each in models if not patterns or any(fnmatchcase(each.name, text) for text in patterns)]


T = TypeVar("T", Outcome, OnArm)


def _each(models: Sequence[manifest.Model], made: Callable[[manifest.Model], list[T]], file: Path) -> list[T]:
    """What is made of each model, told and written as it comes."""
    found: list[T] = []
    for at, model in enumerate(models, 1):
        found += made(model)
        print(f"{at}/{len(models)} {found[-1]}", file=sys.stderr, flush=True)  # noqa: T201
        file.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    return found


def converted(model: manifest.Model, out: Path, *asked: str) -> str:
    """Why the model was not converted; "" where it was, whatever became of its results."""
    words = [word for each in model.inputs for word in ("--input", each)]
    words += [word for each in model.requirements for word in ("--with", each)]
    command = [sys.executable, "-m", "pinlite", "convert", model.source, *words, *asked, "--calibration", "random"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    if done.returncode in (0, 7):
        return ""
    return next((line for line in done.stderr.splitlines() if line.startswith("error: ")), done.stderr[-300:])


def outcome(model: manifest.Model, engine: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="devices-") as folder:
        out = Path(folder, "out")
        if error := converted(model, out, "--target", TARGET, "--variant", "int8-only", "--engine", engine):
            return Outcome(model.name, reason=error)
        report = json.loads((out / "report.json").read_text())
        (variant,) = report["variants"]
        npu = variant["npu"]
        (hop,) = (stage for stage in report["stages"] if stage["name"] == "infer-tflite-micro-int8-only")
        return Outcome(
            model.name,
            steps=apart(REFERENCE, out / variant["path"], out / "samples.npz"),
            fast=apart(FAST, out / variant["path"], out / "samples.npz"),
            seconds=round(hop["seconds"], 2),
            arena={name: size for name, size in variant["arena"].items() if isinstance(size, int)},
            macs=npu["macs_on"] / npu["macs"] if npu["macs"] else None,
            off=_counted(each["operator"] for each in npu["off"]),
            sram=npu["sram"],
            flash=npu["on_chip_flash"] + npu["off_chip_flash"],
        )


def _lacking() -> str:
    """Why programs for Arm don't run here; "" where they do."""
    try:
        DockerEngine().emulator("linux/arm64")
    except NoEngineError as error:
        return f"{error}; {error.hint}"
    return ""


def outcomes_on_arm(model: manifest.Model) -> list[OnArm]:
    variants = ("float32", "int8-only")
    asked = [word for name in variants for word in ("--variant", name)]
    with tempfile.TemporaryDirectory(prefix="devices-") as folder:
        out = Path(folder, "out")
        if error := converted(model, out, *asked, "--runtime", ARM, "--engine", "docker"):
            return [OnArm(model.name, name, reason=error) for name in variants]
        report = json.loads((out / "report.json").read_text())
    return [_on_arm(model.name, variant, report) for variant in report["variants"]]


def _on_arm(name: str, variant: dict[str, Any], report: dict[str, Any]) -> OnArm:
    (arm,) = (each for each in report["runtimes"] if each["platform"] == "linux/arm64")
    usual = f"{arm['package']} {arm['version']}"
    hops = [
        each
        for each in report["hops"]
        if {each["from"], each["to"]} == {arm["name"], usual} and each["variant"] == variant["name"]
    ]
    steps = [each["apart"] for each in hops if each["apart"]]
    stage = "-".join(["infer", arm["image"], *[variant["name"]] * (variant["name"] != "float32")])
    (ran,) = (each for each in report["stages"] if each["name"] == stage)
    return OnArm(
        name,
        variant["name"],
        emulator=arm["emulator"],
        apart=max(each["max_rel_error"] for each in hops),
        arm=variant["parity"][arm["name"]],
        x86=variant["parity"][usual],
        values=sum(each["values"] for each in steps) or None,
        differing=sum(each["differing"] for each in steps) if steps else None,
        steps=max(each["steps"] for each in steps) if steps else None,
        seconds=round(ran["seconds"], 2),
    )


def apart(kernels: str, model: Path, samples: Path) -> int | None:
    """How many steps TFLite Micro's outputs are from those of LiteRT, at most; None where that lacks a kernel."""
    micro = computed("micro", model, samples)
    try:
        litert = computed(kernels, model, samples)
    except subprocess.CalledProcessError as error:
        if b"can't run" not in error.stderr:
            raise
        return None
    differences = (np.abs(one.astype(np.int64) - two) for one, two in zip(micro, litert, strict=True))
    return max(int(each.max(initial=0)) for each in differences)


def computed(runtime: str, model: Path, samples: Path) -> list[np.ndarray]:
    chosen = toolchain.with_target(toolchain.load(), "micro")
    package = "tflite-micro" if runtime == "micro" else "ai-edge-litert"
    (row,) = (each for each in chosen.runtimes if each.package == package)
    recipe = chosen.images[row.image]
    image = Path(VenvEngine().ensure([recipe], ignore)[recipe.name].reference)
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder, "outputs.npz")
        python = image / "environment" / "bin" / "python"
        subprocess.run(
            [python, HERE / "outputs.py", runtime, model, samples, outputs],
            check=True,
            capture_output=True,
            env={"PYTHONPATH": str(image / "programs")},
        )
        with np.load(outputs) as arrays:
            return [arrays[name] for name in arrays.files]


def _counted(names: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found


def _table(outcomes: Sequence[Outcome]) -> Table:
    shown = Table(
        "model", "steps", "fast", "arena", "tensors", "of 32 bits, about", "MACs on NPU", "off it", "SRAM", "flash"
    )
    for each in outcomes:
        if each.arena is None:
            shown.add_row(each.name, "-", "-", each.reason)
            continue
        sizes = (each.arena["least"], each.arena["tensors"], each.arena["estimate_32_bit"])
        off = ", ".join(f"{count} {name}" for name, count in each.off.items())
        share = "-" if each.macs is None else f"{each.macs:.1%}"
        memory = (f"{each.sram:,}", f"{each.flash:,}")
        apart = ("-" if found is None else str(found) for found in (each.steps, each.fast))
        shown.add_row(each.name, *apart, *(f"{size:,}" for size in sizes), share, off, *memory)
    return shown


def _table_of_arm(outcomes: Sequence[OnArm]) -> Table:
    shown = Table("model", "variant", "by", "apart", "on Arm", "on x86-64", "values", "differ", "steps", "seconds")
    for each in outcomes:
        if each.apart is None:
            shown.add_row(each.name, each.variant, each.reason)
            continue
        figures = ("-" if found is None else f"{found:.1e}" for found in (each.apart, each.arm, each.x86))
        counts = ("-" if found is None else f"{found:,}" for found in (each.values, each.differing, each.steps))
        shown.add_row(each.name, each.variant, each.emulator, *figures, *counts, str(each.seconds))
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help="names or patterns, with commas between")
    parser.add_argument("--device", default="", choices=["", TARGET, ARM], help="one of the two parts")
    parser.add_argument("--quick", action="store_true", help="the small ones")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    parser.add_argument("--out", type=Path, default=Path("build/devices"), metavar="DIR", help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
