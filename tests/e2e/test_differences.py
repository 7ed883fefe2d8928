"""Two TFLite files told apart: ``pinlite diff``."""

import json

import pytest
from command import NETWORK


@pytest.fixture
def variants(converted, any_engine):
    """The small network as float32 and as float16."""
    return converted(*NETWORK, "--variant", "float32", "--variant", "float16", "--engine", any_engine)


@pytest.fixture
def stock(converted, any_engine):
    """The same as onnx-tf lowers it: by other names."""
    return converted(*NETWORK, "--lowering", "stock", "--engine", any_engine)


def test_what_two_variants_differ_in(pinlite, engine, variants):
    files = [variants / f"model.{name}.tflite" for name in ("float32", "float16")]
    samples = ("--samples", variants / "samples.npz", "--engine", engine)
    ended = pinlite("diff", *files, *samples)
    assert ended.status == 9
    assert "DEQUANTIZE" in ended.out
    assert "float32 -> float16" in ended.out
    assert "weights equal but for" in ended.err
    assert "within one step" in ended.err
    assert "hint: --json" in ended.err
    report = json.loads(pinlite("diff", *files, *samples, "--json").out)
    found = report["found"]
    assert {each["kind"] for each in found["differences"]} >= {"operators", "types", "weights"}
    assert {each["where"].split()[0] for each in found["differences"] if each["kind"] == "operators"} == {"DEQUANTIZE"}
    assert set(found["weights"]) <= {"equal", "within a step"}
    (output,) = report["outputs"]
    assert output["output"] == "output"
    assert 0 < output["max_rel_error"] < 0.02


def test_other_names_and_the_same_weights(pinlite, any_engine, network, stock):
    files = [folder / "model.float32.tflite" for folder in (network, stock)]
    ended = pinlite("diff", *files, "--engine", any_engine, "--samples", network / "samples.npz", "--json")
    report = json.loads(ended.out)
    assert ended.status == 9
    assert report["found"]["names"]["differing"] > 0
    assert report["found"]["weights"]["equal"] > 0
    (output,) = report["outputs"]
    assert output["max_rel_error"] < 1e-4


@pytest.fixture
def written(pinlite):
    """Writes a file where the command runs."""
    pinlite.here.mkdir()

    def write(name, content):
        (pinlite.here / name).write_bytes(content)
        return name

    return write


def test_the_same_bytes(pinlite, any_engine, network, written):
    file = network / "model.float32.tflite"
    copy = written("copy.tflite", file.read_bytes())
    assert "have the same bytes" in pinlite.succeeds("diff", file, copy, "--engine", any_engine).out


def test_bytes_that_nothing_refers_to(pinlite, any_engine, network, written):
    file = network / "model.float32.tflite"
    longer = written("longer.tflite", file.read_bytes() + bytes(16))
    ended = pinlite("diff", file, longer, "--engine", any_engine)
    assert ended.status == 9
    assert "holds the same, laid out in another way" in ended.out


def test_what_is_no_tflite_file_is_refused(pinlite, any_engine, network, written):
    file = network / "model.float32.tflite"
    for name, content, words in (
        ("garbage.tflite", b"\x08garbage" * 50, "the other file: this is no TFLite file"),
        ("cut.tflite", file.read_bytes()[:2000], "the other file: this TFLite file is damaged"),
    ):
        assert words in pinlite.refuses(2, "diff", file, written(name, content), "--engine", any_engine)


def test_samples_that_do_not_fit_are_refused(pinlite, any_engine, network, checkpoints, written):
    file = network / "model.float32.tflite"
    longer = written("longer.tflite", file.read_bytes() + bytes(16))
    options = ("--samples", checkpoints / "misnamed.npz", "--engine", any_engine)
    assert "the samples are named picture" in pinlite.refuses(2, "diff", file, longer, *options)
