"""The values of single options, from their text; a UsageError says what is wrong with it."""

import ast
import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import cast, get_args

from pydantic import JsonValue

from pinlite.errors import UsageError
from pinlite.schema.choices import Dtype, Layout, StageName, VariantName
from pinlite.schema.recipe import InputSpec, LayoutSpec, Preprocessing

_INPUT = "e.g. --input image=1x3x224x224, ids=1x16:int64, or k=:int64 for a number by itself"
# Names of other libraries for a dtype, and what stands between sizes elsewhere.
_DTYPES_ELSEWHERE = {"float": "float32", "half": "float16", "double": "float64", "int": "int32", "long": "int64"}
_BETWEEN_SIZES = re.compile(r"[\sx,*\u00d7()\[\]]+", re.IGNORECASE)
_SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DTYPES: tuple[str, ...] = get_args(Dtype)
_LAYOUTS: tuple[str, ...] = get_args(Layout)
_STAGES: tuple[str, ...] = get_args(StageName)
_VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
_WORDS = {"true": True, "false": False, "null": None}
_NUMBERS = r"[-+.0-9e,]+?"
_PREPROCESSING = re.compile(
    r"(?P<name>[^=]+)=(?:(?P<dtype>uint8)(?:,|$))?(?:(?P<layout>nhwc)(?:,|$))?"
    rf"(?:mean=(?P<mean>{_NUMBERS})(?:,(?=std)|$))?(?:std=(?P<std>{_NUMBERS}))?"
)


def inputs(texts: Iterable[str]) -> tuple[InputSpec, ...]:
    specs = tuple(parse_input(text) for text in texts)
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"--input names {twice[0]!r} twice", hint="every input has a name of its own")
    return specs


def parse_input(text: str) -> InputSpec:
    """``NAME=1x3x224x224[:dtype]``, without sizes for a scalar; a UsageError says what is wrong with it."""
    name, equals, rest = text.partition("=")
    shape, colon, dtype = rest.partition(":")
    sizes = shape.split("x") if shape else []
    if not name or not equals or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise UsageError(f"--input {text!r} is not NAME=SHAPE[:DTYPE]", hint=_meant(text) or _INPUT)
    if colon and dtype not in _DTYPES:
        near = _DTYPES_ELSEWHERE.get(dtype) or next(iter(difflib.get_close_matches(dtype, _DTYPES, n=1)), None)
        hint = (f"did you mean {near}? " if near else "") + f"There are {', '.join(_DTYPES)}"
        raise UsageError(f"--input {text!r}: unknown dtype {dtype!r}", hint=hint)
    return InputSpec.model_validate({"name": name, "shape": [int(s) for s in sizes], "dtype": dtype or "float32"})


def _meant(text: str) -> str:
    """A hint for an input whose shape is written in another way, or left open; nothing for what is no shape."""
    name, _, rest = text.partition("=") if "=" in text else ("NAME", "", text)
    shape, colon, dtype = rest.partition(":")
    sizes = [size for size in _BETWEEN_SIZES.split(shape) if size]
    known = [size if size.isdecimal() and int(size) > 0 else "1" for size in sizes]
    if not name or not any(size.isdecimal() for size in sizes):
        return ""
    written = f"--input {name}={'x'.join(known)}{colon}{dtype}"
    if known == sizes:
        return f"did you mean {written}?"
    return (
        f"every size is a number, in which the samples are made: {written}; --dynamic {name}.0=batch beside it leaves "
        "the batch open in the file"
    )


def fixed(texts: Iterable[str]) -> dict[str, JsonValue]:
    """The values of ``NAME=VALUE``: numbers, True, False, None and lists as Python has them; all else is text."""
    found: dict[str, JsonValue] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--fix {text!r} is not NAME=VALUE", hint="e.g. --fix rate=16000 or --fix mode=fast")
        if name in found:
            raise UsageError(f"--fix names {name!r} twice", hint="a parameter has one value")
        found[name] = _literal(value)
    return found


def _literal(text: str) -> JsonValue:
    try:
        value = _WORDS[text] if text in _WORDS else ast.literal_eval(text)
        return cast("JsonValue", json.loads(json.dumps(value, allow_nan=False)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def preprocessing(texts: Iterable[str]) -> tuple[Preprocessing, ...]:
    """``NAME=uint8,nhwc,mean=R,G,B,std=R,G,B``, each step at most once; a UsageError says what is wrong with it."""
    found: dict[str, Preprocessing] = {}
    for text in texts:
        matched = _PREPROCESSING.fullmatch(text)
        if not matched or text.endswith("="):
            raise UsageError(
                f"--preprocess {text!r} is not NAME=[uint8],[nhwc],[mean=NUMBERS],[std=NUMBERS]",
                hint="e.g. --preprocess image=uint8,nhwc,mean=0.485,0.456,0.406,std=0.229,0.224,0.225",
            )
        given = matched.groupdict(default="")
        mean, std = (numbers("--preprocess", given[key]) for key in ("mean", "std"))
        if 0 in std:
            raise UsageError(f"--preprocess {text!r} divides by 0", hint="give standard deviations")
        if given["name"] in found:
            raise UsageError(f"--preprocess names {given['name']!r} twice", hint="give all of its steps at once")
        found[given["name"]] = Preprocessing(
            name=given["name"],
            dtype="uint8" if given["dtype"] else "float32",
            layout="nhwc" if given["layout"] else "nchw",
            mean=mean,
            std=std,
        )
    return tuple(found.values())


def batched(texts: Iterable[str]) -> tuple[str, ...]:
    """The inputs whose first dimensions ``NAME.0=SIZE`` leave open, all of one size."""
    found: dict[str, str] = {}
    for text in texts:
        place, equals, size_name = text.partition("=")
        name, dot, axis = place.rpartition(".")
        if not (name and dot and axis.isdecimal() and equals and size_name):
            raise UsageError(f"--dynamic {text!r} is not NAME.0=SIZE", hint="e.g. --dynamic image.0=batch")
        if int(axis) != 0:
            raise UsageError(
                f"--dynamic {text!r}: only a first dimension, a batch, can stay open: what a model makes of any other "
                "(halves, padding, positions) is no multiple of its size, and TFLite has it as fixed numbers",
                hint=f"give it, --input {name}=..., and convert once for each that you need, or pad to the largest",
            )
        if name in found:
            raise UsageError(f"--dynamic names {place!r} twice", hint="give each input once")
        found[name] = size_name
    if len(set(found.values())) > 1:
        raise UsageError(
            f"--dynamic names several sizes: {', '.join(sorted(set(found.values())))}",
            hint="one size can stay open: give inputs that have it in common one name, and others a size by --input",
        )
    return tuple(found)


def layouts(option: str, texts: Iterable[str]) -> tuple[LayoutSpec, ...]:
    specs: list[LayoutSpec] = []
    for text in texts:
        name, equals, layout = text.rpartition("=")
        if layout not in _LAYOUTS or bool(equals) != bool(name):
            raise UsageError(
                f"{option} {text!r} is not [NAME=]LAYOUT", hint=f"e.g. {option} nhwc, or {option} image=nhwc"
            )
        if name in [spec.name for spec in specs]:
            whom = f"names {name!r}" if name else "speaks of all"
            raise UsageError(
                f"{option} {whom} twice", hint="give it once for all, and once for each tensor that differs"
            )
        specs.append(LayoutSpec(name=name, layout=cast("Layout", layout)))
    return tuple(specs)


def variants(names: Sequence[str]) -> tuple[VariantName, ...]:
    for name in names:
        _variant("--variant", name)
    return tuple(variant for variant in _VARIANTS if variant in names)


def share(option: str, text: str) -> float:
    """A share of 1, as a number or in percent."""
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1
    if not 0 <= found <= 1:
        raise UsageError(f"{option} {text!r} is no share of 1", hint=f"e.g. {option} 0.5%, or {option} 0.005")
    return found


def tolerance(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    _variant("--variant-tolerance", name)
    try:
        tolerance = float(number)
    except ValueError:
        tolerance = -1
    if not 0 <= tolerance < float("inf"):
        raise UsageError(
            f"--variant-tolerance {text!r} is not VARIANT=NUMBER", hint="e.g. --variant-tolerance int8=0.05"
        )
    return name, tolerance


def size(option: str, text: str) -> int:
    """Bytes, of 512m or 8g."""
    matched = re.fullmatch(r"([1-9][0-9]{0,7})([kmg])", text.lower())
    if not matched:
        raise UsageError(f"{option} {text!r} is not a size", hint=f"e.g. {option} 512m or {option} 8g")
    return int(matched[1]) * _SIZES[matched[2]]


def duration(option: str, text: str) -> float:
    """Seconds, of 90s, 10m or 2h."""
    matched = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text.lower())
    if not matched:
        raise UsageError(f"{option} {text!r} is no time", hint=f"e.g. {option} 90s or {option} 10m")
    return float(int(matched[1]) * _SECONDS[matched[2]])


def stages(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in _STAGES:
            raise UsageError(f"--refresh {name!r}: there is no such stage", hint=f"there are {', '.join(_STAGES)}")
    return tuple(names)


def numbers(option: str, text: str | None) -> tuple[float, ...]:
    if not text:
        return ()
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a list of numbers", hint=f"e.g. {option} 0.485,0.456,0.406"
        ) from None


def _variant(option: str, name: str) -> None:
    if name not in _VARIANTS:
        near = difflib.get_close_matches(name, _VARIANTS, n=1)
        hint = (f"did you mean {near[0]}? " if near else "") + f"There are {', '.join(_VARIANTS)}"
        raise UsageError(f"{option} {name!r}: there is no such variant", hint=hint)
