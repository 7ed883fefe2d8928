"""What all variants of the examples cost in one run beside one run each, and how large they are.

A converter's cost is that of its stage, by the host's clock; the ratio sets variants of one run, all but the first,
against the same variants alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EXAMPLES = ("mobilenet_v2", "resnet18")
VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")


def convert(example: str, engine: str, *variants: str) -> dict[str, Any]:
    """The report of a conversion that is calibrated at random."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        command = [sys.executable, "-m", "pinlite", "convert", f"examples/{example}.py:{example}"]
        command += ["--input", "input=1x3x224x224", "--calibration", "random", "--engine", engine, "--out", str(out)]
        command += ["--no-cache"]
        command += [word for variant in variants for word in ("--variant", variant)]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads((out / "report.json").read_text())


def seconds(report: dict[str, Any]) -> dict[str, float]:
    """Of the converter, by variant."""
    names = {variant: "convert" if variant == "float32" else f"convert-{variant}" for variant in VARIANTS}
    spent = {stage["name"]: stage["seconds"] for stage in report["stages"]}
    return {variant: spent[name] for variant, name in names.items() if name in spent}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    arguments = parser.parse_args()
    for example in EXAMPLES:
        together = convert(example, arguments.engine, *VARIANTS)
        alone = {variant: seconds(convert(example, arguments.engine, variant))[variant] for variant in VARIANTS}
        shared = seconds(together)
        print(f"{example}, {together['calibration']['samples']} samples")
        columns = f"{'alone':>8} {'in one run':>11} {'size':>10} {'of float32':>10} {'cosine':>9} {'relative':>9}"
        print(f"{'variant':<10} {columns}")
        whole = together["variants"][0]["size"]
        for variant in together["variants"]:
            name, size = variant["name"], variant["size"]
            figures = f"{min(variant['cosine'].values()):9.6f} {max(variant['parity'].values()):9.1e}"
            print(f"{name:<10} {alone[name]:6.2f} s {shared[name]:9.2f} s {size:10} {size / whole:10.3f} {figures}")
        ratio = sum(shared[name] for name in VARIANTS[1:]) / sum(alone[name] for name in VARIANTS[1:])
        print(f"in one run / alone, all but the first: {ratio:.2f}\n")


if __name__ == "__main__":
    main()
