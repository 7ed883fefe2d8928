"""Stage program of the image of Vela: compile a .tflite file for an NPU."""

import csv
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from stagekit import StageError
from tflite_run import parts

from . import placement

PACKAGE = "ethos-u-vela"
VERSIONS = (PACKAGE, "numpy")

# In its summary, in KiB.
_MEMORIES = {
    "sram": "sram_memory_used",
    "dram": "dram_memory_used",
    "on_chip_flash": "on_chip_flash_memory_used",
    "off_chip_flash": "off_chip_flash_memory_used",
}
_COUNTED = re.compile(r"(CPU|NPU) operators = (\d+) ")
# A share of the multiply-adds: beneath, an NPU is not of much use.
_LEAST = 0.95
_NAMED = 3


def compile_file(request):
    """Compile a .tflite file for an NPU.

    Parameters: ``accelerator``, as Vela calls it. Roles in: model; operators, {operators: [{kind, macs, ...}]} in the
    file's order. Roles out: compiled. Returns {compiler, system, memory_mode, on, off, macs, macs_on, sram, dram,
    on_chip_flash, off_chip_flash, milliseconds, warnings}: how many operators are on the NPU and which are not, all
    multiply-adds and those on the NPU, bytes as Vela says, and its estimate of an invocation's time, None where the NPU
    has nothing to do.
    """
    model, accelerator = request.inputs["model"], request.parameters["accelerator"]
    plain = parts.read(model)
    with tempfile.TemporaryDirectory() as folder:
        made, summary, said = _compiled(model, accelerator, Path(folder))
        shutil.copyfile(made, request.outputs["compiled"])
    compiled = parts.read(request.outputs["compiled"])
    off = placement.left(plain, compiled, said)
    macs = [each["macs"] for each in json.loads(request.inputs["operators"].read_text())["operators"]]
    lost = sum(macs[each.number] for each in off)
    counts = {name: int(count) for name, count in _COUNTED.findall("\n".join(said))}
    milliseconds = float(summary["inference_time"]) * 1000
    has_npu = any(operator.kind == placement.NPU for graph in compiled.graphs for operator in graph.operators)
    return {
        "compiler": "{} {}".format(PACKAGE, metadata.version(PACKAGE)),
        "system": summary["system_config"],
        "memory_mode": summary["memory_mode"],
        "on": len(plain.graphs[0].operators) - len(off) if has_npu else 0,
        "off": [each._asdict() for each in off],
        "macs": sum(macs),
        "macs_on": sum(macs) - lost if has_npu else 0,
        **{name: round(float(summary[column]) * 1024) for name, column in _MEMORIES.items()},
        "milliseconds": milliseconds if has_npu and math.isfinite(milliseconds) else None,
        "warnings": list(_warnings(accelerator, off, sum(macs), lost, counts, has_npu=has_npu)),
    }


def _compiled(model, accelerator, folder):
    """The file that Vela made, its summary as {column: text}, and the lines that it printed."""
    given = folder / "model.tflite"
    shutil.copyfile(model, given)
    options = ["--accelerator-config", accelerator, "--output-dir", str(folder / "made")]
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from ethosu.vela.vela import main; sys.exit(main())", str(given), *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    sys.stderr.write(done.stdout)
    said = [line.strip() for line in done.stdout.splitlines()]
    made = folder / "made" / "model_vela.tflite"
    if done.returncode or not made.is_file():
        last = [line for line in said if line][-_NAMED:]
        raise StageError(
            "model",
            "Vela can't compile it for {}: {}".format(accelerator, " ".join(last) or "it says nothing"),
            "convert for --target micro, whose file is the same, or for another NPU",
        )
    (summary,) = folder.glob("made/model_summary_*.csv")
    with summary.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    return made, row, said


def _warnings(accelerator, off, macs, lost, counts, *, has_npu):
    """What Vela ends with 0 for, though an NPU has nothing or not much to do then."""
    named = "; ".join(
        "{} {} ({})".format(each.operator, each.number, each.reason)
        for each in sorted(off, key=lambda each: each.number)[:_NAMED]
    )
    more = " and {} more".format(len(off) - _NAMED) if len(off) > _NAMED else ""
    if not has_npu:
        yield "nothing of it runs on {}, all {} operators on the processor: {}{}".format(
            accelerator, counts.get("CPU", len(off)), named, more
        )
    elif macs and 1 - lost / macs < _LEAST:
        yield "only {:.1%} of its multiply-adds run on {}; on the processor: {}{}".format(
            1 - lost / macs, accelerator, named, more
        )


OPERATIONS = {"compile": compile_file}
