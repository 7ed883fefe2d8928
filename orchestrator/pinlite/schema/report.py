"""What came of it: the report of a conversion, its lock, what debugging it found, and in what two files differ."""

from collections import Counter
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pinlite.schema.choices import DifferenceKind, Layout, Lowering, Relation, StageSource, VariantName
from pinlite.schema.frozen import Frozen


class StageRecord(Frozen):
    """One stage of a run. ``seconds`` is the host's clock from request to answer; ``peak_memory`` is in bytes. Of a
    hit, they are those of the run that made it.

    ``reason`` says why a stage was left out that this source would have gone through.
    """

    name: str
    image: str
    source: StageSource
    seconds: float = 0.0
    peak_memory: int = 0
    reason: str = ""


class Artifact(Frozen):
    """A file or folder in the output folder; ``path`` is relative to it, ``size`` in bytes."""

    role: str
    path: str
    sha256: str
    size: int


class Hop(Frozen):
    """One output in two runtimes on the same samples; ``variant`` is the kind of TFLite file that runs in ``to``.

    ``profile`` names the samples where they are not those of the conversion, but made to find faults.
    ``tolerance`` is what ``max_rel_error`` may be; None where the figures are told, not judged.
    ``max_rel_error`` is the largest absolute difference over the largest magnitude of the reference (on a profile: of
    what it is there and on the samples, the larger). The figures are None where the two can't be compared: another
    shape, or values that are no numbers on one side alone.
    """

    origin: str = Field(alias="from")
    to: str
    variant: VariantName | None
    output: str
    profile: str | None = None
    max_abs_error: float | None
    max_rel_error: float | None
    cosine: float | None
    tolerance: float | None
    passed: bool


class Latency(Frozen):
    """Milliseconds of one invocation, over ``runs`` of them after a warm-up, on ``threads`` threads."""

    median: float
    min: float
    threads: int
    runs: int


class Tensor(Frozen):
    """A model's input or output: the user's ``name``, and what the TFLite file calls it (``tensor``).

    ``shape`` is the file's own, in the order of axes that ``layout`` tells; None is a batch of any size, or a size that
    is known only once the model has run.
    A quantized integer stands for ``scale * (integer - zero_point)``; where the dtype is a float, that is of the
    integers that it becomes or is made of.
    """

    name: str
    tensor: str
    shape: tuple[int | None, ...]
    dtype: str
    layout: Layout = "nchw"
    scale: float | None
    zero_point: int | None


class Quantization(Frozen):
    """How many tensors are quantized, how many of those by channel, the operators that compute in floats, and those
    that compute in integers, by the type of what they give.
    """

    tensors: int
    per_channel: int
    float_operators: dict[str, int]
    integer_operators: dict[str, dict[str, int]] = Field(default_factory=dict)


class ProfileReport(Frozen):
    """Samples that were made to find faults. ``left_out`` says what was not compared on them, and why."""

    name: str
    left_out: tuple[str, ...]


class Lost(Frozen):
    """Channels of an output that a variant gives as constants, in all runtimes, where the reference doesn't.

    They are ``channels`` of ``size`` along ``axis`` in PyTorch's layout; where ``axis`` is None, all of the output, or
    all of it but the ``mask``, the number that it has for what is left out.
    ``spread`` is the largest difference of two of the reference's values in one of them, ``scale`` the output's step
    (None: it is computed in floats). ``failed`` says that the run ends for it.
    """

    variant: VariantName
    output: str
    axis: int | None
    channels: tuple[int, ...]
    size: int
    spread: float
    scale: float | None
    profile: str | None
    failed: bool
    mask: float | None = None


class RuntimeReport(Frozen):
    """What runs TFLite files: ``name`` is its package and version, by which the rest of the report calls it.
    ``required`` says that a file must be right in it, for the target; otherwise it is told what becomes of it there.
    """

    name: str
    package: str
    version: str
    image: str
    required: bool


class RuntimeSize(Frozen):
    """A runtime where it is installed: how many shared libraries its package brings, and their ``size`` in bytes."""

    package: str
    version: str
    libraries: int
    size: int


class OperatorSet(Frozen):
    """What becomes of a variant with TFLite's operators alone (``builtin``), or with TensorFlow's beside them.

    ``refusal`` says why there is no such file: ``size`` (bytes), ``sha256`` and ``latency_ms`` are None then.
    ``latency_ms`` is that in TensorFlow's interpreter, which runs both; ``runtime`` is what such a file needs.
    """

    ops: Literal["builtin", "select-tf"]
    runtime: RuntimeSize
    refusal: str = ""
    size: int | None = None
    sha256: str | None = None
    latency_ms: Latency | None = None


class VariantReport(Frozen):
    """One TFLite file, compared with the reference.

    ``parity`` has the largest ``max_rel_error`` per runtime, ``cosine`` the smallest; ``latency_ms`` has those runtimes
    that were timed; ``ops`` counts its operators, ``select_tf`` has TensorFlow's names of those that only a runtime
    with Select-TF can run, ``comparison`` what becomes of it with and without such, where they were asked for or are
    needed; ``gzip_size`` is its size after gzip where a technique is there to make that small, else None;
    ``beyond_calibration`` has those samples that are beyond what it was calibrated on, on which it is told, not judged:
    profiles by name, and "samples".
    """

    name: VariantName
    path: str
    sha256: str
    size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parity: dict[str, float | None]
    cosine: dict[str, float | None]
    latency_ms: dict[str, Latency]
    ops: dict[str, int]
    select_tf: tuple[str, ...] = ()
    comparison: tuple[OperatorSet, ...] = ()
    quantization: Quantization
    gzip_size: int | None = None
    beyond_calibration: tuple[str, ...] = ()


class CalibrationReport(Frozen):
    """What integer variants were calibrated on; ``preparation`` says what was done to images."""

    source: str
    samples: int
    preparation: str


class Failure(Frozen):
    """A variant that could not be made: the stage, and what the command would have ended with for it alone."""

    variant: VariantName
    stage: str
    code: str
    exit_status: int
    message: str
    hint: str


class Warned(Frozen):
    """Something that a stage says of a result that may be wrong, though nothing failed. ``variant`` is the kind of
    TFLite file that it is about; None is all of them.
    """

    stage: str
    message: str
    variant: VariantName | None = None


class LayerWeights(Frozen):
    """The weights of one layer: the share of zeros, and how many different values there are."""

    name: str
    shape: tuple[int, ...]
    sparsity: float
    distinct: int


class TrainingStep(Frozen):
    """The weights after a technique (``none``: before the first); sizes in bytes, as float32 numbers in a row."""

    technique: str
    size: int
    gzip_size: int
    sparsity: float
    layers: tuple[LayerWeights, ...]


class Score(Frozen):
    """What one runtime scored: torch, onnxruntime and tensorflow on the model, TFLite's on a ``variant``; by metric."""

    runtime: str
    variant: VariantName | None
    scores: dict[str, float]


class EvaluationReport(Frozen):
    """The scores on ``samples`` labelled samples of a ``source``, the reference first. top-k is a share of 1."""

    source: str
    samples: int
    scores: tuple[Score, ...]


# What the one base of locks of schema 1 is called since.
BASE_OF_1 = "python-3.8"


class LockedImage(Frozen):
    """``identity`` is the image's on the public base; ``packages`` the sha256 of its hashed requirements."""

    identity: str
    packages: str


class LockedStage(Frozen):
    """A stage that made something of the result; ``inputs`` by role and ``outputs`` by file name, as sha256."""

    image: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]


class Lock(Frozen):
    """What a recipe came to. ``inputs`` are the user's files by path, ``artifacts`` the results by name, as sha256.

    What runtimes compute and how long they take is measured, not made, and no part of it. ``bases`` are the digests of
    the public images that the others stand on, ``images`` those others, by name. Schema 1, which release 0.1.0 wrote,
    has one ``base``, and other names of images.
    """

    lock_schema: Literal["pinlite.lock/1", "pinlite.lock/2"] = Field("pinlite.lock/2", alias="schema")
    pinlite: str
    bases: dict[str, str]
    options: dict[str, Any]
    images: dict[str, LockedImage]
    inputs: dict[str, str]
    stages: dict[str, LockedStage]
    artifacts: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _with_bases(cls, given: Any) -> Any:
        """Schema 1 has one base, that of Python 3.8."""
        if isinstance(given, dict) and "base" in given:
            return {key: value for key, value in given.items() if key != "base"} | {"bases": {BASE_OF_1: given["base"]}}
        return given


class Report(Frozen):
    """What came of a run; ``report.json`` is this object.

    ``toolchain`` has the identities of the images, ``toolchain_name`` and ``target`` say what was chosen; ``runtimes``
    are those of the TFLite files, in the toolchain's order. Reports of schema 1, which release 0.1.0 wrote, have
    neither, and call runtimes tflite-VERSION.
    """

    report_schema: Literal["pinlite.report/1", "pinlite.report/2"] = Field("pinlite.report/2", alias="schema")
    ok: bool
    engine: str
    source: str
    lowering: str
    tolerance: float
    seed: int
    opset: int
    toolchain_name: str = "classic"
    toolchain: dict[str, str]
    target: str = ""
    runtimes: tuple[RuntimeReport, ...] = ()
    stages: tuple[StageRecord, ...]
    artifacts: tuple[Artifact, ...]
    hops: tuple[Hop, ...]
    profiles: tuple[ProfileReport, ...] = ()
    lost: tuple[Lost, ...] = ()
    variants: tuple[VariantReport, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[Warned, ...] = ()
    calibration: CalibrationReport | None
    training: tuple[TrainingStep, ...] = ()
    evaluation: EvaluationReport | None = None
    versions: dict[str, dict[str, str]]
    lock: Lock

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


class Layer(Frozen):
    """A node of the ONNX graph in several runtimes, against onnxruntime; see `drift` for what the figures mean.

    ``value`` is ONNX's name of the tensor; ``includes`` are the nodes before it whose own tensors the variant's file
    doesn't have: what they add is part of what it adds. ``errors`` are by runtime: ``torch`` where it was asked,
    ``tensorflow``, and variants of the TFLite file. ``added`` is what the layer adds to the variant's error. ``module``
    is the name of PyTorch's module that gives the value ("" is the model itself), None where none does.
    """

    name: str
    operator: str
    value: str
    includes: tuple[str, ...]
    errors: dict[str, float]
    added: float
    module: str | None = None


class Candidate(Frozen):
    """What a toolchain and a lowering made of the model of a file: its very bytes (``same``), another file, of which
    ``summary`` says how it differs, or none (``refusal``). The nearer, the smaller its ``distance``.
    """

    toolchain: str
    lowering: Lowering
    same: bool = False
    distance: float | None = None
    summary: str = ""
    refusal: str = ""


class MatchReport(Frozen):
    """Which toolchains make a file of a source: the candidates, the nearest first."""

    report_schema: Literal["pinlite.match/1"] = Field("pinlite.match/1", alias="schema")
    file: str
    sha256: str
    source: str
    candidates: tuple[Candidate, ...]

    @property
    def found(self) -> bool:
        return any(candidate.same for candidate in self.candidates)

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


class DebugReport(Frozen):
    """Where a variant's outputs drift: its layers, the one that adds most to the error first.

    ``torch`` is by output what onnxruntime differs from torch itself, as ``max_rel_error`` of the conversion; empty
    where the source was no PyTorch model. ``torch_left_out`` says why its modules are not among the runtimes.
    """

    report_schema: Literal["pinlite.debug/1"] = Field("pinlite.debug/1", alias="schema")
    source: str
    variant: VariantName
    torch: dict[str, float | None]
    torch_left_out: str = ""
    layers: tuple[Layer, ...]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


class Total(Frozen):
    """How many there are, and how many of them differ."""

    total: int = Field(ge=0)
    differing: int = Field(ge=0)


class Related(Frozen):
    """How two constants are related: of ``values``, how many are ``differing``.

    ``permuted``: the same values, with the first one's ``axes`` in this order; ``reordered``: in an order of no axes;
    ``within a step``: of the quantization, or of rounding to the coarser float. ``largest`` is the largest difference
    of the numbers that they stand for, ``magnitude`` the largest of these; None where there is none that is finite.
    """

    relation: Relation
    values: int = Field(ge=0)
    differing: int = Field(ge=0)
    largest: float | None = Field(ge=0, allow_inf_nan=False)
    magnitude: float | None = Field(ge=0, allow_inf_nan=False)
    axes: tuple[int, ...]


class Difference(Frozen):
    """``what`` of ``where`` is ``ours`` in the first file and ``theirs`` in the other, in words; each may be empty.

    ``where`` is an operator with its place in both files (``CONV_2D 5/6``, or one number for both), and which of its
    tensors; ``tensor`` is that one's name in the first file.
    """

    kind: DifferenceKind
    where: str
    what: str
    ours: str
    theirs: str
    tensor: str
    weights: Related | None


class Differences(Frozen):
    """In what two TFLite files differ. ``distance`` is 0 for the same bytes and at most 1; less is nearer.

    ``operators``, ``tensors`` and ``names`` are counted in pairs; of the first two, what one file has alone counts as
    differing. ``weights`` says how many pairs of constants are related how, ``counts`` how many differences of each
    kind there are; a million of them are too many to be listed.
    """

    distance: float = Field(ge=0, le=1, allow_inf_nan=False)
    operators: Total
    tensors: Total
    names: Total
    weights: dict[Relation, int]
    counts: dict[DifferenceKind, int]
    differences: tuple[Difference, ...]

    @model_validator(mode="after")
    def _counted(self) -> Self:
        """None is listed that is not counted."""
        listed = Counter(difference.kind for difference in self.differences)
        if any(number > self.counts.get(kind, 0) for kind, number in listed.items()):
            raise ValueError("more differences are listed than counted")
        return self


class ComparedFile(Frozen):
    path: str
    size: int
    sha256: str


class OutputDifference(Frozen):
    """How far an output of the other file is from the first's on samples, as a `Hop` has it."""

    output: str
    max_abs_error: float | None
    max_rel_error: float | None
    cosine: float | None


class DiffReport(Frozen):
    """Two TFLite files compared. ``found`` is None where they are the same bytes.

    ``outputs`` are those on samples, None where none were given, or the other file can't be run on them, as
    ``outputs_left_out`` says.
    """

    report_schema: Literal["pinlite.diff/1"] = Field("pinlite.diff/1", alias="schema")
    one: ComparedFile
    other: ComparedFile
    summary: str
    found: Differences | None
    outputs: tuple[OutputDifference, ...] | None = None
    outputs_left_out: str = ""

    @property
    def distance(self) -> float:
        return self.found.distance if self.found else 0.0

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
