"""The recipe: the request of one conversion, with every default filled in."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from pinlite.schema.choices import (
    CalibrationKind,
    Dtype,
    EngineChoice,
    ExampleLanguage,
    IntegerIo,
    Layout,
    Lowering,
    Ops,
    Rounding,
    SourceKind,
    VariantName,
)
from pinlite.schema.environment import Environment
from pinlite.schema.frozen import Frozen


class InputSpec(Frozen):
    """One input of the model. ``shape`` counts elements, batch first; every size is at least 1."""

    name: str
    shape: tuple[int, ...]
    dtype: Dtype = "float32"


class LayoutSpec(Frozen):
    """The layout that an input or output of the TFLite file is to have; without a ``name``, every one of rank 4.

    ``nchw`` is PyTorch's own order of axes, whatever the rank; ``nhwc`` has the channels last.
    """

    layout: Layout
    name: str = ""


class Preprocessing(Frozen):
    """What an input of the file has that its model takes otherwise: pixels of a ``dtype``, uint8 for [0, 1], in a
    ``layout``. The model takes float32 in ``nchw``, less ``mean``, over ``std``, one number or one for each channel.
    """

    name: str
    dtype: Literal["uint8", "float32"] = "float32"
    layout: Layout = "nchw"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class Source(Frozen):
    """Where the model comes from. ``text`` is how the user wrote it.

    ``python`` has a ``module`` and a ``callable``, and in ``path`` the file or package unless an image holds it; the
    other kinds have only a ``path``: a .pt or .onnx file, or a SavedModel folder. ``beside`` are the files in the same
    folder, or below it, that an .onnx file keeps tensors in, sorted.
    """

    kind: SourceKind
    text: str
    path: Path | None = None
    beside: tuple[Path, ...] = ()
    module: str = ""
    callable: str = ""


class Training(Frozen):
    """What is done to the model before it is exported.

    ``prune`` is the share of weights that become zero, by whole channels where it is ``structured``; ``cluster`` the
    number of values that the weights of a layer share; ``finetune`` and ``qat`` are functions of the user's that train
    the model in place, the latter with its numbers rounded as int8 rounds them, in ``ranges`` that begin as
    those of an int8 file.
    """

    prune: float | None = None
    structured: bool = False
    cluster: int | None = None
    finetune: Source | None = None
    qat: Source | None = None
    ranges: Path | None = None


class Metric(Frozen):
    """How outputs are scored against labels: ``top-1`` and so on, ``mse``, or a function of the user's."""

    name: str
    function: Source | None = None


class Evaluation(Frozen):
    """What is scored: the labelled samples that a function yields. Without metrics, the labels decide. ``loss`` is the
    share of PyTorch's score that a variant may lose.
    """

    function: Source
    metrics: tuple[Metric, ...] = ()
    loss: float = 0.1


class Limits(Frozen):
    """What a stage may take: ``memory`` and ``disk`` (what it writes) in bytes, ``timeout`` in seconds per request,
    ``processes`` with threads.
    """

    memory: int = 8 * 1024**3
    disk: int = 16 * 1024**3
    timeout: float = 1800.0
    processes: int = 1024


class Calibration(Frozen):
    """Where the samples come from that integer variants take their ranges from. ``text`` is how the user wrote it.

    ``arrays`` has an .npz file or a folder of .npy files in ``path``, ``images`` a folder of images, whose pixels of
    [0, 1] less ``mean`` over ``std`` are the input; ``python`` a ``module`` and a ``callable`` as a `Source` has them.
    """

    kind: CalibrationKind
    text: str
    path: Path | None = None
    module: str = ""
    callable: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class PostTrainingQuantization(Frozen):
    """How integers are chosen for what is calibrated. ``ranges`` of activations are ``minmax``, what the samples show,
    or narrower: ``percentile=P``, ``mse``, ``kl``; ``weight_ranges`` all of a channel, or narrower: ``percentile=P``,
    ``mse``. ``symmetric`` gives int8 zero points of 0. ``equalize`` gives the channels between two layers about the
    same range before; to ``round`` weights ``adaptive`` changes least what a layer gives on the samples;
    ``correct_bias`` takes out of biases what rounded weights add to the mean of a layer. Layers that fit a pattern of
    ``keep_float`` stay in floats, by the names of an ONNX node, a module of PyTorch's, or an operator; those of
    ``keep_int16`` have activations of int16 in a file of int8.
    """

    ranges: str = "minmax"
    weight_ranges: str = "minmax"
    symmetric: bool = False
    equalize: bool = False
    round: Rounding = "nearest"
    correct_bias: bool = False
    keep_float: tuple[str, ...] = ()
    keep_int16: tuple[str, ...] = ()


class Requirements(Frozen):
    """The packages that the model's own code imports: ``pinned`` as NAME==VERSION, ``paths`` of wheels, packages'
    folders and files of requirements. What these leave open is chosen as of the day ``before``; "" is any.
    """

    pinned: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    before: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.pinned or self.paths)


class Recipe(Frozen):
    """One conversion, resolved. Tolerances are relative to the largest magnitude of the reference output.

    ``toolchain`` is a toolchain's name or file, ``toolchain_files`` what the user has of one, ``target`` the name of
    one of its targets, ``runtimes`` the names of those that are added to its own.
    ``environment`` is the user's own one, in which the model is exported, in place of the toolchain's image.
    ``weights_key`` says where in the file of the weights these are; "" is the whole file, or what fits in it.
    ``fixed`` are values of the model's parameters that are no inputs, ``preprocessing`` says which
    inputs are pixels.
    ``from_tensors`` and ``to_tensors`` name where a part of an ONNX model begins and ends that is converted alone.
    ``dynamic_batch`` leaves the first dimension open of the inputs ``batched``, of all where these are not named.
    ``dequantize`` takes out of an ONNX model what rounds its numbers; ``has_ranges`` says that the model itself knows
    what int8 rounds to, as it is quantized or trained for it.
    ``metadata`` says that files get TFLite metadata.
    ``labels`` is a file of the names of classes, one a line; ``examples`` are languages, a program for each file.
    ``latency_runs`` is how many invocations are timed, where not as many as there is time for.
    ``variant_tolerances`` are those of variants other than float32 whose own rule is not to hold; see `parity`.
    ``options`` are those that were given and decide something of the outcome, under the keys of pinlite.toml.
    Without ``cache`` nothing is taken from the store and nothing put there; ``refresh`` names stages to run anew.
    ``store`` is a repository of a registry in which results are shared; ``signing_key`` is the file of the key that
    signs what goes there, if it is in a file.
    ``sign`` is the file of a private key that signs where the result comes from.
    ``strict`` says that a warning fails the run, once everything is written.
    ``keep_warm`` is for how many seconds workers that run no user code wait for another run.
    ``images`` names a repository of a registry from which images are pulled before any is built. ``trust_keys`` are
    files with the public keys of those who may have signed what comes from a registry; images may have been signed by
    ``image_keys`` alone, those of them that no pinlite.toml has named.
    ``signatures`` are the recipes of the file's several signatures by their names; the rest is then the first one's,
    but for the ``source``, whose text has all of theirs.
    ``trust`` says that a checkpoint, which is a program, or what builds a package may run where nothing keeps it from
    the machine.
    """

    source: Source
    out: Path
    weights: Path | None = None
    weights_key: str = ""
    inputs: tuple[InputSpec, ...] = ()
    fixed: dict[str, JsonValue] = Field(default_factory=dict)
    preprocessing: tuple[Preprocessing, ...] = ()
    output_names: tuple[str, ...] = ()
    from_tensors: tuple[str, ...] = ()
    to_tensors: tuple[str, ...] = ()
    samples: Path | None = None
    seed: int = 0
    toolchain: str = "classic"
    toolchain_files: tuple[Path, ...] = ()
    target: str = "tflite-2.4"
    runtimes: tuple[str, ...] = ()
    opset: int = 12
    lowering: Lowering = "nhwc"
    input_layouts: tuple[LayoutSpec, ...] = ()
    output_layouts: tuple[LayoutSpec, ...] = ()
    ops: Ops = "auto"
    dynamic_batch: bool = False
    batched: tuple[str, ...] = ()
    dequantize: bool = False
    has_ranges: bool = False
    variants: tuple[VariantName, ...] = ("float32",)
    calibration: Calibration | None = None
    quantization: PostTrainingQuantization = PostTrainingQuantization()
    integer_io: IntegerIo = "int8"
    metadata: bool = False
    labels: Path | None = None
    examples: tuple[ExampleLanguage, ...] = ()
    variant_tolerances: dict[str, float] = Field(default_factory=dict)
    requirements: Requirements = Requirements()
    training: Training | None = None
    evaluation: Evaluation | None = None
    data: Path | None = None
    tolerance: float = 1e-4
    arena: int | None = None
    latency_runs: int | None = None
    strict: bool = False
    sign: Path | None = None
    engine: EngineChoice = "auto"
    trust: bool = False
    environment: Environment | None = None
    limits: Limits = Limits()
    keep_warm: float = 0.0
    images: str = ""
    image_keys: tuple[Path, ...] = ()
    trust_keys: tuple[Path, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    cache: bool = True
    store: str = ""
    signing_key: Path | None = None
    refresh: tuple[str, ...] = ()
    signatures: dict[str, "Recipe"] = Field(default_factory=dict)

    @property
    def models(self) -> tuple["Recipe", ...]:
        """The recipe of each model that is converted: of each signature, or this one."""
        return (*self.signatures.values(),) or (self,)
