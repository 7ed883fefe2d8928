"""pinlite from Python: what the command line can do, as functions that return objects."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from pinlite.conversion import pipeline
from pinlite.events import Observer, ignore
from pinlite.options import resolve
from pinlite.schema.report import Report

Path = str | PathLike[str]


def convert(
    source: Path,
    *,
    inputs: Mapping[str, str] | Sequence[str] = (),
    output_names: Sequence[str] = (),
    weights: Path | None = None,
    samples: Path | None = None,
    input_layout: Mapping[str, str] | Sequence[str] = (),
    output_layout: Mapping[str, str] | Sequence[str] = (),
    requirements: Sequence[str] = (),
    variants: Sequence[str] = (),
    calibration: Path | None = None,
    integer_io: str | None = None,
    variant_tolerances: Mapping[str, float] | None = None,
    out: Path | None = None,
    observe: Observer = ignore,
    **options: Any,
) -> Report:
    """Convert a model, compare every hop, write the output folder, and return the report.

    ``inputs`` are ``{"image": "1x3x224x224"}`` or ``["ids=1x16:int64"]``; ``input_layout`` and ``output_layout`` are
    ``"nhwc"`` for all that have four dimensions, or ``{"image": "nhwc"}``; ``requirements`` are those of ``--with``;
    ``variants``, ``calibration`` and ``variant_tolerances`` ({"int8": 0.05}) are those of --variant, --calibration and
    --variant-tolerance. ``options`` are the other options of ``pinlite convert``: toolchain, target, seed, opset,
    lowering, ops, dynamic_batch, mean, std, prune, prune_structured, cluster, finetune, qat, evaluate, metric, data,
    tolerance, strict, sign, engine, trust, memory, disk, timeout.

    Raises:
        PinliteError: As the command does; ``exit_status`` and ``hint`` are the command's, and ``report`` is there if
            the output folder was written nevertheless.
    """
    given = {
        "source": str(source),
        "input": _assigned(inputs),
        "output-name": list(output_names),
        "weights": _text(weights),
        "samples": _text(samples),
        "input-layout": _assigned(input_layout),
        "output-layout": _assigned(output_layout),
        "with": list(requirements),
        "variant": list(variants),
        "calibration": _text(calibration),
        "integer-io": integer_io,
        "variant-tolerance": [f"{name}={number}" for name, number in (variant_tolerances or {}).items()],
        "out": _text(out),
    }
    others = {
        name.replace("_", "-"): str(value) if isinstance(value, PathLike) else value for name, value in options.items()
    }
    return pipeline.run(resolve(given | others), observe)


def _assigned(values: Mapping[str, str] | Sequence[str]) -> list[str]:
    """As the command line has them: NAME=VALUE, one each."""
    if isinstance(values, Mapping):
        return [f"{name}={value}" for name, value in values.items()]
    return [values] if isinstance(values, str) else list(values)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
