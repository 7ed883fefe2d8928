"""Every option that a function of `pinlite.api` takes, declared once: its name, type, default, group and help.

The command line (`pinlite.cli.parameters`), pinlite.toml and its JSON Schema (`pinlite.options.checked`), the functions
of `pinlite.api` and docs/cli.md are made of this. The name of a field is its name in Python, its ``key`` is that of
pinlite.toml, and ``--key`` is the flag. This module imports nothing that takes time.
"""

from collections.abc import Sequence
from typing import Annotated, TypedDict

from pinlite.options.option import Assigned, Locked, Numbers, Option, Paths, StrPath, Texts
from pinlite.schema.choices import (
    AUTO,
    CURRENT_TOOLCHAIN,
    DEFAULT_TOOLCHAIN,
    EngineChoice,
    ExampleLanguage,
    IntegerIo,
    Lowering,
    Ops,
    Rounding,
    StageName,
    VariantName,
)


class ModelOptions(TypedDict, total=False):
    weights: Annotated[
        StrPath,
        Option(
            "Model",
            "FILE[#KEY]",
            "Weights to load into the model: a .safetensors file, or what torch.save wrote, of which nothing is run. "
            "KEY says where in a checkpoint its state_dict is.",
            otherwise="the KEY of the one that fits",
        ),
    ]
    requirements: Annotated[
        Texts,
        Option(
            "Model",
            "PACKAGE",
            "A package that the model's own code imports: NAME==VERSION, a wheel, a package's folder or a file of "
            "requirements (./requirements.txt).",
            key="with",
            default=(),
            or_name=True,
        ),
    ]
    requirements_before: Annotated[
        str,
        Option(
            "Model",
            "DAY",
            "The day (2021-09-01) as of which versions are chosen that --with leaves open, or any.",
            key="with-before",
            otherwise="the toolchain's own day",
        ),
    ]
    fixed: Annotated[
        Assigned,
        Option(
            "Inputs",
            "NAME=VALUE",
            "A parameter of forward that always has this value, e.g. rate=16000; once for each.",
            key="fix",
            default=(),
        ),
    ]
    preprocessing: Annotated[
        Assigned,
        Option(
            "Inputs",
            "NAME=STEPS",
            "Make preprocessing a part of the file, e.g. image=uint8,nhwc,mean=0.5,std=0.5: the file takes pixels.",
            key="preprocess",
            default=(),
        ),
    ]


class TracingOptions(TypedDict, total=False):
    opset: Annotated[
        int,
        Option("Model", "NUMBER", "The ONNX opset to export.", otherwise="the toolchain's usual one, 12 of classic"),
    ]
    seed: Annotated[
        int, Option("Model", "NUMBER", "Of the samples and of torch's random numbers.", default=0, ge=0, le=2**32 - 1)
    ]


class SignatureOptions(TypedDict, total=False):
    inputs: Annotated[
        Assigned,
        Option(
            "Inputs",
            "NAME=SHAPE[:DTYPE]",
            "An input, e.g. image=1x3x224x224; once for each. Of PyTorch: by the names of forward's parameters "
            "(batch.mask is a key of a dict), else in the order of the call.",
            key="input",
            default=(),
            otherwise="what the model or the samples say",
        ),
    ]
    output_names: Annotated[
        Texts,
        Option(
            "Inputs",
            "NAME",
            "A name for an output; once for each, in order.",
            key="output-name",
            default=(),
            otherwise="what the model says",
        ),
    ]


class CutOptions(TypedDict, total=False):
    from_tensors: Annotated[
        Texts,
        Option(
            "Inputs",
            "TENSOR",
            "Where a part of an ONNX model begins, once for each: the tensor becomes an input.",
            key="from-tensor",
            default=(),
            otherwise="the model's own inputs",
        ),
    ]
    to_tensors: Annotated[
        Texts,
        Option(
            "Inputs",
            "TENSOR",
            "Where a part of an ONNX model ends, once for each: the tensor becomes an output.",
            key="to-tensor",
            default=(),
            otherwise="the model's own outputs",
        ),
    ]


class SampleOptions(TypedDict, total=False):
    samples: Annotated[
        StrPath,
        Option("Inputs", "FILE.npz", "Inputs to compare on.", otherwise="seeded: floats in [0, 1), integers below 10"),
    ]
    input_layout: Annotated[
        Assigned,
        Option(
            "Inputs",
            "[NAME=]LAYOUT",
            "nhwc puts the channels of an input last: of all that have rank 4, or of one.",
            default=(),
            otherwise="nchw",
        ),
    ]
    output_layout: Annotated[
        Assigned,
        Option("Inputs", "[NAME=]LAYOUT", "The same for outputs.", default=(), otherwise="nchw"),
    ]
    dynamic_batch: Annotated[
        bool, Option("Inputs", "", "Leave the batch open, for resize_tensor_input.", default=False)
    ]
    dynamic: Annotated[
        Assigned,
        Option(
            "Inputs",
            "NAME.0=SIZE",
            "Leave the batch open of those inputs that have one, e.g. image.0=batch; once for each.",
            default=(),
            otherwise="with --dynamic-batch all inputs, else none",
        ),
    ]


class IntegerOptions(TypedDict, total=False):
    calibration: Annotated[
        StrPath,
        Option(
            "Files to make",
            "SAMPLES",
            "What int8, int8-only and int16x8 take ranges from: FILE.npz, a folder of .npy files or of images, "
            "file.py:callable that yields samples, or the word random.",
            or_name=True,
        ),
    ]
    mean: Annotated[
        str,
        Option(
            "Files to make",
            "R,G,B",
            "Subtracted from calibration images, whose pixels are in [0, 1].",
            otherwise="0",
        ),
    ]
    std: Annotated[str, Option("Files to make", "R,G,B", "What calibration images are divided by then.", otherwise="1")]
    ranges: Annotated[
        str,
        Option(
            "Files to make",
            "METHOD",
            "Ranges of calibrated activations: minmax, percentile=99.99, mse or kl.",
            default="minmax",
        ),
    ]
    weight_ranges: Annotated[
        str,
        Option(
            "Files to make",
            "METHOD",
            "Ranges of weights, channel by channel: minmax, percentile=99.9 or mse.",
            default="minmax",
        ),
    ]
    symmetric: Annotated[
        bool,
        Option("Files to make", "", "Give activations of int8 ranges around 0, whose zero point is 0.", default=False),
    ]
    equalize: Annotated[
        bool,
        Option("Files to make", "", "Give all channels between two layers about the same range first.", default=False),
    ]
    round: Annotated[
        Rounding,
        Option(
            "Files to make",
            "",
            "How weights become integers: the nearest, or those that change a layer's outputs on the samples least.",
            default="nearest",
        ),
    ]
    correct_bias: Annotated[
        bool,
        Option("Files to make", "", "Take out of biases what rounded weights add to a layer's mean.", default=False),
    ]
    keep_float: Annotated[
        Texts,
        Option(
            "Files to make",
            "LAYER",
            "Layers that stay in floats: an ONNX node, a PyTorch module, an operator, or a pattern; once for each.",
            default=(),
        ),
    ]
    keep_int16: Annotated[
        Texts,
        Option(
            "Files to make",
            "LAYER",
            "Layers with activations of int16 in a file of int8, called as for --keep-float; once for each.",
            default=(),
        ),
    ]
    integer_io: Annotated[IntegerIo, Option("Files to make", "", "What goes in and out of int8-only.", default="int8")]


class QuantizedOptions(TypedDict, total=False):
    dequantize: Annotated[
        bool,
        Option("Files to make", "", "Take a quantized ONNX model as one of floats, its weights too.", default=False),
    ]


class FileOptions(TypedDict, total=False):
    variants: Annotated[
        Sequence[VariantName],
        Option(
            "Files to make",
            "NAME",
            "A kind of file: float32, float16, dynamic, int8, int8-only or int16x8; for some targets weight-int8, "
            "weight-int4 or dynamic-int4, too; once for each.",
            key="variant",
            default=(),
            otherwise="float32; of a quantized ONNX model int8",
        ),
    ]
    toolchain: Annotated[
        StrPath,
        Option(
            "Files to make",
            "NAME|FILE.toml",
            "The versions of all stages: one of `pinlite toolchain list`, or a file. "
            f"{AUTO} is {DEFAULT_TOOLCHAIN}, but {CURRENT_TOOLCHAIN} for a file that a later PyTorch wrote.",
            default=AUTO,
            or_name=True,
        ),
    ]
    target: Annotated[
        str,
        Option(
            "Files to make",
            "NAME",
            "The oldest runtime in which the files must run.",
            otherwise="the toolchain's, tflite-2.4 of classic",
        ),
    ]
    runtimes: Annotated[
        Texts,
        Option(
            "Files to make",
            "NAME",
            "A runtime that the files have to run in, too, beside those of the toolchain and the target; once for "
            "each. docs/devices.md has them.",
            key="runtime",
            default=(),
            otherwise="those alone",
        ),
    ]
    arena: Annotated[
        str,
        Option(
            "Files to make",
            "SIZE",
            "The memory that a microcontroller has for tensors; a file that needs a larger arena ends with 7.",
            otherwise="what is needed is told",
        ),
    ]
    lowering: Annotated[
        Lowering,
        Option(
            "Files to make",
            "",
            "How ONNX becomes TensorFlow.",
            otherwise="the toolchain's first, nhwc of classic",
        ),
    ]
    ops: Annotated[
        Ops,
        Option(
            "Files to make", "", "TFLite's own operators, or TensorFlow's beside them where needed.", default="auto"
        ),
    ]


class DeviceOptions(TypedDict, total=False):
    metadata: Annotated[
        bool,
        Option(
            "Files to make",
            "",
            "Write TFLite metadata into the files: names, normalization of pixels, labels.",
            default=False,
        ),
    ]
    labels: Annotated[
        StrPath,
        Option(
            "Files to make",
            "FILE.txt",
            "The names of the classes, one a line, in the order of an output's numbers: for --metadata and --example.",
        ),
    ]
    examples: Annotated[
        Sequence[ExampleLanguage],
        Option(
            "Files to make",
            "LANGUAGE",
            "Write a program beside each file that feeds, runs and reads it on a device: python or cpp; once for each.",
            key="example",
            default=(),
        ),
    ]


class TrainingOptions(TypedDict, total=False):
    prune: Annotated[
        float, Option("Training", "SHARE", "Make this share of the weights zero: more than 0, less than 1.", gt=0, lt=1)
    ]
    prune_structured: Annotated[bool, Option("Training", "", "Prune whole output channels, by layer.", default=False)]
    cluster: Annotated[
        int, Option("Training", "COUNT", "Let the weights of each layer share this many values.", ge=2, le=256)
    ]
    finetune: Annotated[
        StrPath,
        Option(
            "Training",
            "FILE.py:CALLABLE",
            "Trains the pruned or clustered model in place: (model, data).",
            or_name=True,
        ),
    ]
    qat: Annotated[
        StrPath,
        Option(
            "Training",
            "FILE.py:CALLABLE",
            "Trains the model in place for int8: quantization-aware training.",
            or_name=True,
        ),
    ]
    qat_ranges: Annotated[
        StrPath,
        Option(
            "Training",
            "FOLDER",
            "The output folder of an earlier conversion to int8, with whose ranges --qat begins.",
        ),
    ]
    data: Annotated[StrPath, Option("Training", "PATH", "A file or folder that these functions read.")]


class EvaluationOptions(TypedDict, total=False):
    evaluate: Annotated[
        StrPath,
        Option("Evaluation", "FILE.py:CALLABLE", "Yields pairs of a sample and its label, to score on.", or_name=True),
    ]
    metric: Annotated[
        Texts,
        Option(
            "Evaluation",
            "METRIC",
            "top-1, top-5, mse or FILE.py:CALLABLE; once for each.",
            default=(),
            otherwise="by the labels",
            or_name=True,
        ),
    ]
    loss: Annotated[
        str,
        Option(
            "Evaluation",
            "SHARE",
            "How much of PyTorch's score a variant may lose, e.g. 0.5% or 0.005.",
            otherwise="10%",
        ),
    ]
    tolerance: Annotated[
        float,
        Option(
            "Evaluation",
            "NUMBER",
            "The largest difference from PyTorch allowed, over the largest output.",
            otherwise="1e-4, of a quantized model or with --qat 0.1",
            ge=0,
        ),
    ]
    variant_tolerances: Annotated[
        Numbers,
        Option(
            "Evaluation",
            "VARIANT=NUMBER",
            "The same for a variant, e.g. int8=0.05.",
            key="variant-tolerance",
            default=(),
            otherwise="float16=0.02, integers are reported",
        ),
    ]
    latency_runs: Annotated[
        int,
        Option(
            "Evaluation",
            "COUNT",
            "How many invocations to time in each runtime.",
            otherwise="as many as a twentieth of a second has room for, 5 to 20",
            ge=1,
            le=1_000_000,
        ),
    ]


class EngineOptions(TypedDict, total=False):
    engine: Annotated[
        EngineChoice, Option("Engine", "", "What runs the stages; auto is docker where it answers.", default="auto")
    ]


class TrustOptions(EngineOptions, total=False):
    trust: Annotated[
        bool,
        Option(
            "Engine",
            "",
            "Let a program run that nothing keeps from this machine: a checkpoint or a SavedModel in the venv engine, "
            "and the code that --python exports; and let what runs without isolation be signed for others.",
            default=False,
        ),
    ]


class EnvironmentOptions(TrustOptions, total=False):
    python: Annotated[
        StrPath,
        Option(
            "Engine",
            "PATH",
            "An environment of your own, a folder or an interpreter, that exports the model; nothing isolates it, so "
            "it needs --trust.",
            otherwise="the toolchain's image",
        ),
    ]


class RunningOptions(EnvironmentOptions, total=False):
    memory: Annotated[str, Option("Engine", "SIZE", "What a stage may take, e.g. 4g.", default="8g")]
    disk: Annotated[str, Option("Engine", "SIZE", "What a stage may write, e.g. 4g.", default="16g")]
    timeout: Annotated[
        float,
        Option("Engine", "SECONDS", "How long a stage may take.", default=1800, gt=0, le=7 * 24 * 3600),
    ]


class SharedImagesOptions(TypedDict, total=False):
    images: Annotated[
        str,
        Option(
            "Engine",
            "oci://HOST/NAME",
            "A repository of a registry from which images are pulled before any is built, as far as a key signed them "
            "that the command line or PINLITE_TRUST_KEY names; docs/teams.md.",
            otherwise="PINLITE_IMAGES",
        ),
    ]


class WarmOptions(TypedDict, total=False):
    keep_warm: Annotated[
        str,
        Option(
            "Engine",
            "TIME",
            "Leave the workers that run no code of yours waiting for the next run for so long, e.g. 10m; it starts at "
            "once. What that means for security: docs/security.md.",
            otherwise="workers end with their run",
        ),
    ]


class TrustedKeysOptions(TypedDict, total=False):
    trust_keys: Annotated[
        Paths,
        Option(
            "Store",
            "PUBLIC.pem",
            "Ed25519 keys whose signatures are believed, one or several in a file; once for each file.",
            key="trust-key",
            default=(),
            otherwise="PINLITE_TRUST_KEY, files with colons between them",
        ),
    ]


class SigningKeyOptions(TypedDict, total=False):
    signing_key: Annotated[
        StrPath,
        Option(
            "Store",
            "KEY.pem",
            "An Ed25519 private key that signs what goes to a registry.",
            otherwise="PINLITE_SIGNING_KEY, the key or its file",
        ),
    ]


class StoreOptions(TrustedKeysOptions, SigningKeyOptions, total=False):
    store: Annotated[
        str,
        Option(
            "Store",
            "oci://REGISTRY/NAME",
            "Where results are shared between machines: looked up there after the store of this one, and believed if a "
            "key of --trust-key has signed them; with a signing key, what is made goes there.",
            otherwise="the store of this machine alone",
        ),
    ]
    no_cache: Annotated[
        bool, Option("Store", "", "Take nothing from the store, and keep nothing there.", default=False)
    ]
    refresh: Annotated[
        Sequence[StageName],
        Option("Store", "STAGE", "Run this stage anew, and compare with what was kept; once for each.", default=()),
    ]


class FolderOptions(TypedDict, total=False):
    out: Annotated[StrPath, Option("Output", "DIR", "Where the results go.", otherwise="build/<file>-<callable>")]


class ResultOptions(TypedDict, total=False):
    strict: Annotated[
        bool, Option("Output", "", "End with status 3 where something may be wrong: any warning.", default=False)
    ]
    sign: Annotated[
        StrPath, Option("Output", "KEY.pem", "An Ed25519 private key that signs where the result comes from.")
    ]


class ConversionOptions(
    ModelOptions,
    TracingOptions,
    SignatureOptions,
    CutOptions,
    SampleOptions,
    FileOptions,
    QuantizedOptions,
    IntegerOptions,
    DeviceOptions,
    TrainingOptions,
    EvaluationOptions,
    RunningOptions,
    SharedImagesOptions,
    total=False,
):
    """What a conversion does, and by what."""


class RecipeOptions(ConversionOptions, WarmOptions, StoreOptions, FolderOptions, ResultOptions, total=False):
    """How a source is converted: the options of pinlite.toml."""


class SourceOptions(TypedDict, total=False):
    source: Annotated[
        StrPath, Option("Model", "SOURCE", "What to convert, as `pinlite convert` takes it.", or_name=True)
    ]


class Settings(SourceOptions, RecipeOptions, total=False):
    """All keys of pinlite.toml."""


# The key of the tables in pinlite.toml that have the signatures of one file, and the options that such a table may have
# for itself: what a model is, and what its integers and its outputs are held to.
SIGNATURE = "signature"
OF_SIGNATURE = (
    *SourceOptions.__annotations__,
    "weights",
    "fixed",
    "preprocessing",
    *TracingOptions.__annotations__,
    *SignatureOptions.__annotations__,
    *CutOptions.__annotations__,
    "samples",
    "input_layout",
    "output_layout",
    *IntegerOptions.__annotations__,
    *QuantizedOptions.__annotations__,
    "tolerance",
    "variant_tolerances",
)


class SignatureSettings:
    """The keys of a [[signature]] but its name."""

    __annotations__ = {name: Settings.__annotations__[name] for name in OF_SIGNATURE}


class ModelSettings(SourceOptions, ConversionOptions, StoreOptions, ResultOptions, total=False):
    """All keys of a model in models.toml but its name: workers and folders are the batch's."""


# Where the folders of a batch's models go.
BATCH_OUT = "build/batch"


class BatchOptions(ConversionOptions, StoreOptions, ResultOptions, total=False):
    out: Annotated[
        StrPath, Option("Output", "DIR", "Where the results go, a folder for each model.", default=BATCH_OUT)
    ]
    jobs: Annotated[
        int,
        Option(
            "Engine",
            "COUNT",
            "How many models are converted at a time. Unless it is 1, latencies are those of a machine that works.",
            otherwise="as many as there are processors",
            ge=1,
            le=256,
        ),
    ]
    scheduler: Annotated[
        str,
        Option(
            "Engine",
            "tcp://HOST:PORT",
            "A scheduler of Dask, whose workers convert the models; files travel through --store. tls:// is as Dask's "
            "own configuration has it.",
            otherwise="this machine converts them",
        ),
    ]
    workers: Annotated[
        int,
        Option(
            "Engine",
            "COUNT",
            "Convert by a cluster of Dask on this machine, with so many workers.",
            otherwise="no cluster",
            ge=1,
            le=256,
        ),
    ]
    isolate: Annotated[
        bool,
        Option(
            "Engine",
            "",
            "Give each model workers of its own. Without it, the workers that run no code of yours serve all models, "
            "which have to trust one another: docs/security.md.",
            default=False,
        ),
    ]
    only: Annotated[
        Texts, Option("Model", "NAME", "Models to convert, by name or a pattern; once for each.", default=())
    ]
    shard: Annotated[
        str, Option("Model", "NUMBER/COUNT", "Convert one share of the models, e.g. 2/8 on the second of 8 machines.")
    ]
    keep_going: Annotated[
        bool, Option("Engine", "", "Convert the other models where one is not right; as without it.", default=False)
    ]
    fail_fast: Annotated[bool, Option("Engine", "", "End with the first model that is not right.", default=False)]


class ConvertOptions(RecipeOptions, total=False):
    config: Annotated[
        StrPath,
        Option(
            "Model",
            "FILE.toml",
            "A file of these options, whose keys are the flags without dashes; the command line wins.",
            otherwise="pinlite.toml, where no source is given",
        ),
    ]
    locked: Annotated[
        Locked,
        Option(
            "Output",
            "[=toolchain]",
            "Refuse what differs from pinlite.lock, the file beside --config; with =toolchain only images, packages "
            "and options, while the model, its weights and samples move on.",
            default=False,
            alone="all",
        ),
    ]


# A time, as `--budget` has it.
BUDGET = "10m"


class TuneOptions(RecipeOptions, total=False):
    config: Annotated[
        StrPath,
        Option(
            "Model",
            "FILE.toml",
            "A file of these options, into which the choice is written; the command line wins.",
            otherwise="pinlite.toml, a new one where a source is given",
        ),
    ]
    budget: Annotated[str, Option("Evaluation", "TIME", "How long to search, e.g. 90s, 10m or 2h.", default=BUDGET)]


class MatchOptions(ModelOptions, TracingOptions, SignatureOptions, IntegerOptions, RunningOptions, total=False):
    variant: Annotated[VariantName, Option("Files to make", "", "The kind of file that it is.", default="float32")]
    toolchains: Annotated[
        Texts,
        Option(
            "Files to make",
            "NAME|FILE.toml",
            "A toolchain to try; once for each.",
            key="toolchain",
            default=(),
            otherwise="all that pinlite brings",
        ),
    ]


class DebugOptions(ModelOptions, EnvironmentOptions, total=False):
    config: Annotated[
        StrPath, Option("Model", "FILE.toml", "The options that the conversion was given, for a model that it trained.")
    ]
    variant: Annotated[
        VariantName,
        Option("Files to make", "", "Which file to look at.", otherwise="the one whose outputs differ the most"),
    ]


class RunOptions(TrustOptions, total=False):
    signature: Annotated[
        str, Option("Inputs", "NAME", "Which signature of a .tflite file to run.", otherwise="the file's first graph")
    ]
    out: Annotated[StrPath, Option("Output", "FILE.npz", "Keep the outputs here.")]


class DiffOptions(EngineOptions, total=False):
    samples: Annotated[
        StrPath,
        Option("Inputs", "FILE.npz", "Run both files, too: one array per input, under its name in the first file."),
    ]


class AuditOptions(EngineOptions, total=False):
    samples: Annotated[
        StrPath,
        Option("Inputs", "FILE.npz", "Run it on these: one array per input, under its name.", otherwise="drawn ones"),
    ]
    target: Annotated[
        str, Option("Files to make", "NAME", "Also fail where the oldest runtimes of a target can't run it rightly.")
    ]
    runtime: Annotated[
        str, Option("Files to make", "PACKAGE==VERSION", "Also fail where this runtime can't run it rightly.")
    ]


class ReportOptions(TypedDict, total=False):
    html: Annotated[StrPath, Option("Output", "FILE.html", "Write it as a page: one file, nothing from elsewhere.")]
    open: Annotated[bool, Option("Output", "", "Write the page, and show it in the browser.", default=False)]
    markdown: Annotated[
        StrPath, Option("Output", "FILE.md", "Write it as GitHub's Markdown, e.g. for a comment on a pull request.")
    ]
    fail_if: Annotated[
        str,
        Option(
            "Output",
            "CONDITION",
            "With OTHER: end with status 7 where ratios of its figures to those of FOLDER are so in a variant, e.g. "
            '"size > 1.05 or accuracy < 0.99"; there are size, macs, parameters, operators, latency, error, accuracy.',
        ),
    ]


class VerifyOptions(TypedDict, total=False):
    key: Annotated[StrPath, Option("Output", "PUBLIC.pem", "The Ed25519 key that must have signed it.")]


class PullOptions(TrustedKeysOptions, total=False):
    out: Annotated[StrPath, Option("Output", "DIR", "Where the result goes.", otherwise="build/<last part of NAME>")]


class DoctorOptions(TypedDict, total=False):
    fix: Annotated[
        bool,
        Option("Engine", "", "First remove what is broken, and make the images that a run would take.", default=False),
    ]


class ToolchainOptions(TypedDict, total=False):
    toolchain: Annotated[
        StrPath,
        Option("Model", "NAME|FILE.toml", "One of `pinlite toolchain list`, or a file.", default=DEFAULT_TOOLCHAIN),
    ]


class BuildImagesOptions(ToolchainOptions, EngineOptions, total=False):
    """The images of a toolchain, in an engine."""


class RemoveImagesOptions(EngineOptions, total=False):
    everything: Annotated[bool, Option("Store", "", "Also those that this version uses.", key="all", default=False)]


class CollectImagesOptions(EngineOptions, total=False):
    toolchains: Annotated[
        Texts,
        Option(
            "Store", "FILE", "A toolchain of your own, whose images stay; once for each.", key="toolchain", default=()
        ),
    ]
    keep_days: Annotated[
        float, Option("Store", "DAYS", "Images of --with that were used since then stay.", default=30, ge=0)
    ]
    dry_run: Annotated[bool, Option("Store", "", "Say what would go, and remove nothing.", default=False)]


class ToolchainsOptions(EngineOptions, total=False):
    toolchains: Annotated[
        Texts,
        Option(
            "Model",
            "NAME|FILE.toml",
            "A toolchain whose images are meant; once for each.",
            key="toolchain",
            default=(),
            otherwise=DEFAULT_TOOLCHAIN,
        ),
    ]


class PushImagesOptions(ToolchainsOptions, SigningKeyOptions, total=False):
    """What goes to a registry, and who signs it."""


class PullImagesOptions(ToolchainsOptions, TrustedKeysOptions, total=False):
    """What comes from a registry, and who is believed."""


class SaveImagesOptions(ToolchainsOptions, SigningKeyOptions, total=False):
    no_packages: Annotated[
        bool,
        Option(
            "Output",
            "",
            "Leave out the packages that images are made of, which the venv engine and --with need.",
            default=False,
        ),
    ]


class LoadImagesOptions(EngineOptions, TrustedKeysOptions, total=False):
    unsigned: Annotated[
        bool,
        Option("Store", "", "Believe the file as it is, where you know who made it and how it came.", default=False),
    ]
