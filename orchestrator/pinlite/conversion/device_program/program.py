"""The programs of one file, filled in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinlite.digest import HashedPath
from pinlite.errors import UsageError
from pinlite.schema.choices import ExampleLanguage
from pinlite.schema.recipe import Recipe
from pinlite.store.output import LABELS

if TYPE_CHECKING:
    from pinlite.conversion.results import Variant
    from pinlite.schema.report import Tensor

SUFFIXES: Mapping[ExampleLanguage, str] = {"python": ".py", "cpp": ".cpp"}
_LABELS = "write the name of each class in a line, in the order of the output's numbers"

# The types of C++ that numbers of a file have.
_IN_CPP = {
    "bool": "bool",
    "float32": "float",
    "float64": "double",
    **{f"{sign}int{bits}": f"std::{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True)
class Fed:
    """An input or output of a file. ``shape`` is the file's, with 1 for a batch of any size, ``order`` says which axis
    of PyTorch's array each axis of the file's is, or nothing where they are the same. ``scale`` is 0 where the file has
    floats. ``mean`` and ``std`` are of pixels of [0, 1], one for each channel or one for all; both are empty where the
    model has no pixels, or takes them as they are.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def in_cpp(self) -> str:
        return _IN_CPP[self.dtype]


def written(recipe: Recipe, variant: "Variant", folder: Path) -> tuple[dict[str, HashedPath], list[str]]:
    """The programs that the recipe asks for, by the names of their files, and why others are left out.

    A file whose outputs have sizes that are known only once it has run has no program.
    """
    if not recipe.examples:
        return {}, []
    unknown = [each.name for each in variant.outputs if None in each.shape[1:]]
    if unknown:
        reason = f"{variant.name} has no example: sizes of {', '.join(unknown)} are known only once it has run"
        return {}, [reason]
    told = {
        "model": variant.file.path.name,
        "inputs": [_fed(each, *normalization(recipe, each)) for each in variant.inputs],
        "outputs": [_fed(each) for each in variant.outputs],
        "labels": LABELS if recipe.labels else "",
        "pixels": any(normalization(recipe, each)[1] for each in variant.inputs),
        "passed": bool({each.tensor for each in variant.inputs} & {each.tensor for each in variant.outputs}),
        "resized": any(None in each.shape for each in variant.inputs),
    }
    found, left_out = {}, []
    for language in recipe.examples:
        strange = {each.dtype for each in (*variant.inputs, *variant.outputs)} - _IN_CPP.keys()
        if language == "cpp" and (strange or variant.select_tf):
            what = "Select-TF operators" if variant.select_tf else f"tensors of {', '.join(sorted(strange))}"
            left_out.append(f"{variant.name} has no example in C++: LiteRT's library does not take {what}")
            continue
        path = folder / f"example.{variant.name}{SUFFIXES[language]}"
        path.write_text(_filled(language, told), encoding="utf-8")
        found[path.name] = HashedPath.of(path)
    return found, left_out


def checked_labels(recipe: Recipe, outputs: Sequence[Sequence[int | None]]) -> bytes:
    """The content of the file of labels, in UTF-8 with plain ends of lines; nothing where there is none.

    Raises:
        UsageError: It is no text, or none of the outputs, by their shapes, has as many numbers as it has lines.
    """
    if recipe.labels is None:
        return b""
    try:
        lines = recipe.labels.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"--labels {recipe.labels} can't be read as text of UTF-8: {error}", hint=_LABELS) from error
    numbers = [math.prod(size or 1 for size in shape[1:]) for shape in outputs]
    if not all(line.strip() for line in lines):
        raise UsageError(f"--labels {recipe.labels} has a line without a name", hint=_LABELS)
    if len(lines) not in numbers:
        has = " and ".join(map(str, numbers))
        raise UsageError(
            f"--labels {recipe.labels} has {len(lines)} lines; the model's outputs have {has} numbers for each sample",
            hint=_LABELS,
        )
    return "".join(f"{line}\n" for line in lines).encode()


def _fed(tensor: "Tensor", mean: tuple[float, ...] = (), std: tuple[float, ...] = ()) -> Fed:
    rank = len(tensor.shape)
    moved = tensor.layout == "nhwc" and rank > len("NC")
    is_integer = "int" in tensor.dtype and tensor.scale is not None
    return Fed(
        name=tensor.name,
        tensor=tensor.tensor,
        shape=tuple(size or 1 for size in tensor.shape),
        order=(0, *range(2, rank), 1) if moved else (),
        dtype=tensor.dtype,
        scale=(tensor.scale or 0.0) if is_integer else 0.0,
        zero_point=(tensor.zero_point or 0) if is_integer else 0,
        mean=mean,
        std=std,
    )


def normalization(recipe: Recipe, tensor: "Tensor") -> tuple[tuple[float, ...], ...]:
    """Mean and deviation of pixels of [0, 1] by channel, where the model takes images and the file does not do it."""
    asked = recipe.calibration
    if asked is None or asked.kind != "images" or len(tensor.shape) != len("NCHW"):
        return (), ()
    if any(each.name == tensor.name for each in recipe.preprocessing):
        return (), ()
    mean, std = asked.mean or (0.0,), asked.std or (1.0,)
    channels = max(len(mean), len(std))
    return tuple(numbers * channels if len(numbers) == 1 else numbers for numbers in (mean, std))


def _filled(language: ExampleLanguage, told: Mapping[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # it takes time to import

    environment = Environment(
        loader=PackageLoader("pinlite.conversion.device_program", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701  # it is no page; every text goes through quoted
    )
    environment.filters["quoted"] = ascii if language == "python" else in_octals
    return environment.get_template(f"example{SUFFIXES[language]}.jinja").render(**told)


def in_octals(text: str) -> str:
    """A literal of C++ of a stranger's text in UTF-8: three octal digits for each byte that is no plain letter."""
    plain = {*range(0x20, 0x7F)} - {ord('"'), ord("\\"), ord("?")}
    return '"' + "".join(chr(each) if each in plain else f"\\{each:03o}" for each in text.encode()) + '"'
