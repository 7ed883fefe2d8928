"""pinlite from Python: what the command line does, as functions that return objects.

Each takes the options of its command by name, ``--dynamic-batch`` as ``dynamic_batch``; docs/cli.md and ``--help`` say
what they are, `pinlite.options.declared` of which type. A few that can be given several times have the name of many:
``inputs``, ``output_names``, ``variants``, ``variant_tolerances``, ``toolchains``; ``--with`` is ``requirements``.
``observe`` is called with each `pinlite.events.Event` as it happens. Every error that is raised on purpose is a
`PinliteError`, with the command's ``exit_status`` and a ``hint``.
"""

import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

import numpy as np
from numpy.typing import NDArray

from pinlite import toolchain
from pinlite.auditing import file_audit, file_differences, inspection
from pinlite.batch import batch as batches
from pinlite.conversion import matching, pipeline, reproduction
from pinlite.debugging import debug as debugging
from pinlite.engine import Image, choose
from pinlite.engine.sharing import shared
from pinlite.engine.sharing.shared import SharedImages
from pinlite.errors import ImageError, UsageError
from pinlite.events import BatchObserver, Observer, ignore
from pinlite.inputs import live_module
from pinlite.machine import temporary
from pinlite.maintenance import doctor as diagnosing
from pinlite.maintenance import garbage
from pinlite.maintenance.doctor import Diagnosis
from pinlite.options import duration, keyed, resolve
from pinlite.options.checked import Declaration, checked
from pinlite.options.declared import (
    BUDGET,
    AuditOptions,
    BatchOptions,
    BuildImagesOptions,
    CollectImagesOptions,
    ConvertOptions,
    DebugOptions,
    DiffOptions,
    EngineOptions,
    LoadImagesOptions,
    MatchOptions,
    ModelOptions,
    PullImagesOptions,
    PullOptions,
    PushImagesOptions,
    RemoveImagesOptions,
    RunningOptions,
    RunOptions,
    SaveImagesOptions,
    Settings,
    TuneOptions,
    VerifyOptions,
)
from pinlite.options.option import StrPath, fields
from pinlite.provenance import lockfile
from pinlite.registry import Reference
from pinlite.schema.audit import AuditReport
from pinlite.schema.batch import BatchReport
from pinlite.schema.debug import DebugReport
from pinlite.schema.diff import DiffReport
from pinlite.schema.inspection import InspectReport
from pinlite.schema.match import MatchReport
from pinlite.schema.report import Report
from pinlite.toolchain import ImageRecipe
from pinlite.tuning import tune as tuning

if TYPE_CHECKING:
    from pinlite.engine.sharing.exchange import Exchanged
    from pinlite.provenance.publishing import Published
    from pinlite.provenance.verify import Verified


def convert(
    source: StrPath | Any | None = None,
    arguments: Sequence[Any] | Mapping[str, Any] = (),
    *,
    observe: Observer = ignore,
    **options: Unpack[ConvertOptions],
) -> Report:
    """Convert a model, compare it with PyTorch at every step, write the output folder, and return the report.

    ``source`` is what the command line takes, or a live torch.nn.Module with the ``arguments`` of its call, by position
    or by name: tensors, on which everything is compared. It is exported by a process of this same environment.
    ``inputs`` are ``{"image": "1x3x224x224"}`` or ``["ids=1x16:int64"]``; ``input_layout`` and ``output_layout`` are
    ``"nhwc"`` for all that have four dimensions, or ``{"image": "nhwc"}``; ``variant_tolerances`` ``{"int8": 0.05}``.
    ``config`` is a pinlite.toml, which may name the source, and beside which pinlite.lock is written; none is read
    without it.

    Raises:
        PinliteError: As the command does; ``report`` is there if the output folder was written nevertheless.
    """
    if live_module.is_one(source):
        return _convert_live(source, arguments, observe, options)
    config, locked = options.pop("config", None), options.pop("locked", False)
    file = pathlib.Path(config) if config else None
    lock = file.with_suffix(".lock") if file else None
    recipe = resolve(keyed(Settings, {"source": source, **options}), file)
    report = pipeline.run(recipe, observe, recorded=lockfile.beside(lock, locked) if locked else None)
    if lock and not locked:
        lockfile.write(report.lock, lock)
    return report


def _convert_live(module: Any, arguments: Any, observe: Observer, options: ConvertOptions) -> Report:
    with temporary.folder() as folder:
        written = live_module.write(module, arguments, pathlib.Path(folder))
        given: ConvertOptions = {
            "inputs": written.inputs,
            "fixed": written.fixed,
            "samples": written.samples,
            "python": sys.executable,
            "trust": True,
        }
        return convert(written.model, observe=observe, **cast("ConvertOptions", {**options, **given}))


def batch(
    sources: Sequence[StrPath] = (), *, observe: BatchObserver = ignore, **options: Unpack[BatchOptions]
) -> BatchReport:
    """Convert many models, each into a folder of its own, and return what came of them; ``ok`` of the result is whether
    all are right. ``sources`` are what the command line takes: models, patterns of files, or one models.toml.

    Raises:
        PinliteError: Nothing was converted, as a file, a pattern or an option is wrong. What fails for a model is in
            its result.
    """
    return batches.run(batches.prepared(sources, options), observe)


def tune(source: StrPath | None = None, *, observe: Observer = ignore, **options: Unpack[TuneOptions]) -> Report:
    """Search for the way of choosing integers that keeps the score of ``evaluate``, convert by it, and write it into
    ``config``, or into a new pinlite.toml. ``tuning`` of the report has all that was tried.

    Raises:
        PinliteError: As the command does; ``report`` is there if the output folder was written nevertheless.
    """
    config, budget = options.pop("config", None), options.pop("budget", BUDGET)
    file = pathlib.Path(config) if config else None
    recipe = tuning.resolve(keyed(Settings, {"source": source, **options}), file)
    return tuning.tune(recipe, file, duration("--budget", budget), observe)


def run(
    model: StrPath, samples: StrPath, *, observe: Observer = ignore, **options: Unpack[RunOptions]
) -> dict[str, NDArray[np.generic]]:
    """The outputs, by name, of an .onnx file, a SavedModel folder or a .tflite file on samples: an .npz file of one
    array per input, under its name.

    Raises:
        PinliteError: The model can't be run, or the samples don't fit it.
    """
    chosen = _chosen(RunOptions, options)
    out = pathlib.Path(chosen["out"]) if "out" in chosen else None
    files = pathlib.Path(model), pathlib.Path(samples), out
    return inspection.run(
        *files, chosen.get("signature", ""), engine=chosen["engine"], trust=chosen["trust"], observe=observe
    )


def inspect(model: StrPath, *, observe: Observer = ignore, **options: Unpack[EngineOptions]) -> str | InspectReport:
    """What is in a model: an .onnx file or a SavedModel folder in words, a .tflite file as data.

    Raises:
        PinliteError: It is none of these, or can't be read.
    """
    return inspection.inspect(pathlib.Path(model), engine=_chosen(EngineOptions, options)["engine"], observe=observe)


def diff(one: StrPath, other: StrPath, *, observe: Observer = ignore, **options: Unpack[DiffOptions]) -> DiffReport:
    """In what two .tflite files differ; ``found`` of the result is None where they are the same bytes.

    Raises:
        PinliteError: One of them is no TFLite file, or can't be read.
    """
    chosen = _chosen(DiffOptions, options)
    samples = pathlib.Path(chosen["samples"]) if "samples" in chosen else None
    files = pathlib.Path(one), pathlib.Path(other)
    return file_differences.diff(*files, samples, engine=chosen["engine"], observe=observe)


def audit(file: StrPath, *, observe: Observer = ignore, **options: Unpack[AuditOptions]) -> AuditReport:
    """What is wrong inside a .tflite file, and which runtimes compute it wrongly; ``failures`` of the result is empty
    where it passes.

    Raises:
        PinliteError: It is no TFLite file, the samples don't fit it, or an option is wrong.
    """
    chosen = _chosen(AuditOptions, options)
    return file_audit.audit(
        pathlib.Path(file),
        pathlib.Path(chosen["samples"]) if "samples" in chosen else None,
        target=chosen.get("target", ""),
        runtime=chosen.get("runtime", ""),
        engine=chosen["engine"],
        observe=observe,
    )


def debug(
    folder: StrPath, source: StrPath | None = None, *, observe: Observer = ignore, **options: Unpack[DebugOptions]
) -> DebugReport:
    """Compare a finished conversion layer by layer: its layers, the one that adds most to the error first.

    ``source`` is the PyTorch model that was converted; with it, the modules of PyTorch are compared, too.

    Raises:
        PinliteError: The folder holds no result that can be compared, or the source is another model.
    """
    chosen = _chosen(DebugOptions, options)
    model = {"source": source} | {field.name: options.get(field.name) for field in fields(ModelOptions)}
    running = {name: options[name] for name in ("python", "trust") if name in options}
    file = pathlib.Path(chosen["config"]) if "config" in chosen else None
    recipe = resolve(keyed(Settings, model | running), file) if file or any(model.values()) else None
    return debugging.debug(
        pathlib.Path(folder), chosen.get("variant"), recipe=recipe, engine=chosen["engine"], observe=observe
    )


def reproduce(record: StrPath, *, observe: Observer = ignore, **options: Unpack[RunningOptions]) -> Report:
    """Convert anew by a pinlite.lock or a report.json, without the store, and compare the bytes.

    Raises:
        NotReproducibleError: Inputs, images or bytes are not what is on record.
        PinliteError: As `convert` does.
    """
    return reproduction.reproduce(
        pathlib.Path(record), keyed(RunningOptions, _chosen(RunningOptions, options)), observe
    )


def match(old: StrPath, source: StrPath, *, observe: Observer = ignore, **options: Unpack[MatchOptions]) -> MatchReport:
    """Which toolchains make a .tflite file of a source, its bytes or what comes nearest; ``found`` says whether one
    makes its very bytes.

    Raises:
        NotReproducibleError: None of them can convert the source.
        PinliteError: An option is wrong, or as an engine does.
    """
    chosen = _chosen(MatchOptions, options)
    others = {name: value for name, value in options.items() if name not in ("variant", "toolchains")}
    given = keyed(Settings, {"source": source, "variants": [chosen["variant"]], **others})
    return matching.match(pathlib.Path(old), given, chosen["toolchains"], observe=observe)


def verify(folder: StrPath, **options: Unpack[VerifyOptions]) -> "Verified":
    """Hold each file of an output folder to what is on record of it, and its signature to a public ``key``.

    Raises:
        TamperedError: The message names each file that is not as it was made; or the key has not signed it.
        UsageError: The folder is no result of a conversion, or the key is none.
    """
    # It imports what reads schemas and keys, which takes longer than all the rest.
    from pinlite.provenance import verify as verifying  # noqa: PLC0415

    chosen = _chosen(VerifyOptions, options)
    return verifying.verify(pathlib.Path(folder), *([pathlib.Path(chosen["key"])] if "key" in chosen else []))


def push(folder: StrPath, to: str) -> "Published":
    """Have a result in a registry: ``reference`` of what is returned says where, by its digest.

    Raises:
        TamperedError: The folder is not as its conversion left it.
        RegistryError: The registry is away, or refuses.
    """
    # As `verify`.
    from pinlite.provenance import publishing  # noqa: PLC0415

    return publishing.push(pathlib.Path(folder), Reference.parse(to))


def pull(reference: str, **options: Unpack[PullOptions]) -> "Published":
    """Write a result of a registry to ``out``, if it is as it was made and, where there are ``trust_keys``, signed by
    one of them; else nothing is written. ``folder`` of what is returned is where it is.

    Raises:
        TamperedError: It is not.
        RegistryError: The registry is away, refuses, or serves something else than it says.
    """
    from pinlite.provenance import publishing  # noqa: PLC0415
    from pinlite.trust import keys  # noqa: PLC0415

    chosen = _chosen(PullOptions, options)
    out = pathlib.Path(chosen["out"]) if "out" in chosen else None
    files = keys.trusted_files(map(pathlib.Path, chosen["trust_keys"]))
    return publishing.pull(Reference.parse(reference), out, *files)


def doctor() -> Diagnosis:
    """What runs the stages here, what is missing, and what to do about it."""
    return diagnosing.diagnose()


def images(**options: Unpack[EngineOptions]) -> tuple[Image, ...]:
    """The images that are there.

    Raises:
        NoEngineError: The engine does not answer.
    """
    return tuple(choose(_chosen(EngineOptions, options)["engine"]).images())


def build_images(*, observe: Observer = ignore, **options: Unpack[BuildImagesOptions]) -> dict[str, Image]:
    """The images of a toolchain, by name; those that are missing are built.

    Raises:
        ImageError: One can't be built.
        PinliteError: There is no such toolchain, or no engine.
    """
    chosen = _chosen(BuildImagesOptions, options)
    recipes = toolchain.load(str(chosen["toolchain"])).recipes
    return shared.ensured(choose(chosen["engine"], observe), recipes, None, observe)


def push_images(repository: str, *, observe: Observer = ignore, **options: Unpack[PushImagesOptions]) -> "Exchanged":
    """Push the images of toolchains to a repository of a registry, and sign which is which; those that are missing are
    made first. Of an engine whose images don't travel, the packages.

    Raises:
        RegistryError: The registry does not take them.
        UsageError: There is no key that signs, or no such toolchain.
        PinliteError: As `build_images` does.
    """
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography
    from pinlite.trust import keys  # noqa: PLC0415  # as above

    chosen = _chosen(PushImagesOptions, options)
    to = Reference.parse(repository)
    key = keys.signing_key(pathlib.Path(chosen["signing_key"]) if "signing_key" in chosen else None)
    if key is None:
        raise UsageError("what goes to a registry has to be signed", hint=f"give --signing-key, or set {keys.VARIABLE}")
    engine, recipes = choose(chosen["engine"], observe), _recipes(chosen["toolchains"])
    if engine.carrier:
        shared.ensured(engine, recipes, None, observe)
    return exchange.push(engine, recipes, to, key, observe)


def pull_images(repository: str, *, observe: Observer = ignore, **options: Unpack[PullImagesOptions]) -> list[str]:
    """Pull the images of toolchains, or their packages, from a repository of a registry, as far as a key that is
    trusted has signed them: the names of the others.

    Raises:
        RegistryError: The registry is away, or serves something else than what was signed.
        TamperedError: No key that is trusted has signed anything there.
        PinliteError: There is no such toolchain, nobody is trusted, or as an engine does.
    """
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography

    chosen = _chosen(PullImagesOptions, options)
    trusted = tuple(map(pathlib.Path, chosen["trust_keys"]))
    source = SharedImages.chosen(repository, trusted)
    assert source, "a repository is given"
    if not source.keys:
        raise UsageError(f"{source.reference}: {shared.NOBODY}", hint=f"name one {shared.HOW}")
    return exchange.pull(choose(chosen["engine"], observe), _recipes(chosen["toolchains"]), source, observe)


def save_images(file: StrPath, *, observe: Observer = ignore, **options: Unpack[SaveImagesOptions]) -> "Exchanged":
    """Write the images of toolchains into a file, with the packages that they are made of; what is missing is made or
    fetched first. It is signed where there is a key.

    Raises:
        ImageError: The file can't be written.
        PinliteError: As `build_images` does.
    """
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography
    from pinlite.trust import keys  # noqa: PLC0415  # as above

    chosen = _chosen(SaveImagesOptions, options)
    key = keys.signing_key(pathlib.Path(chosen["signing_key"]) if "signing_key" in chosen else None)
    engine, recipes = choose(chosen["engine"], observe), _recipes(chosen["toolchains"])
    if engine.carrier:
        shared.ensured(engine, recipes, None, observe)
    with_packages = not (chosen["no_packages"] and engine.carrier)
    return exchange.save(engine, recipes, pathlib.Path(file), key, observe, with_packages=with_packages)


def load_images(file: StrPath, *, observe: Observer = ignore, **options: Unpack[LoadImagesOptions]) -> "Exchanged":
    """Take what `save_images` has written: images, where the engine takes them, and packages.

    Raises:
        TamperedError: No key that is trusted has signed it.
        RegistryError: The file is damaged.
        PinliteError: It is no such file, nobody is trusted, or as an engine does.
    """
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography
    from pinlite.trust import keys  # noqa: PLC0415  # as above

    chosen = _chosen(LoadImagesOptions, options)
    trusted = keys.TrustedKeys.of(keys.trusted_files(map(pathlib.Path, chosen["trust_keys"])))
    if not trusted and not chosen["unsigned"]:
        raise UsageError(
            f"nobody who may have signed {file} is trusted",
            hint="name the public key of who has with --trust-key; or give --unsigned, if you know how the file came",
        )
    return exchange.load(choose(chosen["engine"], observe), pathlib.Path(file), trusted or None, observe)


def remove_images(*, observe: Observer = ignore, **options: Unpack[RemoveImagesOptions]) -> list[Image]:
    """Remove the images that this version of pinlite does not use, or ``everything``; what was removed.

    Raises:
        ImageError: One is in use.
    """
    chosen = _chosen(RemoveImagesOptions, options)
    engine = choose(chosen["engine"], observe)
    used = set() if chosen["everything"] else {i.reference for i in engine.find(toolchain.every_recipe()).values()}
    # Children first: an image that another one stands on can't go.
    going = [image for image in reversed(engine.images()) if image.reference not in used]
    for image in going:
        engine.remove_image(image)
    return going


def collect_images(**options: Unpack[CollectImagesOptions]) -> list[str]:
    """Remove images that no toolchain names, what failed builds have left, and packages that nothing needs; what was
    removed, or with ``dry_run`` would be, a line each. What is in use stays.
    """
    chosen = _chosen(CollectImagesOptions, options)
    engine = choose(chosen["engine"])
    with garbage.found(engine, chosen["toolchains"], keep_days=chosen["keep_days"]) as found:
        if chosen["dry_run"]:
            images = [f"image {image.reference}" for image in (*found.images, *found.parts)]
            return [*images, *(f"file {path}" for path in found.packages)]
        return list(garbage.remove(engine, found, list[ImageError]()))


def _recipes(toolchains: Sequence[str]) -> list[ImageRecipe]:
    """The recipes of toolchains, each once."""
    found = [recipe for name in toolchains or [toolchain.DEFAULT] for recipe in toolchain.load(str(name)).recipes]
    return list({(recipe.name, recipe.identity()): recipe for recipe in found}.values())


def _chosen(declaration: type[Declaration], options: Declaration) -> Declaration:
    return checked(declaration, keyed(declaration, cast("Any", options)))
