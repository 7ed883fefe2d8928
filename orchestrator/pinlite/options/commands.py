"""Every command of the command line: what it is for, what it takes, and the function that runs it.

This module imports nothing that takes time.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from pinlite.options.declared import (
    AuditOptions,
    BatchOptions,
    BuildImagesOptions,
    CollectImagesOptions,
    ConvertOptions,
    DebugOptions,
    DiffOptions,
    DoctorOptions,
    EngineOptions,
    LoadImagesOptions,
    MatchOptions,
    PullImagesOptions,
    PullOptions,
    PushImagesOptions,
    RecipeOptions,
    RemoveImagesOptions,
    ReportOptions,
    RunningOptions,
    RunOptions,
    SaveImagesOptions,
    TuneOptions,
    VerifyOptions,
)
from pinlite.options.option import Argument, Option, StrPath, Texts
from pinlite.schema.choices import DEFAULT_TOOLCHAIN


@dataclass(frozen=True)
class Command:
    """``run`` is its function in `pinlite.cli`, module:function; ``takes`` declares what that is called with.

    ``with_file`` says that what is not given may stand in pinlite.toml, so that no default takes its place.
    """

    help: str
    run: str
    takes: type
    with_file: bool = False


class Quiet(TypedDict, total=False):
    quiet: Annotated[bool, Option("Output", "", "Say nothing on standard error but errors.", default=False)]
    no_progress: Annotated[
        bool, Option("Output", "", "Show no moving lines, and off a terminal no signs of life.", default=False)
    ]


class Verbose(Quiet, total=False):
    verbose: Annotated[bool, Option("Output", "", "Show what the stages print, as they print it.", default=False)]


class Json(TypedDict, total=False):
    json: Annotated[bool, Option("Output", "", "Print the result, or the error, as JSON.", default=False)]


class Plain(Quiet, Json, total=False):
    """Of a command that has a result and runs no stages."""


class Shown(Verbose, Json, total=False):
    """Of a command that runs stages and has a result."""


class Page(TypedDict, total=False):
    html: Annotated[
        StrPath,
        Option("Output", "FILE.html", "Write a page of the result.", otherwise="OUT/report.html in a CI, else none"),
    ]


class Convert(ConvertOptions, Page, Shown, total=False):
    source: Annotated[
        StrPath,
        Argument(
            "SOURCE",
            "path/to/file.py:callable, package.module:callable, a .pt or .onnx file, or a SavedModel folder; "
            "may stand in pinlite.toml.",
            required=False,
        ),
    ]
    dry_run: Annotated[
        bool,
        Option(
            "Output",
            "",
            "Convert nothing: check options and files, with --locked by pinlite.lock, and show the plan.",
            default=False,
        ),
    ]


class Batch(BatchOptions, Plain, total=False):
    sources: Annotated[
        Texts,
        Argument(
            "SOURCE...",
            "Models as `pinlite convert` takes them, or patterns of files; or a models.toml that lists them; that of "
            "the current folder if none is given.",
            required=False,
        ),
    ]
    html: Annotated[StrPath, Option("Output", "FILE.html", "Write a page of all models.")]


class Tune(TuneOptions, Page, Shown, total=False):
    source: Annotated[
        StrPath,
        Argument("SOURCE", "A model as `pinlite convert` takes it; may stand in pinlite.toml.", required=False),
    ]


class Init(RecipeOptions, Plain, total=False):
    source: Annotated[
        StrPath,
        Argument(
            "SOURCE",
            "A model as `pinlite convert` takes it, or a .py file in which it is looked for; else it is asked for.",
            required=False,
        ),
    ]
    config: Annotated[StrPath, Option("Output", "FILE.toml", "The file to write.", default="pinlite.toml")]


class Example(Plain, total=False):
    name: Annotated[
        str,
        Argument("NAME", "digits, mobilenet_v2 or resnet18; all of them if none is given.", required=False),
    ]
    out: Annotated[StrPath, Option("Output", "DIR", "Where they go.", default="examples")]


_MODEL = Argument("MODEL", "An .onnx file, a SavedModel folder, or a .tflite file.")
_FOLDER = Argument("FOLDER", "The --out folder of `pinlite convert`.")


class Run(RunOptions, Shown, total=False):
    model: Annotated[StrPath, _MODEL]
    samples: Annotated[StrPath, Option("Inputs", "FILE.npz", "One array per input, under its name.", required=True)]


class Inspect(EngineOptions, Shown, total=False):
    model: Annotated[StrPath, _MODEL]


class Diff(DiffOptions, Shown, total=False):
    one: Annotated[StrPath, Argument("A.tflite", "A TFLite file.")]
    other: Annotated[StrPath, Argument("B.tflite", "The one to compare it with.")]


class Audit(AuditOptions, Shown, total=False):
    file: Annotated[StrPath, Argument("FILE.tflite", "A TFLite file, whoever made it.")]


class Debug(DebugOptions, Shown, total=False):
    folder: Annotated[StrPath, _FOLDER]
    source: Annotated[
        StrPath, Argument("SOURCE", "The PyTorch model that was converted, to compare its modules too.", required=False)
    ]
    top: Annotated[int, Option("Output", "COUNT", "How many layers to show.", default=10, ge=1)]


class Report(ReportOptions, Plain, total=False):
    folder: Annotated[StrPath, Argument("FOLDER", "The --out folder of `pinlite convert`, or of `pinlite batch`.")]
    other: Annotated[StrPath, Argument("OTHER", "A later result, to be compared with FOLDER.", required=False)]


class Reproduce(RunningOptions, Plain, total=False):
    record: Annotated[StrPath, Argument("FILE", "A pinlite.lock, or the report.json of a conversion.")]


class Match(MatchOptions, Shown, total=False):
    old: Annotated[StrPath, Argument("OLD.tflite", "The file whose versions are looked for.")]
    source: Annotated[StrPath, Argument("SOURCE", "Its model, as `pinlite convert` takes it.")]


class Verify(VerifyOptions, Plain, total=False):
    folder: Annotated[StrPath, _FOLDER]


class Push(Plain, total=False):
    folder: Annotated[StrPath, _FOLDER]
    to: Annotated[str, Argument("oci://REGISTRY/NAME[:TAG]", "Where it goes; the tag is latest if none is given.")]


class Pull(PullOptions, Plain, total=False):
    reference: Annotated[
        str, Argument("oci://REGISTRY/NAME[:TAG][@DIGEST]", "A result, as `pinlite push` has printed it.")
    ]


class Schema(Json, total=False):
    name: Annotated[
        Literal["recipe", "report", "lock", "audit", "inspect", "models", "batch"],
        Argument(
            "NAME",
            "recipe is pinlite.toml, report is report.json, lock is pinlite.lock, audit and inspect are what `pinlite "
            "audit --json` and `pinlite inspect FILE.tflite --json` print, models is models.toml, batch is batch.json.",
        ),
    ]


class Doctor(DoctorOptions, Plain, total=False):
    """What `pinlite doctor` takes."""


class BuildImages(BuildImagesOptions, Plain, total=False):
    """What `pinlite images build` takes."""


class ListImages(EngineOptions, Plain, total=False):
    """What `pinlite images list` takes."""


class RemoveImages(RemoveImagesOptions, Plain, total=False):
    """What `pinlite images rm` takes."""


class CollectImages(CollectImagesOptions, Plain, total=False):
    """What `pinlite images gc` takes."""


_REPOSITORY = Argument("REGISTRY/NAME", "A repository of a registry, such as registry.example.com/team/images.")


class PushImages(PushImagesOptions, Plain, total=False):
    repository: Annotated[str, _REPOSITORY]


class PullImages(PullImagesOptions, Plain, total=False):
    repository: Annotated[str, _REPOSITORY]


class SaveImages(SaveImagesOptions, Plain, total=False):
    file: Annotated[StrPath, Argument("FILE.tar", "The file to write.")]


class LoadImages(LoadImagesOptions, Plain, total=False):
    file: Annotated[StrPath, Argument("FILE.tar", "What `pinlite images save` has written.")]


_KEY = Argument("KEY", "A key, or as much of its beginning as it takes to tell it.")


class CacheShow(Json, total=False):
    key: Annotated[str, _KEY]


class CacheExplain(CacheShow, total=False):
    other: Annotated[str, Argument("KEY2", "Another one of the same stage.", required=False)]


class CacheCollect(Plain, total=False):
    max_size: Annotated[str, Option("Store", "SIZE", "What may stay, e.g. 10g.", default="10g")]
    keep_days: Annotated[float, Option("Store", "DAYS", "What was used since then may stay.", default=30, ge=0)]


class BuildBase(Json, total=False):
    name: Annotated[
        str,
        Argument(
            "BASE",
            "One of images/bases.toml, e.g. python-3.11-chromium; without it, those that toolchains stand on.",
            required=False,
        ),
    ]


class ToolchainShow(Json, total=False):
    name: Annotated[
        StrPath,
        Argument(
            "NAME|FILE.toml",
            f"One of `pinlite toolchain list`, or a file; {DEFAULT_TOOLCHAIN} if none is given.",
            required=False,
        ),
    ]


class ToolchainNew(Plain, total=False):
    file: Annotated[StrPath, Argument("FILE.toml", "The toolchain's file.")]
    like: Annotated[
        StrPath, Option("Model", "NAME|FILE.toml", "The toolchain to begin with.", default=DEFAULT_TOOLCHAIN)
    ]


class ToolchainLock(Plain, total=False):
    name: Annotated[StrPath, Argument("NAME|FILE.toml", "One of `pinlite toolchain list`, or a file.")]
    requirements: Annotated[
        StrPath, Option("Model", "REQUIREMENTS.txt", "Make FILE.toml and its pins of a `pip freeze`.", key="from")
    ]
    before: Annotated[
        str, Option("Model", "DAY", "Choose as of a day, e.g. 2021-09-01, what is not pinned.", otherwise="the newest")
    ]
    python: Annotated[
        str, Option("Model", "VERSION", "With --from: the Python.", otherwise="the first that has wheels")
    ]


GROUPS = {
    "cache": "The store of what was made before.",
    "images": "The images that the stages run in.",
    "toolchain": "The versions that a conversion runs with.",
}

COMMANDS = {
    "init": Command(
        "Write a pinlite.toml for a model: what in a file gives it, and what it takes.",
        "init:init",
        Init,
        with_file=True,
    ),
    "example": Command("Write the examples: two models to convert, and one to train, too.", "example:example", Example),
    "convert": Command(
        "Convert a PyTorch model to TFLite, run it, and compare it with PyTorch.",
        "convert:convert",
        Convert,
        with_file=True,
    ),
    "batch": Command(
        "Convert many models, those of a models.toml or of the command line; 11 is the status where one is not right.",
        "batch:batch",
        Batch,
        with_file=True,
    ),
    "tune": Command(
        "Search how integers are chosen so that a score keeps, write it into pinlite.toml, and convert.",
        "tune:tune",
        Tune,
        with_file=True,
    ),
    "run": Command("Run a model in its image on samples, and show its outputs.", "models:run", Run),
    "inspect": Command(
        "Say what is in a model, of a TFLite file what each operator costs and the least runtime that has all of them; "
        "or show the report of a conversion as `pinlite convert` does.",
        "models:inspect",
        Inspect,
    ),
    "diff": Command("Say in what two TFLite files differ; 9 is the status where they do.", "diff:diff", Diff),
    "audit": Command(
        "Say what is wrong inside a TFLite file, and which runtimes compute it wrongly; 7 is the status then.",
        "audit:audit",
        Audit,
    ),
    "debug": Command(
        "Compare a conversion layer by layer, and show which layers add to the error.", "debug:debug", Debug
    ),
    "report": Command(
        "Show what came of a conversion, here or in a file, or in what a later one differs.", "report:report", Report
    ),
    "reproduce": Command(
        "Convert anew what is on record, without the store, and compare the bytes.", "reproduce:reproduce", Reproduce
    ),
    "match": Command(
        "Say which versions made a TFLite file: each toolchain converts its model, and the bytes are compared.",
        "match:match",
        Match,
    ),
    "verify": Command(
        "Say whether each file of a conversion is as it was made, and where it comes from.", "verify:verify", Verify
    ),
    "push": Command(
        "Publish a result in a registry: one artifact, with its report, provenance and packages as referrers.",
        "publishing:push",
        Push,
    ),
    "pull": Command(
        "Get a result from a registry, if each file is as it was made and, with --trust-key, signed.",
        "publishing:pull",
        Pull,
    ),
    "doctor": Command(
        "Say what runs the stages here, what is missing, and what to do about it.", "doctor:doctor", Doctor
    ),
    "schema": Command("Print a JSON Schema of files that pinlite reads and writes.", "schema:schema", Schema),
    "clean": Command(
        "Remove what killed runs have left: containers, processes, temporary folders, half-written files, locks; and "
        "end the workers that --keep-warm left waiting.",
        "clean:clean",
        Plain,
    ),
    "cache ls": Command("List what is kept, used last first.", "cache:ls", Json),
    "cache show": Command(
        "Print a record as JSON: all that its key is made of, and what was made.", "cache:show", CacheShow
    ),
    "cache explain": Command(
        "Say how a key differs from another: from the one of its stage that is most like it, unless one is given.",
        "cache:explain",
        CacheExplain,
    ),
    "cache verify": Command("Hash all that is kept, and drop what is damaged.", "cache:verify", Plain),
    "cache gc": Command("Remove what was not used for long, and what no record names.", "cache:gc", CacheCollect),
    "cache clear": Command("Remove all of it, and what older versions of pinlite have kept.", "cache:clear", Plain),
    "images build": Command("Build those of a toolchain that are missing.", "images:build", BuildImages),
    "images base": Command(
        "Build the local bases from Debian's packages, for where no registry can be reached.", "images:base", BuildBase
    ),
    "images list": Command("List those that are there.", "images:list_", ListImages),
    "images rm": Command("Remove those that this version does not use.", "images:rm", RemoveImages),
    "images gc": Command(
        "Remove images that no toolchain names, what failed builds have left, and packages that nothing needs. "
        "Images of another version of pinlite go, too: it builds them again.",
        "images:gc",
        CollectImages,
    ),
    "images push": Command(
        "Push the images of a toolchain to a registry, and sign which is which; what is missing is built first. Of the "
        "venv engine, the packages.",
        "images:push",
        PushImages,
    ),
    "images pull": Command(
        "Pull them from a registry, as far as a key that is trusted has signed them.", "images:pull", PullImages
    ),
    "images save": Command(
        "Write them into a file, with the packages that they are made of, for machines without a network.",
        "images:save",
        SaveImages,
    ),
    "images load": Command("Take what is in such a file.", "images:load", LoadImages),
    "toolchain list": Command("List those that pinlite brings.", "toolchain:list_", Json),
    "toolchain show": Command(
        "Say what a toolchain is made of: images, runtimes, opsets, targets.", "toolchain:show", ToolchainShow
    ),
    "toolchain new": Command("Write a toolchain's file to begin with.", "toolchain:new", ToolchainNew),
    "toolchain lock": Command(
        "Write each requirements.lock of a toolchain anew from its requirements.in.", "toolchain:lock", ToolchainLock
    ),
}
