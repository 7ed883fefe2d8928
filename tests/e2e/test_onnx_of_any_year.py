"""ONNX files that the stages of 2020 can't read, adapted to them."""

import pytest
from command import RUNTIMES
from conftest import made

INPUT = ("--input", "image=1x3x8x8")
REFERENCE = "onnxruntime-1.32.0"
# A step of what quantized.onnx computes, and a little for the float that it is told in.
Y_STEP = 0.05 * 1.001


@pytest.fixture(scope="session")
def newer(environments, tmp_path_factory):
    """What make_newer_onnx.py writes."""
    return made("make_newer_onnx.py", environments["onnx-adapt"], tmp_path_factory.mktemp("newer"))


def test_a_file_of_today_is_compared_with_todays_runtime(newer, engine, converted, report):
    found = report(converted(newer / "model.onnx", *INPUT, "--engine", engine))
    assert found["ok"]
    assert {hop["from"] for hop in found["hops"]} == {REFERENCE}
    assert {hop["to"] for hop in found["hops"]} == {"onnxruntime", "tensorflow", *RUNTIMES}
    assert [tensor["shape"] for tensor in found["variants"][0]["outputs"]] == [[1, 4], [1, 8]]
    given = found["lock"]["inputs"]
    assert {path.rpartition("/")[2] for path in given} == {"model.onnx", "model.data"}


def test_weights_in_another_file_give_the_same_bytes(newer, any_engine, converted):
    apart, whole = (converted(newer / name, *INPUT, "--engine", any_engine) for name in ("model.onnx", "whole.onnx"))
    for name in ("model.onnx", "model.float32.tflite", "samples.npz"):
        assert (apart / name).read_bytes() == (whole / name).read_bytes()


def test_a_batch_stays_open(newer, any_engine, converted, report):
    found = report(converted(newer / "whole.onnx", *INPUT, "--dynamic-batch", "--engine", any_engine))
    assert found["ok"]
    assert [tensor["shape"] for tensor in found["variants"][0]["outputs"]] == [[None, 4], [None, 8]]
    assert f"{RUNTIMES[0]} at batch 5" in {hop["to"] for hop in found["hops"]}


def test_a_part_of_a_model_is_converted_alone(newer, pinlite, any_engine, report):
    cut = ("--from-tensor", "pooled", "--to-tensor", "bent", "--input", "pooled=1x8")
    pinlite.succeeds("convert", newer / "model.onnx", *cut, "--engine", any_engine, "--out", "out")
    (variant,) = report(pinlite.here / "out")["variants"]
    assert [tensor["name"] for tensor in (*variant["inputs"], *variant["outputs"])] == ["pooled", "bent"]


def test_a_quantized_model_keeps_its_integers(newer, any_engine, converted, report):
    found = report(converted(newer / "quantized.onnx", "--engine", any_engine))
    (variant,) = found["variants"]
    assert variant["name"] == "int8"
    hops = [
        hop for hop in found["hops"] if hop["variant"] == "int8" and not hop["profile"] and hop["from"] == REFERENCE
    ]
    assert {hop["to"] for hop in hops} == set(RUNTIMES)
    assert all(hop["max_abs_error"] <= Y_STEP for hop in hops)


def test_a_quantized_model_becomes_one_of_floats(newer, any_engine, converted, report):
    found = report(converted(newer / "quantized.onnx", "--dequantize", "--engine", any_engine))
    assert [variant["name"] for variant in found["variants"]] == ["float32"]
    assert found["ok"]
    assert not any("QUANT" in operator for operator in found["variants"][0]["ops"])


def test_a_toolchain_without_the_stage_refuses(newer, pinlite, any_engine):
    arguments = ("convert", newer / "whole.onnx", *INPUT, "--toolchain", "2021", "--engine", any_engine)
    assert "the model is of opset 21, onnx 1.8.0 knows 13 at most" in pinlite.refuses(3, *arguments)


def test_weights_that_are_not_there_are_named(newer, pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "model.onnx").write_bytes((newer / "model.onnx").read_bytes())
    said = pinlite.refuses(2, "convert", "model.onnx", *INPUT, "--engine", any_engine)
    assert "model.onnx keeps tensors in 'weights/model.data', and there is no such file" in said
