"""--calibration: the samples from which integer variants take their ranges, and how."""

import re
from os import fspath
from pathlib import Path
from typing import Any

from pinlite.errors import UsageError
from pinlite.inputs.paths import existing
from pinlite.options.declared import Settings
from pinlite.options.sources import python_callable
from pinlite.options.values import numbers
from pinlite.schema.choices import CalibrationKind, VariantName
from pinlite.schema.recipe import Calibration, PostTrainingQuantization

IMAGES = (".bmp", ".jpeg", ".jpg", ".png")

_RANGES, _WEIGHT_RANGES = ("minmax", "mse", "kl"), ("minmax", "mse")
# Of the numbers of a tensor: more than half of them.
_PERCENT = re.compile(r"[5-9]\d(\.\d+)?")
_CALIBRATED: tuple[VariantName, ...] = ("int8", "int8-only", "int16x8")
_FORMS = (
    "give an .npz file, a folder of .npy files or of images, path/to/file.py:callable, or the word random for numbers "
    "that say nothing of real accuracy"
)


def calibration_of(options: Settings, variants: tuple[VariantName, ...], *, has_ranges: bool) -> Calibration | None:
    wanting = [variant for variant in variants if needs_calibration(variant, has_ranges=has_ranges)]
    if "calibration" not in options:
        if wanting:
            raise UsageError(f"--variant {wanting[0]} needs --calibration: samples to take ranges from", hint=_FORMS)
        if options.get("mean") or options.get("std"):
            raise UsageError("--mean and --std are for --calibration with a folder of images", hint=_FORMS)
        return None
    found = _parsed(fspath(options["calibration"]))
    if found.kind != "images" and (options.get("mean") or options.get("std")):
        raise UsageError("--mean and --std are for --calibration with a folder of images", hint=_FORMS)
    mean, std = numbers("--mean", options.get("mean")), numbers("--std", options.get("std"))
    if 0 in std:
        raise UsageError(f"--std {options['std']}: a pixel can't be divided by 0", hint="e.g. --std 0.229,0.224,0.225")
    return found.model_copy(update={"mean": mean, "std": std})


def quantization_of(
    options: Settings, variants: tuple[VariantName, ...], *, has_ranges: bool
) -> PostTrainingQuantization:
    """How integers are chosen; a UsageError where nothing is calibrated, or a variant has no floats."""
    found = PostTrainingQuantization(
        ranges=_ranges("--ranges", options["ranges"], _RANGES),
        weight_ranges=_ranges("--weight-ranges", options["weight_ranges"], _WEIGHT_RANGES),
        symmetric=options["symmetric"],
        equalize=options["equalize"],
        round=options["round"],
        correct_bias=options["correct_bias"],
        keep_float=tuple(dict.fromkeys(options["keep_float"])),
        keep_int16=tuple(dict.fromkeys(options["keep_int16"])),
    )
    calibrated = any(needs_calibration(variant, has_ranges=has_ranges) for variant in variants)
    if not calibrated and (given := chosen_by(options)):
        raise UsageError(
            f"{given[0]} is given, but no variant takes ranges from samples",
            hint="e.g. --variant int8 --calibration samples.npz; a model with integers of its own keeps their ranges",
        )
    if found.keep_float and "int8-only" in variants:
        raise UsageError(
            f"--keep-float {found.keep_float[0]}: --variant int8-only has no floats", hint="take --variant int8"
        )
    if found.keep_int16 and "int8-only" in variants:
        raise UsageError(
            f"--keep-int16 {', '.join(found.keep_int16)}: --variant int8-only has no floats, through which numbers of "
            "int8 become int16",
            hint="take --variant int8, or int16x8 for all layers",
        )
    if found.keep_int16 and "int8" not in variants:
        raise UsageError(
            f"--keep-int16 {', '.join(found.keep_int16)}: no file of int8 is made, which these layers would be part of",
            hint="take --variant int8; int16x8 has int16 in all layers",
        )
    return found


def chosen_by(options: Settings) -> list[str]:
    """The options that say how integers are chosen, as far as they are given."""
    given = {
        "--ranges": options["ranges"] != _RANGES[0],
        "--weight-ranges": options["weight_ranges"] != _WEIGHT_RANGES[0],
        "--symmetric": options["symmetric"],
        "--equalize": options["equalize"],
        "--round": options["round"] != "nearest",
        "--correct-bias": options["correct_bias"],
        "--keep-float": options["keep_float"],
        "--keep-int16": options["keep_int16"],
    }
    return [name for name, value in given.items() if value]


def keyed_method(method: PostTrainingQuantization) -> dict[str, Any]:
    """A way of choosing integers as pinlite.toml has it, by key; None for what is as usual."""
    given = method.model_dump(mode="json", exclude_defaults=True)
    return {name.replace("_", "-"): given.get(name) for name in PostTrainingQuantization.model_fields}


def words_of_method(method: PostTrainingQuantization) -> str:
    """The same in words, as the command line has it."""
    words = []
    for key, value in keyed_method(method).items():
        if value is True:
            words.append(f"--{key}")
        elif isinstance(value, list):
            words.append(f"--{key} {value[0]}" + (f" and {len(value) - 1} more" if len(value) > 1 else ""))
        elif value is not None:
            words.append(f"--{key} {value}")
    return " ".join(words) or "as usual"


def _ranges(option: str, text: str, methods: tuple[str, ...]) -> str:
    kind, _, share = text.partition("=")
    if text not in methods and not (kind == "percentile" and _PERCENT.fullmatch(share)):
        raise UsageError(f"{option} {text!r} is no method", hint=f"{', '.join(methods)}, or percentile=99.99")
    return text


def needs_calibration(variant: VariantName, *, has_ranges: bool) -> bool:
    """Whether a variant takes ranges from samples. A model that ``has_ranges`` has them for int8."""
    return variant in _CALIBRATED and not (has_ranges and variant in ("int8", "int8-only"))


def _parsed(text: str) -> Calibration:
    path = Path(text)
    if text == "random":
        return Calibration(kind="random", text=text)
    if text and path.is_dir():
        suffixes = {file.suffix.lower() for file in path.iterdir()}
        kinds: list[CalibrationKind] = ["arrays"] if ".npy" in suffixes else []
        if suffixes & set(IMAGES):
            kinds.append("images")
        if len(kinds) != 1:
            what = "both .npy files and images" if kinds else f"no .npy file and no image ({', '.join(IMAGES)})"
            raise UsageError(f"--calibration {text} holds {what}", hint=_FORMS)
        return Calibration(kind=kinds[0], text=text, path=path)
    if path.suffix == ".npz":
        return Calibration(kind="arrays", text=text, path=existing("--calibration", text))
    if python := python_callable(text):
        return Calibration(kind="python", text=text, **python)
    raise UsageError(
        f"--calibration {text!r} is neither a folder nor a kind of samples that pinlite knows", hint=_FORMS
    )
