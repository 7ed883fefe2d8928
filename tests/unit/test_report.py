"""report.json, as others read it."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fake_engine
import pytest
from pydantic import ValidationError

from pinlite.conversion import pipeline
from pinlite.options import resolve
from pinlite.schema.report import Report

IMAGES = {"torch-1.7.1", "onnx-1.8.0", "onnx-tf-1.7.0", "tensorflow-2.4.1", "tflite-2.14.0", "litert-2.3.0"}
SHA256 = re.compile(r"[0-9a-f]{64}")


@pytest.fixture
def text(engine, model_file):
    assert engine.requests == []
    pipeline.run(resolve({"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"}))
    return Path("out/report.json").read_text()


@pytest.fixture
def report(text):
    return json.loads(text)


def test_the_schema_comes_first_and_all_keys_are_there(report):
    assert list(report) == [
        "schema",
        "ok",
        "date",
        "machine",
        "engine",
        "source",
        "lowering",
        "tolerance",
        "seed",
        "opset",
        "exporter",
        "toolchain_name",
        "toolchain",
        "target",
        "runtimes",
        "signatures",
        "stages",
        "artifacts",
        "hops",
        "profiles",
        "lost",
        "variants",
        "failures",
        "warnings",
        "notes",
        "calibration",
        "training",
        "evaluation",
        "tuning",
        "versions",
        "lock",
    ]
    assert report["schema"] == "pinlite.report/2"
    assert (report["ok"], report["engine"], report["lowering"]) == (True, "fake", "nhwc")
    assert (report["tolerance"], report["seed"], report["opset"]) == (1e-4, 0, 12)


def test_a_toolchain_is_images_by_identity(report):
    assert set(report["toolchain"]) == IMAGES
    assert all(SHA256.fullmatch(identity) for identity in report["toolchain"].values())


def test_a_stage(report):
    assert list(report["stages"][0]) == ["name", "image", "source", "seconds", "peak_memory", "reason"]
    assert [(stage["name"], stage["image"]) for stage in report["stages"]] == [
        ("export", "torch-1.7.1"),
        ("check", "onnx-1.8.0"),
        ("translate", "onnx-tf-1.7.0"),
        ("run-onnxruntime", "onnx-1.8.0"),
        ("run-tensorflow", "onnx-tf-1.7.0"),
        ("convert", "tensorflow-2.4.1"),
        ("infer-tflite-2.14.0", "tflite-2.14.0"),
        ("infer-tensorflow-2.4.1", "tensorflow-2.4.1"),
        ("infer-litert-2.3.0", "litert-2.3.0"),
        ("time-tflite-2.14.0", "tflite-2.14.0"),
        ("time-tensorflow-2.4.1", "tensorflow-2.4.1"),
        ("time-litert-2.3.0", "litert-2.3.0"),
    ]
    assert all(0 <= stage["seconds"] < 10 for stage in report["stages"])


def test_an_artifact(report):
    assert {tuple(artifact) for artifact in report["artifacts"]} == {("role", "path", "sha256", "size")}
    assert {artifact["role"]: artifact["path"] for artifact in report["artifacts"]} == {
        "onnx": "model.onnx",
        "graph": "model.graph.txt",
        "operators": "operators.json",
        "saved_model": "saved_model",
        "samples": "samples.npz",
        "profiles": "profiles.npz",
        "tflite.float32": "model.float32.tflite",
    }
    assert all(SHA256.fullmatch(artifact["sha256"]) for artifact in report["artifacts"])


def test_a_hop(report):
    keys = [
        *("from", "to", "variant", "output", "profile", "max_abs_error", "max_rel_error", "cosine", "tolerance"),
        *("passed", "apart", "signature"),
    ]
    assert all(list(hop) == keys for hop in report["hops"])
    assert (report["hops"][0]["from"], report["hops"][0]["to"]) == ("torch", "onnxruntime")


def test_when_and_where_it_was_made(report):
    assert datetime.now(UTC) - datetime.fromisoformat(report["date"]) < timedelta(hours=1)
    assert report["machine"]["threads"] == len(os.sched_getaffinity(0))
    assert report["machine"]["processor"]


def test_a_variant(report):
    (variant,) = report["variants"]
    assert list(variant) == [
        *("name", "path", "sha256", "size", "inputs", "outputs", "parity", "cosine", "latency_ms", "ops"),
        *("select_tf", "comparison", "quantization", "macs", "parameters", "gzip_size", "beyond_calibration", "audit"),
        *("arena", "npu", "signature"),
    ]
    assert variant["gzip_size"] is None
    assert (variant["macs"], variant["parameters"]) == (1_250_000, 2_000)
    assert (variant["name"], variant["path"], variant["size"]) == ("float32", "model.float32.tflite", 2004)
    latency = {"median": 1.25, "min": 1.125, "threads": 1, "runs": 20}
    assert variant["latency_ms"] == {
        "tflite-runtime 2.14.0": latency,
        "tensorflow-cpu 2.4.1": latency,
        "ai-edge-litert 2.3.0": latency,
    }
    assert variant["inputs"] == [
        {
            "name": "image",
            "tensor": "image:0",
            "shape": [1, 3, 4, 4],
            "dtype": "float32",
            "layout": "nchw",
            "scale": None,
            "zero_point": None,
        }
    ]


def test_versions_are_those_that_each_image_ran_with(report):
    assert report["versions"]["litert-2.3.0"] == fake_engine.VERSIONS
    assert set(report["versions"]) == set(report["toolchain"])


def test_it_is_read_back_to_the_same_object(text):
    report = Report.model_validate_json(text)
    assert report.to_json() == text
    with pytest.raises(ValidationError):
        Report.model_validate_json(text.replace('"engine"', '"motor"'))


def test_nothing_of_this_machine_is_in_it_but_the_source_as_it_was_written(text, model_file, tmp_path):
    assert str(tmp_path) not in text.replace(str(model_file), "")
