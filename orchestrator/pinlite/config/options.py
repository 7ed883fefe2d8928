"""The options as they are given: by pinlite.toml, by the command line, and checked one by one."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pinlite.choices import EngineChoice, IntegerIo, Lowering, Ops
from pinlite.config.paths import existing_file
from pinlite.config.sources import MODULE
from pinlite.errors import UsageError

_LONGEST = 7 * 24 * 3600


def dashed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Options(BaseModel):
    """The keys of pinlite.toml, which are the names of the options."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=dashed)

    source: str
    out: str | None = None
    weights: str | None = None
    input: list[str] = []
    output_name: list[str] = []
    samples: str | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    opset: int = Field(12, ge=7, le=12)
    lowering: Lowering = "nhwc"
    input_layout: list[str] = []
    output_layout: list[str] = []
    ops: Ops = "auto"
    dynamic_batch: bool = False
    variant: list[str] = ["float32"]
    calibration: str | None = None
    mean: str | None = None
    std: str | None = None
    integer_io: IntegerIo = "int8"
    variant_tolerance: list[str] = []
    with_: list[str] = []
    prune: float | None = Field(None, gt=0, lt=1)
    prune_structured: bool = False
    cluster: int | None = Field(None, ge=2, le=256)
    finetune: str | None = None
    qat: str | None = None
    evaluate: str | None = None
    metric: list[str] = []
    data: str | None = None
    tolerance: float | None = Field(None, ge=0, allow_inf_nan=False)
    engine: EngineChoice = "auto"
    memory: str = "8g"
    timeout: float = Field(1800, gt=0, le=_LONGEST)
    no_cache: bool = False
    refresh: list[str] = []


def read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(existing_file(file).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} is no TOML: {error}", hint='its lines are like: opset = 12, input = ["x=1x3"]'
        ) from error
    for key in ("source", "out", "weights", "samples", "calibration", "finetune", "qat", "evaluate", "data"):
        named = key not in ("source", "calibration", "finetune", "qat", "evaluate") or names_a_path(
            content.get(key, "")
        )
        if isinstance(content.get(key), str) and named:
            content[key] = str(file.parent / content[key])
    return content


def names_a_path(source: str) -> bool:
    return ".py:" in source or not (MODULE.fullmatch(source) or source == "random")


def explained(error: ValidationError, files: Mapping[str, Path]) -> UsageError:
    """The first thing that is wrong, in the user's words; ``files`` has the keys that a file gave."""
    first = error.errors()[0]
    key = str(first["loc"][0])
    known = [dashed(name) for name in Options.model_fields]
    where = f"{files[key]}: " if key in files else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known, n=1)
        return UsageError(
            f"{where}unknown key {key!r}", hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        )
    name = key if key in files else f"--{key}"
    return UsageError(
        f"{where}{name} = {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}",
        hint="pinlite convert --help says what each option takes, and so does the key of its name",
    )
