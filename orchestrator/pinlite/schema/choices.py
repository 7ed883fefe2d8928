"""The words that can be chosen among; apart from the types that use them because they cost nothing to import."""

from typing import Literal

# What `auto` stands for, and for a file that says that it is newer.
DEFAULT_TOOLCHAIN, CURRENT_TOOLCHAIN = "classic", "current"
AUTO = "auto"

# Processors, as Docker calls them.
Dtype = Literal["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]
EngineChoice = Literal["auto", "docker", "venv"]
Layout = Literal["nchw", "nhwc"]
Lowering = Literal["nhwc", "stock"]
Ops = Literal["auto", "builtin", "select-tf"]
# What the runtimes of a target have beyond TensorFlow 2.4, as images/targets.toml says.
TargetFeature = Literal[
    "dense-channels",
    "int16-dense-channels",
    "dynamic-dense-channels",
    "dequantize-channels",
    "int4",
    "grouped-convolutions",
    "gelu",
]
SourceKind = Literal["python", "checkpoint", "onnx", "saved_model"]
VariantName = Literal[
    "float32",
    "float16",
    "weight-int8",
    "weight-int4",
    "dynamic",
    "dynamic-int4",
    "int8",
    "int8-only",
    "int16x8",
]
# Torch's exporters; "" where a torch has but one.
Exporter = Literal["", "dynamo", "torchscript"]
IntegerIo = Literal["int8", "uint8"]
ExampleLanguage = Literal["python", "cpp"]
Rounding = Literal["nearest", "adaptive"]
# How two constants of two files are related, and the kinds of differences of two files.
Relation = Literal["equal", "permuted", "reordered", "within a step", "different"]
DifferenceKind = Literal[
    "operators",
    "options",
    "versions",
    "connections",
    "shapes",
    "types",
    "quantization",
    "weights",
    "names",
    "graphs",
    "order",
    "signatures",
    "metadata",
    "layout",
]
# What an audit finds wrong in a file.
FindingKind = Literal[
    "graph",
    "shapes",
    "constants",
    "scales",
    "zero points",
    "channels",
    "bias",
    "ranges",
    "signatures",
    "unused",
]
CalibrationKind = Literal["random", "arrays", "images", "python"]
StageSource = Literal["ran", "hit", "failed", "skipped"]
StageName = Literal[
    "gather",
    "export",
    "adapt",
    "check",
    "translate",
    "adopt",
    "calibrate",
    "convert",
    "infer",
    "evaluate",
    "metric",
    "measure",
]
