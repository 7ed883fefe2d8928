"""From defaults, pinlite.toml and the command line to one frozen `Recipe`."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pinlite.errors import UsageError
from pinlite.model import (
    Calibration,
    CalibrationKind,
    Dtype,
    EngineChoice,
    Evaluation,
    InputSpec,
    IntegerIo,
    Layout,
    LayoutSpec,
    Limits,
    Lowering,
    Metric,
    Ops,
    Recipe,
    Source,
    Training,
    VariantName,
)

_SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}
_DTYPES: tuple[str, ...] = get_args(Dtype)
_LAYOUTS: tuple[str, ...] = get_args(Layout)
_CALLABLE = re.compile(r"\w+(\.\w+)*")
_MODULE = re.compile(r"(?P<module>\w+(\.\w+)*):(?P<callable>\w+(\.\w+)*)")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_FORMS = "give path/to/file.py:callable, package.module:callable, a .pt or .onnx file, or a SavedModel folder"
_TOLERANCE, _TOLERANCE_ROUNDED = 1e-4, 0.1
_LONGEST = 7 * 24 * 3600
_VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
IMAGES = (".bmp", ".jpeg", ".jpg", ".png")
_CALIBRATED: tuple[VariantName, ...] = ("int8", "int8-only", "int16x8")
_CALIBRATIONS = (
    "give an .npz file, a folder of .npy files or of images, path/to/file.py:callable, or the word random for numbers "
    "that say nothing of real accuracy"
)
_CHECKPOINTS = (".pt", ".pth", ".torchscript")


def _dashed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Options(BaseModel):
    """The keys of pinlite.toml, which are the names of the options."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=_dashed)

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


def resolve(command_line: Mapping[str, Any], file: Path | None = None) -> Recipe:
    """One recipe; the command line wins over the file, a None there says nothing.

    Paths in the file are relative to the file.

    Raises:
        UsageError: A key, value or path is wrong; the message names it.
    """
    given = {key: value for key, value in command_line.items() if value not in (None, (), [])}
    from_file = _read(file) if file else {}
    merged = from_file | given
    if "source" not in merged:
        raise UsageError("no source is given", hint="e.g. pinlite convert model.py:build --input input=1x3x224x224")
    try:
        options = _Options.model_validate(merged)
    except ValidationError as error:
        raise _explained(error, {} if file is None else dict.fromkeys(from_file.keys() - given.keys(), file)) from None
    source = parse_source(options.source)
    for requirement in options.with_:
        check_requirement(requirement)
    _check_lowered_by_us(options, source)
    variants = _variants(options.variant)
    return Recipe(
        source=source,
        out=Path(options.out) if options.out else Path("build") / default_name(source),
        weights=_existing("--weights", options.weights),
        inputs=_inputs(options.input),
        output_names=tuple(options.output_name),
        samples=_existing("--samples", options.samples),
        seed=options.seed,
        opset=options.opset,
        lowering=options.lowering,
        input_layouts=_layouts("--input-layout", options.input_layout),
        output_layouts=_layouts("--output-layout", options.output_layout),
        ops=options.ops,
        dynamic_batch=options.dynamic_batch,
        variants=variants,
        calibration=_calibration(options, variants),
        integer_io=options.integer_io,
        variant_tolerances=dict(_tolerance(text) for text in options.variant_tolerance),
        requirements=tuple(options.with_),
        training=_training(options, source),
        evaluation=_evaluation(options),
        data=_existing_path("--data", options.data),
        tolerance=_tolerance_of_all(options),
        engine=options.engine,
        limits=Limits(memory=_memory(options.memory), timeout=options.timeout),
    )


def parse_source(text: str) -> Source:
    """A SOURCE as the command line has it; a UsageError says which forms there are."""
    path = Path(text)
    if text and path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise UsageError(f"{text} is a folder, but no SavedModel: it has no saved_model.pb", hint=_FORMS)
        return Source(kind="saved_model", text=text, path=path)
    if path.suffix == ".onnx":
        return Source(kind="onnx", text=text, path=existing_file(path))
    if path.suffix in _CHECKPOINTS:
        return Source(kind="checkpoint", text=text, path=existing_file(path))
    if python := _python(text):
        return Source(kind="python", text=text, **python)
    raise UsageError(
        f"{text!r} is no source that pinlite knows" + ("" if path.exists() else ", and no such file exists"),
        hint=_FORMS,
    )


def existing_file(path: Path) -> Path:
    """The path, when it is a file that can be read; else a UsageError."""
    if not path.exists():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*")], n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
        raise UsageError(f"there is no file {path}", hint=hint)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="give a file that you may read") from error
    return path


def parse_input(text: str) -> InputSpec:
    """``NAME=1x3x224x224[:dtype]``; a UsageError says what is wrong with it."""
    name, equals, rest = text.partition("=")
    shape, colon, dtype = rest.partition(":")
    sizes = shape.split("x")
    if not name or not equals or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise UsageError(
            f"--input {text!r} is not NAME=SHAPE[:DTYPE]", hint="e.g. --input image=1x3x224x224 or ids=1x16:int64"
        )
    if colon and dtype not in _DTYPES:
        raise UsageError(f"--input {text!r}: unknown dtype {dtype!r}", hint=f"one of {', '.join(_DTYPES)}")
    return InputSpec.model_validate({"name": name, "shape": [int(s) for s in sizes], "dtype": dtype or "float32"})


def check_requirement(requirement: str) -> None:
    """Refuse what is not NAME==VERSION with a UsageError: an open version is another environment every week."""
    if not _PINNED.fullmatch(requirement):
        raise UsageError(
            f"--with {requirement!r} is not a pinned requirement", hint="name one version, e.g. --with timm==0.4.12"
        )


def default_name(source: Source) -> str:
    return source.callable or (source.path.stem if source.path else source.text)


def _python(text: str) -> dict[str, Any]:
    """Path, module and callable of file.py:callable or package.module:callable; nothing for what is neither."""
    file, colon, name = text.rpartition(":")
    if colon and file.endswith(".py") and _CALLABLE.fullmatch(name):
        path = existing_file(Path(file))
        return {"path": path, "module": path.stem, "callable": name}
    if matched := _MODULE.fullmatch(text):
        return {"path": _local_package(matched["module"]), **matched.groupdict()}
    return {}


def _variants(names: list[str]) -> tuple[VariantName, ...]:
    for name in names:
        _variant("--variant", name)
    return tuple(variant for variant in _VARIANTS if variant in names)


def _variant(option: str, name: str) -> None:
    if name not in _VARIANTS:
        near = difflib.get_close_matches(name, _VARIANTS, n=1)
        hint = (f"did you mean {near[0]}? " if near else "") + f"There are {', '.join(_VARIANTS)}"
        raise UsageError(f"{option} {name!r}: there is no such variant", hint=hint)


def _tolerance(text: str) -> tuple[str, float]:
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


def _calibration(options: _Options, variants: tuple[VariantName, ...]) -> Calibration | None:
    wanting = [variant for variant in variants if needs_calibration(variant, trained=options.qat is not None)]
    if options.calibration is None:
        if wanting:
            raise UsageError(
                f"--variant {wanting[0]} needs --calibration: samples to take ranges from", hint=_CALIBRATIONS
            )
        if options.mean or options.std:
            raise UsageError("--mean and --std are for --calibration with a folder of images", hint=_CALIBRATIONS)
        return None
    found = _parse_calibration(options.calibration)
    if found.kind != "images" and (options.mean or options.std):
        raise UsageError("--mean and --std are for --calibration with a folder of images", hint=_CALIBRATIONS)
    mean, std = _numbers("--mean", options.mean), _numbers("--std", options.std)
    if 0 in std:
        raise UsageError(f"--std {options.std}: nothing can be divided by 0", hint="e.g. --std 0.229,0.224,0.225")
    return found.model_copy(update={"mean": mean, "std": std})


def needs_calibration(variant: VariantName, *, trained: bool) -> bool:
    """Whether a variant takes ranges from samples. A model that was ``trained`` for int8 has ranges for that."""
    return variant in _CALIBRATED and not (trained and variant in ("int8", "int8-only"))


def _parse_calibration(text: str) -> Calibration:
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
            raise UsageError(f"--calibration {text} holds {what}", hint=_CALIBRATIONS)
        return Calibration(kind=kinds[0], text=text, path=path)
    if path.suffix == ".npz":
        return Calibration(kind="arrays", text=text, path=_existing("--calibration", text))
    if python := _python(text):
        return Calibration(kind="python", text=text, **python)
    raise UsageError(f"--calibration {text!r} is none that pinlite knows, and no folder", hint=_CALIBRATIONS)


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    if not text:
        return ()
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text!r} is no list of numbers", hint=f"e.g. {option} 0.485,0.456,0.406") from None


def _inputs(texts: list[str]) -> tuple[InputSpec, ...]:
    specs = tuple(parse_input(text) for text in texts)
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"--input names {twice[0]!r} twice", hint="every input has a name of its own")
    return specs


def _layouts(option: str, texts: list[str]) -> tuple[LayoutSpec, ...]:
    specs: list[LayoutSpec] = []
    for text in texts:
        name, equals, layout = text.rpartition("=")
        if layout not in _LAYOUTS or bool(equals) != bool(name):
            raise UsageError(
                f"{option} {text!r} is not [NAME=]LAYOUT", hint=f"e.g. {option} nhwc, or {option} image=nhwc"
            )
        if name in [spec.name for spec in specs]:
            whom = f"names {name!r}" if name else "speaks of all"
            raise UsageError(f"{option} {whom} twice", hint="say it once for all, and once for each that differs")
        specs.append(LayoutSpec(name=name, layout=cast("Layout", layout)))
    return tuple(specs)


def _check_lowered_by_us(options: _Options, source: Source) -> None:
    """Refuse what is the nhwc lowering's alone where that lowering does not run."""
    asked = {
        "--input-layout": options.input_layout,
        "--output-layout": options.output_layout,
        "--dynamic-batch": options.dynamic_batch,
    }
    option = next((name for name, value in asked.items() if value), None)
    if option and source.kind == "saved_model":
        raise UsageError(
            f"{option}: a SavedModel is converted as it is", hint="convert the PyTorch model or the ONNX file"
        )
    if option and options.lowering != "nhwc":
        raise UsageError(
            f"{option}: the lowering {options.lowering} is onnx-tf as it is", hint="convert with --lowering nhwc"
        )


def _tolerance_of_all(options: _Options) -> float:
    """What is asked for; else what is usual.

    With rounding in it a model carries the last bit of a sum on: a number on the border of two steps goes either way.
    """
    if options.tolerance is not None:
        return options.tolerance
    return _TOLERANCE_ROUNDED if options.qat else _TOLERANCE


def _training(options: _Options, source: Source) -> Training | None:
    """What is to be done to the model's weights, or None; a UsageError for options that mean nothing together."""
    techniques = [name for name in ("prune", "cluster", "qat") if getattr(options, name)]
    for name, needed in (("prune_structured", ["prune"]), ("finetune", ["prune", "cluster"])):
        if getattr(options, name) and not set(needed) & set(techniques):
            raise UsageError(
                f"--{_dashed(name)} is given without {' or '.join(f'--{other}' for other in needed)}",
                hint="e.g. --prune 0.5: half of the weights become zero",
            )
    if options.data and not (options.finetune or options.qat or options.evaluate):
        raise UsageError("--data is given, but nothing that reads it", hint="give --finetune file.py:callable, too")
    if not techniques:
        return None
    if source.kind not in ("python", "checkpoint"):
        raise UsageError(
            f"--{techniques[0]} changes the weights of a PyTorch model, which {source.text} is not",
            hint="convert the code that builds the model, path/to/file.py:callable",
        )
    return Training(
        prune=options.prune,
        structured=options.prune_structured,
        cluster=options.cluster,
        finetune=_function("--finetune", options.finetune),
        qat=_function("--qat", options.qat),
    )


def _evaluation(options: _Options) -> Evaluation | None:
    function = _function("--evaluate", options.evaluate)
    if function is None:
        if options.metric:
            raise UsageError("--metric is given without --evaluate", hint="e.g. --evaluate data.py:labelled")
        return None
    if not options.input:
        raise UsageError("--evaluate needs --input: what the samples have to be", hint="e.g. --input image=1x3x224x224")
    return Evaluation(function=function, metrics=tuple(_metric(text) for text in dict.fromkeys(options.metric)))


def _metric(text: str) -> Metric:
    if text == "mse" or re.fullmatch(r"top-[1-9]\d{0,5}", text):
        return Metric(name=text)
    if ":" in text:
        return Metric(name=text.rpartition(":")[2], function=_function("--metric", text))
    raise UsageError(f"--metric {text!r} is none that pinlite knows", hint="top-1, top-5, mse, or file.py:callable")


def _function(option: str, text: str | None) -> Source | None:
    """A function of the user's, as a SOURCE of kind python."""
    if text is None:
        return None
    try:
        source = parse_source(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=f"e.g. {option} path/to/file.py:callable") from None
    if source.kind != "python":
        raise UsageError(f"{option}: {text} names no function", hint=f"e.g. {option} path/to/file.py:callable")
    return source


def _existing_path(option: str, text: str | None) -> Path | None:
    """A file or folder that there is."""
    return Path(text) if text and Path(text).is_dir() else _existing(option, text)


def _existing(option: str, text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        return existing_file(Path(text))
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def _memory(text: str) -> int:
    matched = re.fullmatch(r"([1-9]\d{0,7})([kmg])", text.lower())
    if not matched:
        raise UsageError(f"--memory {text!r} is no size", hint="e.g. --memory 512m or --memory 8g")
    return int(matched[1]) * _SIZES[matched[2]]


def _local_package(module: str) -> Path | None:
    """The top of a module's package below the current folder; None leaves it to the image."""
    top = Path(module.partition(".")[0])
    for candidate in (top, top.with_suffix(".py")):
        if candidate.exists():
            return candidate.absolute()
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(existing_file(file).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} is no TOML: {error}", hint='its lines are like: opset = 12, input = ["x=1x3"]'
        ) from error
    for key in ("source", "out", "weights", "samples", "calibration", "finetune", "qat", "evaluate", "data"):
        named = key not in ("source", "calibration", "finetune", "qat", "evaluate") or _names_a_path(
            content.get(key, "")
        )
        if isinstance(content.get(key), str) and named:
            content[key] = str(file.parent / content[key])
    return content


def _names_a_path(source: str) -> bool:
    return ".py:" in source or not (_MODULE.fullmatch(source) or source == "random")


def _explained(error: ValidationError, files: Mapping[str, Path]) -> UsageError:
    """The first thing that is wrong, in the user's words; ``files`` has the keys that a file gave."""
    first = error.errors()[0]
    key = str(first["loc"][0])
    known = [_dashed(name) for name in _Options.model_fields]
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
