"""A report of a conversion that nobody ran, for tests of what shows reports."""

from pinlite.schema.lock import Lock
from pinlite.schema.report import (
    Artifact,
    Hop,
    Latency,
    Quantization,
    Report,
    StageRecord,
    VariantReport,
)


def hop(to, output, relative, passed=True, variant=None, tolerance=1e-4, origin="torch", profile=None):
    return Hop(
        origin=origin,
        to=to,
        variant=variant,
        output=output,
        profile=profile,
        max_abs_error=relative,
        max_rel_error=relative,
        cosine=1.0,
        tolerance=tolerance,
        passed=passed,
    )


PLAIN = Quantization(tensors=0, per_channel=0, float_operators={"CONV_2D": 35})


def report():
    latency = {
        "tflite-runtime 2.14.0": Latency(median=12.34, min=11.5, threads=1, runs=30),
        "tensorflow-cpu 2.4.1": Latency(median=45.6, min=44.25, threads=4, runs=30),
    }
    return Report(
        ok=True,
        engine="docker",
        source="a/rather/deep/folder/of/a/project/that/has/a/long/name/examples/mobilenet_v2.py:mobilenet_v2",
        lowering="nhwc",
        tolerance=1e-4,
        seed=0,
        opset=12,
        toolchain={"torch-1.7.1-with": "0" * 64},
        stages=(
            StageRecord(name="export", image="torch-1.7.1-with", source="ran", seconds=3.456, peak_memory=612_000_000),
            StageRecord(name="translate", image="onnx-tf-1.7.0", source="skipped"),
            StageRecord(
                name="infer-tensorflow-2.4.1", image="tensorflow-2.4.1", source="ran", seconds=0.5, peak_memory=999
            ),
        ),
        artifacts=(
            Artifact(role="onnx", path="model.onnx", sha256="0123456789abcdef" * 4, size=13_986_123),
            Artifact(role="tflite.float32", path="model.float32.tflite", sha256="f" * 64, size=1_500_000_000),
        ),
        hops=(
            hop("onnxruntime", "scores", 1.5e-6),
            hop("onnxruntime", "boxes", 2.5e-6),
            hop("tflite-runtime 2.14.0", "scores", 3.5e-6, variant="float32"),
            hop("tflite-runtime 2.14.0", "boxes", None, passed=False, variant="float32"),
        ),
        variants=(
            VariantReport(
                name="float32",
                path="model.float32.tflite",
                sha256="f" * 64,
                size=1_500_000_000,
                inputs=(),
                outputs=(),
                parity={"tflite-runtime 2.14.0": 0.0, "tensorflow-cpu 2.4.1": 0.0},
                cosine={"tflite-runtime 2.14.0": 1.0, "tensorflow-cpu 2.4.1": 1.0},
                latency_ms=latency,
                ops={"CONV_2D": 35, "DEPTHWISE_CONV_2D": 17, "ADD": 10, "MEAN": 1, "FULLY_CONNECTED": 1},
                quantization=PLAIN,
            ),
        ),
        failures=(),
        calibration=None,
        versions={},
        lock=Lock(pinlite="1", bases={}, options={}, images={}, inputs={}, stages={}, artifacts={}),
    )
