"""What techniques and variants cost the digits network: a table of the share of its held-out part that each gets right.

python tests/bench/digits.py [--engine auto]
"""

import argparse
import tempfile
from pathlib import Path
from typing import get_args

import pinlite
from pinlite.schema.choices import VariantName
from pinlite.schema.report import Report
from pinlite.toolchain import NEEDS

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
NET = f"{DIGITS}/net.py"
# Those that every target has.
VARIANTS: tuple[VariantName, ...] = tuple(name for name in get_args(VariantName) if name not in NEEDS)
TECHNIQUES = {
    "none": {},
    "pruned 50 %": {"prune": 0.5, "finetune": f"{NET}:finetune"},
    "clustered 16": {"cluster": 16, "finetune": f"{NET}:finetune"},
    "both": {"prune": 0.5, "cluster": 16, "finetune": f"{NET}:finetune"},
    "QAT": {"qat": f"{NET}:qat"},
    "pruned, QAT": {"prune": 0.5, "finetune": f"{NET}:finetune", "qat": f"{NET}:qat"},
}


def converted(engine: str, options: dict[str, object]) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        return pinlite.convert(
            f"{NET}:build",
            inputs={"image": "1x1x8x8"},
            weights=DIGITS / "digits.pt",
            variants=VARIANTS,
            calibration=DIGITS / "calibration.npz",
            out=Path(folder, "out"),
            engine=engine,
            data=DIGITS / "digits.npz",
            evaluate=f"{NET}:labelled",
            metric=["top-1"],
            **options,
        )


def row(name: str, report: Report) -> str:
    """The scores of torch and of tflite-runtime, and the sizes of float32 and int8 after gzip."""
    assert report.evaluation is not None
    scores = {(score.runtime, score.variant): score.scores["top-1"] for score in report.evaluation.scores}
    newest = next(runtime for runtime, variant in scores if variant is not None)
    shown = [scores["torch", None], *(scores[newest, variant] for variant in VARIANTS)]
    sizes = [
        f"{variant.gzip_size / 1000:.1f} kB" if variant.gzip_size else "-"
        for variant in report.variants
        if variant.name in ("float32", "int8")
    ]
    return " | ".join(["", name, *(f"{100 * score:.2f}" for score in shown), *sizes, ""]).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    engine = parser.parse_args().engine
    print(" | ".join(["", "", "torch", *VARIANTS, "float32, gzip", "int8, gzip", ""]).strip())
    print("|" + "---|" * (len(VARIANTS) + 4))
    for name, options in TECHNIQUES.items():
        print(row(name, converted(engine, options)), flush=True)


if __name__ == "__main__":
    main()
