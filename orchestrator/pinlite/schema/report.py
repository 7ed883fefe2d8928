"""The report of a conversion: report.json."""

from typing import Literal

from pydantic import Field

from pinlite.schema.audit import Content
from pinlite.schema.choices import Exporter, Layout, StageSource, VariantName
from pinlite.schema.frozen import Frozen
from pinlite.schema.lock import Lock
from pinlite.schema.recipe import PostTrainingQuantization


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


class Apart(Frozen):
    """How far the integers of two runtimes are apart: so many of the ``values`` are ``differing``, by ``steps`` of the
    output at most.
    """

    values: int
    differing: int
    steps: int


class Hop(Frozen):
    """One output in two runtimes on the same samples; ``variant`` is the kind of TFLite file that runs in ``to``,
    ``signature`` the one that it is of where that file has several.

    ``profile`` names the samples where they are not those of the conversion, but made to find faults.
    ``tolerance`` is what ``max_rel_error`` may be; None where the figures are told, not judged.
    ``max_rel_error`` is the largest absolute difference over the largest magnitude of the reference (on a profile: of
    what it is there and on the samples, the larger). The figures are None where the two can't be compared: another
    shape, or values that are no numbers on one side alone. ``apart`` is there between two runtimes, of an output that
    stands for integers.
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
    apart: Apart | None = None
    signature: str = ""


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


class CutRange(Frozen):
    """A tensor whose range in integers is narrower than what the calibration samples show, or than its weights are:
    ``low`` to ``high`` of what is ``lowest`` to ``largest``. A ``share`` of its numbers is beyond that, for weights
    beyond the range of their channel, and saturates.
    """

    tensor: str
    lowest: float
    largest: float
    low: float
    high: float
    share: float


class Quantization(Frozen):
    """How many tensors are quantized, how many of those by channel, the operators that compute in floats, and those
    that compute in integers, by the type of what they give; whose ranges were cut.
    """

    tensors: int
    per_channel: int
    float_operators: dict[str, int]
    integer_operators: dict[str, dict[str, int]] = Field(default_factory=dict)
    cut: tuple[CutRange, ...] = ()


class ProfileReport(Frozen):
    """Samples that were made to find faults. ``left_out`` says what was not compared on them, and why."""

    name: str
    left_out: tuple[str, ...]
    signature: str = ""


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
    signature: str = ""


class RuntimeReport(Frozen):
    """What runs TFLite files: ``name`` is its package and version, by which the rest of the report calls it.
    ``required`` says that a file must be right in it, for the target; otherwise it is told what becomes of it there.
    ``platform`` is what it runs on, as Docker calls it, and ``emulator`` what took the place of the processor there, ""
    for nothing.
    """

    name: str
    package: str
    version: str
    image: str
    required: bool
    platform: str = "linux/amd64"
    emulator: str = ""


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


class Machine(Frozen):
    """Where it ran, as far as times depend on it: what the ``processor`` calls itself, and how many ``threads`` may run
    at once. How many each runtime had is in `Latency`.
    """

    processor: str
    threads: int


class ArenaTensor(Frozen):
    """A tensor that is computed, by the file's name, and its bytes in an arena."""

    name: str
    size: int


class ArenaPeak(Frozen):
    """Where most tensors are alive: beside the ``operator`` of this ``number``; the largest of them first."""

    operator: str
    number: int
    tensors: tuple[ArenaTensor, ...]


class ArenaFigures(Frozen):
    """The memory that a file needs in a runtime of microcontrollers, in bytes, measured on this computer.

    ``least`` is the smallest arena in which it could be allocated and invoked: ``tensors`` share the first part of it,
    with what kernels want while they run; ``kernels`` keep the second for themselves; the rest are ``structures`` of
    the interpreter's own, whose pointers have 64 bits here. ``estimate_32_bit`` is what it may come to where they have
    32: a sum, not measured. ``operators`` are the methods that add the file's operators to a resolver.
    """

    least: int
    tensors: int
    kernels: int
    structures: int
    estimate_32_bit: int
    peak: ArenaPeak
    operators: tuple[str, ...]


class Arena(ArenaFigures):
    """In one of the runtimes."""

    runtime: str


class OffNpu(Frozen):
    """An operator that stays on the processor beside an NPU: its ``number`` in the file's first graph, the ``tensor``
    that it gives, and the compiler's ``reason``.
    """

    number: int
    operator: str
    tensor: str
    reason: str


class NpuFigures(Frozen):
    """What a ``compiler`` says of a file that it compiled for an NPU. So many operators of the plain file are ``on``
    the NPU, those ``off`` it are on the processor; ``macs`` are all multiply-adds, ``macs_on`` those on the NPU. Memory
    is in bytes, for a ``system`` and a ``memory_mode``; ``milliseconds`` is an estimate of one invocation on the NPU,
    None where that has nothing to do.
    """

    compiler: str
    system: str
    memory_mode: str
    on: int
    off: tuple[OffNpu, ...]
    macs: int
    macs_on: int
    sram: int
    dram: int
    on_chip_flash: int
    off_chip_flash: int
    milliseconds: float | None


class Npu(NpuFigures):
    """The compiled file, at ``path``, of so many bytes."""

    accelerator: str
    path: str
    size: int


class VariantReport(Frozen):
    """One TFLite file, or one ``signature`` of a file that has several, compared with the reference.

    ``parity`` has the largest ``max_rel_error`` per runtime, ``cosine`` the smallest; ``latency_ms`` has those runtimes
    that were timed; ``ops`` counts its operators, ``select_tf`` has TensorFlow's names of those that only a runtime
    with Select-TF can run, ``comparison`` what becomes of it with and without such, where they were asked for or are
    needed; ``gzip_size`` is its size after gzip where a technique is there to make that small, else None;
    ``beyond_calibration`` has those samples that are beyond what it was calibrated on, on which it is told, not judged:
    profiles by name, and "samples"; ``audit`` is what was found in a file with integer operators. ``macs`` are the
    multiplications with an addition in one invocation, of convolutions, products of matrices and recurrent layers;
    ``parameters`` the numbers of its constants. They are None in reports that were made before there were any.
    ``arena`` is there where the target is a device with a runtime that has one, ``npu`` where it has a compiler.
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
    macs: int | None = None
    parameters: int | None = None
    gzip_size: int | None = None
    beyond_calibration: tuple[str, ...] = ()
    audit: Content | None = None
    arena: Arena | None = None
    npu: Npu | None = None
    signature: str = ""


class CalibrationReport(Frozen):
    """What integer variants were calibrated on; ``preparation`` says what was done to images."""

    source: str
    samples: int
    preparation: str


class SignatureReport(Frozen):
    """One of a file's several signatures: how its ``source`` was written, and what holds for it alone."""

    name: str
    source: str
    seed: int
    opset: int
    tolerance: float
    exporter: Exporter = ""
    calibration: CalibrationReport | None = None


class Failure(Frozen):
    """A variant that could not be made, or that a runtime refuses: the stage, and what the command would have ended
    with for it alone.
    """

    variant: VariantName
    stage: str
    code: str
    exit_status: int
    message: str
    hint: str
    signature: str = ""


class Noted(Frozen):
    """Something that a stage chose itself: which of several, or another name."""

    stage: str
    message: str
    signature: str = ""


class Warned(Noted):
    """Something that a stage says of a result that may be wrong, though nothing failed. ``variant`` is the kind of
    TFLite file that it is about; None is all of them.
    """

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


class Fallen(Frozen):
    """A score of a variant that has ``lost`` more of the ``reference``, PyTorch's score, than it may: a share. Of mse
    it is the share of what PyTorch explains of the labels' variance; of a metric of the user's own, whose best may be
    its smallest, what it has changed by, either way.
    """

    runtime: str
    variant: VariantName
    metric: str
    reference: float
    score: float
    lost: float


class EvaluationReport(Frozen):
    """The scores on ``samples`` labelled samples of a ``source``, the reference first. top-k is a share of 1. Those
    have ``fallen`` that lost more than the share ``loss``, in runtimes in which files have to be right.
    """

    source: str
    samples: int
    scores: tuple[Score, ...]
    loss: float = 0.1
    fallen: tuple[Fallen, ...] = ()


class Trial(Frozen):
    """One way of choosing integers, and what its file came to on the labelled samples. ``lost`` is the largest share
    that a metric has lost of PyTorch's score, ``error`` the norm of what outputs differ by from PyTorch's, over the
    norm of these. ``floats`` operators compute in floats; ``size`` is in bytes, ``latency_ms`` the median.
    """

    method: PostTrainingQuantization
    lost: float
    error: float
    floats: int
    size: int
    latency_ms: float | None


class Tuning(Frozen):
    """A search for the way of choosing a ``variant``'s integers that loses no more than the share ``loss``, scored in
    one ``runtime``. ``chosen`` is the place of the trial that was taken, ``frontier`` has those than which no other one
    loses less, is smaller and faster at once. It is not ``complete`` where ``budget`` seconds were too few.
    """

    variant: VariantName
    runtime: str
    loss: float
    budget: float
    complete: bool
    trials: tuple[Trial, ...]
    frontier: tuple[int, ...]
    chosen: int


class Report(Frozen):
    """What came of a run; ``report.json`` is this object.

    ``date`` is when it began, of UTC as ISO 8601 has it, and ``machine`` where it ran: two equal runs differ in these,
    in the seconds and the memory of stages, and in latencies.
    ``toolchain`` has the identities of the images, ``toolchain_name`` and ``target`` say what was chosen; ``runtimes``
    are those of the TFLite files, in the toolchain's order. ``exporter`` says which of torch's exporters wrote the ONNX
    file, where that torch has two. Of a file of several ``signatures`` all that is said of a model is said of each in
    turn, under its name: hops, profiles, what is lost, variants and so on; the ``source`` names all of theirs, the
    ``tolerance`` is the largest, and ``seed``, ``opset`` and ``exporter`` are the first one's. Reports of schema 1,
    which release 0.1.0 wrote, have
    neither, and call runtimes tflite-VERSION.
    """

    report_schema: Literal["pinlite.report/1", "pinlite.report/2"] = Field("pinlite.report/2", alias="schema")
    ok: bool
    date: str = ""
    machine: Machine | None = None
    engine: str
    source: str
    lowering: str
    tolerance: float
    seed: int
    opset: int
    exporter: Exporter = ""
    toolchain_name: str = "classic"
    toolchain: dict[str, str]
    target: str = ""
    runtimes: tuple[RuntimeReport, ...] = ()
    signatures: tuple[SignatureReport, ...] = ()
    stages: tuple[StageRecord, ...]
    artifacts: tuple[Artifact, ...]
    hops: tuple[Hop, ...]
    profiles: tuple[ProfileReport, ...] = ()
    lost: tuple[Lost, ...] = ()
    variants: tuple[VariantReport, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[Warned, ...] = ()
    notes: tuple[Noted, ...] = ()
    calibration: CalibrationReport | None
    training: tuple[TrainingStep, ...] = ()
    evaluation: EvaluationReport | None = None
    tuning: Tuning | None = None
    versions: dict[str, dict[str, str]]
    lock: Lock

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
