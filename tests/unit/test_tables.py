"""What people read of a report."""

import io

import pytest
from made_report import hop
from rich.console import Console

from pinlite.schema.debug import DebugReport, Layer
from pinlite.schema.report import (
    CalibrationReport,
    Failure,
    Latency,
    Lost,
    Machine,
    OperatorSet,
    Quantization,
    RuntimeSize,
)
from pinlite.ui import tables
from pinlite.units import bytes_


def shown(report, width=80, **console):
    text = io.StringIO()
    tables.show(report, "build/mobilenet_v2", Console(file=text, width=width, **console))
    return text.getvalue()


def row(text, *cells):
    """The line that starts with these cells, and has nothing but blanks between them."""
    lines = [line.split() for line in text.splitlines()]
    wanted = " ".join(cells).split()
    assert wanted in [line[: len(wanted)] for line in lines], f"{wanted} is no line of\n{text}"


def test_each_figure_stands_in_the_line_of_what_it_is_about(report):
    text = shown(report)
    row(text, "export", "torch-1.7.1-with", "ran", "3.46", "612.00 MB")
    row(text, "translate", "onnx-tf-1.7.0", "skipped")
    row(text, "infer-tensorflow-2.4.1", "tensorflow-2.4.1", "ran", "0.50", "999 B")
    row(text, "model.onnx", "13.99 MB", "0123456789abcdef")
    row(text, "model.float32.tflite", "1.50 GB", "ffffffffffffffff")
    row(
        text,
        "float32",
        "1.50 GB",
        "tflite-runtime 2.14.0, 1 thread",
        "12.34 ms",
        "11.50 ms",
    )
    row(text, "float32", "1.50 GB", "tensorflow-cpu 2.4.1, 4 threads", "45.60 ms", "44.25 ms")


def test_what_a_file_costs_and_where_it_ran_is_told_where_it_is_known(report):
    assert "multiply-adds" not in shown(report)
    (variant,) = report.variants
    known = variant.model_copy(update={"macs": 300_774_272, "parameters": 3_486_816})
    machine = Machine(processor="A Processor of [many] words", threads=8)
    update = {"variants": (known,), "date": "2026-11-30T08:04:35Z", "machine": machine}
    lines = shown(report.model_copy(update=update)).splitlines()
    assert "float32: 300.77 M multiply-adds, 3.49 M parameters" in lines
    assert lines[-2] == "2026-11-30T08:04:35Z on A Processor of [many] words, 8 threads"


def test_select_tf_operators_are_named(report):
    assert "Select-TF" not in shown(report)
    (variant,) = report.variants
    selected = report.model_copy(update={"variants": (variant.model_copy(update={"select_tf": ("Cast", "Sub")}),)})
    assert "float32 needs a runtime with TensorFlow's operators (Select-TF): Cast, Sub" in shown(selected, width=200)


def test_operators_are_compared_with_and_without_tensorflows(report):
    variant, *_ = report.variants
    builtin, select_tf = (
        RuntimeSize(package=package, version="1.2", libraries=1, size=size)
        for package, size in (("tflite-runtime", 6_860_496), ("tensorflow-cpu", 431_443_944))
    )
    timed = {"size": 3900, "sha256": "0" * 64, "latency_ms": Latency(median=12.5, min=12.25, threads=1, runs=30)}
    compared = (
        OperatorSet(ops="builtin", runtime=builtin, refusal="the TFLite converter has no operator for Cast"),
        OperatorSet(ops="select-tf", runtime=select_tf, **timed),
    )
    text = shown(
        report.model_copy(update={"variants": (variant.model_copy(update={"comparison": compared}),)}), width=200
    )
    lines = [line.split() for line in text.splitlines()]
    assert ["float32", "builtin", "refused", "-", "tflite-runtime", "1.2", "6.86", "MB"] in lines
    assert ["float32", "select-tf", "3.90", "kB", "12.50", "ms", "tensorflow-cpu", "1.2", "431.44", "MB"] in lines
    assert "float32 of builtin is refused: the TFLite converter has no operator for Cast" in text


def test_a_hop_shows_its_worst_output(report):
    text = shown(report)
    row(text, "onnxruntime", "2.50e-06", "2.50e-06", "1.0000000", "equal")
    row(text, "tflite-runtime 2.14.0 float32", "-", "-", "1.0000000", "differs in boxes")
    assert "2 output(s)" in text


def test_hops_are_a_table_for_each_origin(quantized):
    lines = shown(quantized, width=120).splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("hops from ")]
    assert [lines[at].partition(",")[0] for at in starts] == ["hops from torch", "hops from tflite-runtime 2.14.0"]
    below = [lines[at + 2].split()[:3] for at in starts]
    assert below == [["tflite-runtime", "2.14.0", "int8"], ["tensorflow-cpu", "2.4.1", "int8-only"]]
    assert {tuple(lines[at + 1].split()) for at in starts} == {("to", "variant", "absolute", "relative", "cosine")}


def test_a_hop_is_one_row_whatever_it_was_compared_on(report):
    equal = hop("onnxruntime", "scores", 1e-6)
    worst = hop("onnxruntime", "scores", 1e-5, profile="ties")
    told = hop("onnxruntime", "scores", 0.5, tolerance=None, profile="large")
    text = shown(report.model_copy(update={"hops": (equal, worst, told)}))
    row(text, "onnxruntime", "1.00e-05", "1.00e-05", "1.0000000", "equal on ties")
    assert "5.00e-01" not in text
    assert "equal to the reference within 0.0001" in text
    wrong = hop("onnxruntime", "scores", 1e-3, passed=False, profile="zeros")
    text = shown(report.model_copy(update={"ok": False, "hops": (equal, worst, wrong)}))
    row(text, "onnxruntime", "1.00e-03", "1.00e-03", "1.0000000", "differs on zeros")


def test_what_is_lost_is_the_verdict(report):
    lost = Lost(
        variant="int8", output="y", axis=1, channels=(4, 5), size=6, spread=0.5, scale=2, profile=None, failed=True
    )
    equal = (hop("onnxruntime", "scores", 1e-6),)
    text = shown(report.model_copy(update={"ok": False, "hops": equal, "lost": (lost,)}))
    assert text.endswith("build/mobilenet_v2: outputs are lost in int8\n")


def test_a_variant_that_is_not_judged_says_why(quantized):
    assert "not judged" not in shown(quantized)
    float32, int8 = quantized.variants
    int8 = int8.model_copy(update={"beyond_calibration": ("samples", "large")})
    text = shown(quantized.model_copy(update={"variants": (float32, int8)}))
    assert "int8 is not judged: the samples lie beyond its calibration" in text


def test_operators_are_counted_most_frequent_first(report):
    assert "float32 operators: 35 CONV_2D, 17 DEPTHWISE_CONV_2D, 10 ADD, 1 FULLY_CONNECTED, 1 MEAN" in " ".join(
        shown(report).split()
    )


@pytest.fixture
def quantized(report):
    """A report of all variants that failed or are of integers."""
    (float32,) = report.variants
    latency = {"tflite-runtime 2.14.0": Latency(median=3.0, min=2.0, threads=1, runs=30)}
    integers = Quantization(tensors=110, per_channel=52, float_operators={"FLOOR": 2, "ABS": 1})
    int8 = float32.model_copy(update={"name": "int8", "latency_ms": latency, "quantization": integers})
    hops = (
        hop("tflite-runtime 2.14.0", "y", 2e-2, variant="int8", tolerance=None),
        hop("tensorflow-cpu 2.4.1", "y", 1e-2, variant="int8-only", tolerance=0.1, origin="tflite-runtime 2.14.0"),
    )
    calibration = CalibrationReport(source="photos", samples=12, preparation="12 images as RGB")
    return report.model_copy(update={"variants": (float32, int8), "hops": hops, "calibration": calibration})


def test_a_quantized_variant_shows_what_is_judged_and_what_is_in_floats(quantized):
    text = shown(quantized)
    row(text, "tflite-runtime 2.14.0 int8", "2.00e-02", "2.00e-02", "1.0000000", "reported")
    row(text, "tensorflow-cpu 2.4.1 int8-only", "1.00e-02", "1.00e-02", "1.0000000", "< 0.1")
    row(text, "int8", "1.50 GB", "tflite-runtime 2.14.0, 1 thread", "3.00 ms", "2.00 ms")
    row(text, "int8", "1.50 GB", "tensorflow-cpu 2.4.1", "-", "-")
    (_, int8) = quantized.variants
    dynamic = quantized.model_copy(update={"variants": (int8.model_copy(update={"name": "dynamic"}),)})
    assert "in floats" not in shown(dynamic)
    assert "110 tensors quantized, 52 of them by channel; in floats: 2 FLOOR, 1 ABS" in " ".join(text.split())
    assert "calibrated on 12 samples of photos (12 images as RGB)" in text
    assert text.endswith("build/mobilenet_v2: compared with the reference, see the hops\n")
    assert max(map(len, text.splitlines()[:-1])) <= 80


def test_a_variant_that_failed_is_named_last(quantized):
    failure = Failure(
        variant="int8-only",
        stage="convert-int8-only",
        code="model",
        exit_status=3,
        message="FLOOR computes in floats",
        hint="",
    )
    text = shown(quantized.model_copy(update={"ok": False, "failures": (failure,)}))
    assert "int8-only failed: convert-int8-only: FLOOR computes in floats" in text
    assert text.endswith("build/mobilenet_v2: without int8-only\n")


def test_the_last_line_is_the_verdict_and_holds_paths_whole(report):
    last = shown(report).splitlines()[-1]
    assert last == f"{report.source} -> build/mobilenet_v2: equal to the reference within 0.0001"
    failed = report.model_copy(update={"ok": False})
    assert shown(failed).endswith("build/mobilenet_v2: differs by more than 0.0001\n")


def test_80_columns_hold_every_table_and_no_colour_is_needed(report):
    text = shown(report)
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert "\x1b" not in text
    assert "…" not in text


def test_a_terminal_gets_colour(report):
    assert "\x1b[" in shown(report, force_terminal=True, color_system="standard")


def test_names_of_the_users_are_not_taken_for_markup(report):
    hops = (hop("onnxruntime", "[red]y[/]", 1.0, passed=False),)
    text = shown(report.model_copy(update={"hops": hops, "source": "[bold]a.py:b"}))
    assert "differs in [red]y[/]" in text
    assert "[bold]a.py:b" in text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_234_567, "1.23 MB"), (5 * 10**9, "5.00 GB")]
)
def test_sizes(size, text):
    assert bytes_(size) == text


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_breaks_names_of_layers_and_no_figure(width):
    errors = {"torch": 2.1e-5, "tensorflow": 1.7e-5, "float32": 1.9e-5, "int8": 0.501}
    layer = Layer(
        name="/features/features.17/conv/conv.1/Clip",
        operator="ReduceMean",
        value="x",
        includes=("/features/features.17/conv/conv.1/Conv",),
        errors=errors,
        added=-0.0651,
        module="features.17.conv.1.2",
    )
    report = DebugReport(source="net.py:build", variant="int8", torch={}, layers=(layer,))
    text = io.StringIO()
    tables.show_layers(report, 1, Console(file=text, width=width))
    assert "\u2026" not in text.getvalue()
    rows = [line.split()[-5:] for line in text.getvalue().splitlines()]
    assert ["0.0021", "0.0017", "0.0019", "50", "-6.51"] in rows
    assert tables.all_layers(report).splitlines()[2].split() == [
        *(layer.name, layer.module, layer.operator, *layer.includes),
        *("0.0021", "0.0017", "0.0019", "50", "-6.51"),
    ]
