"""The examples: the models that the README promises, by the numbers."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from command import EXAMPLES, RUNTIMES
from held import STAGES
from recipes import from_pytorch

MOBILENET = (f"{EXAMPLES}/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224")
RESNET = (f"{EXAMPLES}/resnet18.py:resnet18", "--input", "input=1x3x224x224")
ALL = ["onnxruntime", "tensorflow", *RUNTIMES]
ARTIFACTS = {
    "onnx": "model.onnx",
    "graph": "model.graph.txt",
    "operators": "operators.json",
    "saved_model": "saved_model",
    "samples": "samples.npz",
    "profiles": "profiles.npz",
    "tflite.float32": "model.float32.tflite",
}
DOCUMENTS = ["report.json", "sbom.json", "provenance.json", "provenance.json.sha256"]
KEYS = {
    "": [
        *(
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
        ),
        *("toolchain", "target", "runtimes", "signatures", "stages"),
        *("artifacts", "hops", "profiles", "lost", "variants", "failures", "warnings", "notes", "calibration"),
        "training",
        *("evaluation", "tuning", "versions", "lock"),
    ],
    "runtimes": ["name", "package", "version", "image", "required", "platform", "emulator"],
    "stages": ["name", "image", "source", "seconds", "peak_memory", "reason"],
    "artifacts": ["role", "path", "sha256", "size"],
    "hops": [
        *("from", "to", "variant", "output", "profile", "max_abs_error", "max_rel_error", "cosine", "tolerance"),
        *("passed", "apart", "signature"),
    ],
    "profiles": ["name", "left_out", "signature"],
    "variants": [
        *("name", "path", "sha256", "size", "inputs", "outputs", "parity", "cosine", "latency_ms", "ops"),
        *("select_tf", "comparison", "quantization", "macs", "parameters", "gzip_size", "beyond_calibration", "audit"),
        *("arena", "npu", "signature"),
    ],
}


@pytest.fixture(scope="session")
def mobilenet(converted):
    return lambda engine, run=1: converted(*MOBILENET, "--engine", engine, run=run)


def test_mobilenet_v2_is_equal_in_every_runtime(mobilenet, engine, report):
    found = report(mobilenet(engine))
    assert found["ok"]
    assert found["engine"] == engine
    assert found["source"] == MOBILENET[0]
    assert [(stage["name"], stage["source"]) for stage in found["stages"]] == [(name, "ran") for name in STAGES]
    hops = [hop for hop in found["hops"] if not hop["profile"]]
    assert [(hop["from"], hop["to"], hop["output"]) for hop in hops] == [
        ("torch", runtime, "output") for runtime in ALL
    ]
    assert all(hop["passed"] and hop["max_rel_error"] <= 1e-4 and hop["cosine"] > 0.9999 for hop in hops)
    assert [profile["name"] for profile in found["profiles"]] == ["normal", "zeros", "ties", "large"]


def test_the_report_of_mobilenet_v2_is_of_the_schema(mobilenet, engine, report):
    found = report(mobilenet(engine))
    assert found["schema"] == "pinlite.report/2"
    assert list(found) == KEYS[""]
    for part in ("runtimes", "stages", "artifacts", "hops", "profiles", "variants"):
        assert all(list(entry) == KEYS[part] for entry in found[part])
    images = [recipe.name for recipe in from_pytorch()]
    assert sorted(found["toolchain"]) == sorted(found["versions"]) == sorted(images)
    versions = {name: version for image in images for name, version in found["versions"][image].items()}
    pins = {"torch": "1.7.1", "torchvision": "0.8.2", "onnx": "1.8.0", "onnxruntime": "1.6.0", "onnx-tf": "1.7.0"}
    pins |= {"tensorflow-cpu": "2.4.1", "tflite-runtime": "2.14.0", "ai-edge-litert": "2.3.0"}
    assert versions | pins == versions


def test_the_report_says_what_mobilenet_v2_costs_when_and_where(mobilenet, engine, report):
    found = report(mobilenet(engine))
    # As its authors count them. Of its 3,504,872 numbers BatchNorm's become a bias for each of 17,056 channels, and the
    # 1,000 biases of the last layer are zeros.
    assert found["variants"][0]["macs"] == 300_774_272
    assert found["variants"][0]["parameters"] == 3_504_872 - 2 * 17_056 + 17_056 - 1_000
    assert abs(datetime.now(UTC) - datetime.fromisoformat(found["date"])) < timedelta(hours=24)
    assert found["machine"]["threads"] == len(os.sched_getaffinity(0))
    assert found["machine"]["processor"]


def test_what_the_report_says_of_the_files_of_mobilenet_v2_is_true(mobilenet, engine, report):
    out = mobilenet(engine)
    found = report(out)
    assert {path.name for path in out.iterdir()} == {*ARTIFACTS.values(), *DOCUMENTS}
    artifacts = {artifact["path"]: artifact for artifact in found["artifacts"]}
    assert {artifact["role"]: path for path, artifact in artifacts.items()} == ARTIFACTS
    for path, artifact in artifacts.items():
        file = out / path
        if file.is_file():
            assert artifact["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        files = [file] if file.is_file() else [inner for inner in file.rglob("*") if inner.is_file()]
        assert artifact["size"] == sum(inner.stat().st_size for inner in files)
    (variant,) = found["variants"]
    tflite = artifacts["model.float32.tflite"]
    assert (variant["path"], variant["sha256"], variant["size"]) == (tflite["path"], tflite["sha256"], tflite["size"])


def test_the_tflite_file_of_mobilenet_v2_has_its_names_and_operators(mobilenet, engine, report):
    (variant,) = report(mobilenet(engine))["variants"]
    assert [(tensor["name"], tensor["shape"]) for tensor in variant["inputs"]] == [("input", [1, 3, 224, 224])]
    assert [(tensor["name"], tensor["shape"]) for tensor in variant["outputs"]] == [("output", [1, 1000])]
    assert (variant["ops"]["CONV_2D"], variant["ops"]["DEPTHWISE_CONV_2D"]) == (35, 17)
    assert sorted(variant["parity"]) == sorted(variant["latency_ms"]) == sorted(RUNTIMES)
    for latency in variant["latency_ms"].values():
        assert 0 < latency["min"] <= latency["median"]
        assert latency["threads"] == 1


def test_mobilenet_v2_becomes_the_same_bytes_in_both_engines_and_in_two_runs(mobilenet, engine):
    reference = mobilenet("venv")
    again = mobilenet(engine, run=2 if engine == "venv" else 1)
    assert reference != again
    for name in ("model.onnx", "model.float32.tflite", "saved_model/saved_model.pb", "model.graph.txt", "samples.npz"):
        assert (again / name).read_bytes() == (reference / name).read_bytes(), name


def test_mobilenet_v2_computes_something_that_an_error_would_show_in(mobilenet, engine, pinlite):
    out = mobilenet(engine)
    model, samples = out / "model.float32.tflite", out / "samples.npz"
    pinlite.succeeds("run", model, "--samples", samples, "--out", "y.npz", "--engine", engine)
    with np.load(pinlite.here / "y.npz") as outputs:
        (output,) = outputs.values()
    assert np.abs(output).max() > 1e-2
    assert output.std() > 1e-2


def test_resnet18_is_equal_in_every_runtime(converted, any_engine, report):
    found = report(converted(*RESNET, "--engine", any_engine))
    assert found["ok"]
    hops = [hop for hop in found["hops"] if not hop["profile"]]
    assert [hop["to"] for hop in hops] == ALL
    assert all(hop["max_rel_error"] <= 1e-4 for hop in hops)
    # Two convolutions in each of 8 blocks, one in each of 3 shortcuts, and the first.
    assert found["variants"][0]["ops"]["CONV_2D"] == 20
