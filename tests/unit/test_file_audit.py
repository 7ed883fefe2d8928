"""audit: what is made of a stage's answer about a TFLite file, for the runtimes that are asked for."""

import json
from pathlib import Path

import fake_engine
import pytest

import pinlite
from pinlite.auditing import file_audit, operator_versions
from pinlite.errors import UsageError


@pytest.fixture
def file():
    path = Path("x.tflite")
    path.write_bytes(b"TFL3 x")
    return path


def answering(**changed):
    return lambda call: fake_engine.audit(call) | changed


def finding(wrong):
    return {"kind": "bias", "where": "CONV_2D 0 input 2", "what": "zero point 1", "tensor": "b", "wrong": wrong}


def off(steps):
    return {"where": "CONV_2D 3", "tensor": "conv", "type": "int8", "steps": steps, "allowed": 1, "share": 0.5}


def test_a_right_file_passes_wherever_its_faults_are_not_asked_for(engine, file, command):
    report = pinlite.audit(file)
    (request,) = engine.requests
    assert (request.operation, set(request.inputs)) == ("audit", {"model"})
    assert report.failures == ()
    assert report.least == "2.9"
    assert [(need.operator, need.release) for need in report.needs] == [("GELU", "2.9"), ("LOGISTIC", "1.14")]
    assert [(fault.operator, fault.since, fault.right) for fault in report.faults] == [("LOGISTIC", "2.4", "2.5.3")]
    status, out, _ = command("audit", str(file))
    assert status == 0
    assert "2 checked, 0 unchecked" in out
    assert "least runtime: that of TensorFlow 2.9, for GELU 1" in out
    assert "x.tflite passes" in out


def test_samples_go_to_the_stage(engine, file):
    fake_engine.write(Path("x.npz"), fake_engine.SAMPLES)
    file_audit.audit(file, Path("x.npz"))
    (request,) = engine.requests
    assert set(request.inputs) == {"model", "samples"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--runtime", "tensorflow-cpu==2.4.1"), "tensorflow-cpu 2.4.1 computes LOGISTIC of int16 wrongly"),
        (("--runtime", "tflite-runtime 2.8.0"), "1 operator(s) are newer: GELU 1 of 2.9 (tflite-runtime 2.8.0)"),
        (("--target", "micro"), "1 operator(s) have no kernel in tflite-micro: GELU"),
        (("--target", "tflite-2.4"), "tensorflow 2.4 computes LOGISTIC of int16 wrongly"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_a_file_fails_for_a_runtime_that_computes_it_wrongly_or_lacks_an_operator(file, command, options, words):
    status, out, err = command("audit", str(file), *options)
    assert (status, "passes" in out) == (7, False)
    assert words in err


@pytest.mark.usefixtures("engine")
def test_a_newer_runtime_is_right(file, command):
    assert command("audit", str(file), "--runtime", "tflite-runtime==2.14.0")[0] == 0
    assert command("audit", str(file), "--runtime", "ai-edge-litert==2.3.0")[0] == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"findings": [finding(wrong=True)], "counts": {"bias": 1}, "wrong": 1}, "CONV_2D 0 input 2: zero point 1"),
        (
            {"computed": fake_engine.audit(None)["computed"] | {"off": [off(3), off(1)]}},
            "1 operator(s) are off: CONV_2D 3 (conv) by 3 steps, 1 allowed",
        ),
    ],
)
def test_a_file_that_is_wrong_inside_fails_anywhere(engine, file, command, changed, words):
    engine.programs["audit"] = answering(**changed)
    status, out, err = command("audit", str(file))
    assert (status, words in err) == (7, True)
    assert "CONV_2D" in out
    status, out, _ = command("audit", str(file), "--json")
    assert (status, words in json.loads(out)["failures"][0]) == (7, True)


def test_what_is_only_told_does_not_fail(engine, file, command):
    engine.programs["audit"] = answering(
        findings=[finding(wrong=False)], counts={"bias": 1}, computed=None, not_run="the runtime has no Mine"
    )
    status, out, _ = command("audit", str(file))
    assert (status, "not run: the runtime has no Mine" in out) == (0, True)


@pytest.mark.usefixtures("engine")
def test_a_target_that_there_is_not_and_a_runtime_without_version_are_refused(file):
    with pytest.raises(UsageError, match="no target 'mine'") as caught:
        file_audit.audit(file, target="mine")
    assert "tflite-2.4" in caught.value.hint
    with pytest.raises(UsageError, match="has no version"):
        file_audit.audit(file, runtime="tflite-runtime")


def test_the_table_of_versions_knows_operators_by_version():
    assert operator_versions.first("CONV_2D", 5) == "2.4"
    assert operator_versions.first("BROADCAST_TO", 1) == ""
    assert operator_versions.first("CONV_2D", 99) == operator_versions.first("CUSTOM Mine", 1) == ""
    assert operator_versions.least(iter(("1.14", "2.10", "2.9", ""))) == "2.10"
