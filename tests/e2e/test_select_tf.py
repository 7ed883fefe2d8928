"""Models that TFLite's own operators are not enough for."""

import json

from command import CASES, RUNTIMES

MODEL = (f"{CASES}/tiny.py:RunningSum", "--input", "x=1x3x6x6")


def test_select_tf_operators_come_in_by_themselves_are_named_and_run(pinlite, engine, report):
    ended = pinlite.succeeds("convert", *MODEL, "--engine", engine, "--out", "out")
    found = report(pinlite.here / "out")
    (variant,) = found["variants"]
    assert found["ok"]
    assert {"Cast", "Cumsum"} <= set(variant["select_tf"])
    assert variant["ops"]["FlexCumsum"] == variant["ops"]["CONV_2D"] == 1
    assert set(variant["parity"]) == set(variant["latency_ms"]) == {"tensorflow-cpu 2.4.1"}
    assert "Select-TF" in ended.out
    stages = {stage["name"]: stage for stage in found["stages"]}
    without = ("infer-tflite-2.14.0", "infer-litert-2.3.0")
    assert stages["infer-tensorflow-2.4.1"]["source"] == "ran"
    assert {stages[stage]["source"] for stage in without} == {"skipped"}
    assert all("Cumsum" in stages[stage]["reason"] for stage in without)
    builtin, selecting = variant["comparison"]
    assert "has no operator for Cast, Cumsum" in builtin["refusal"]
    assert builtin["size"] is builtin["latency_ms"] is None
    assert (selecting["sha256"], selecting["refusal"]) == (variant["sha256"], "")
    assert selecting["latency_ms"]["median"] > 0
    # The runtime of TFLite's operators is a few megabytes, TensorFlow hundreds.
    assert builtin["runtime"]["package"] == "tflite-runtime"
    assert 10 * builtin["runtime"]["size"] < selecting["runtime"]["size"]
    inspected = json.loads(pinlite.succeeds("inspect", "out/model.float32.tflite", "--engine", engine, "--json").out)
    (graph,) = inspected["found"]["graphs"]
    assert [graph["tensors"][at]["shape"] for at in graph["inputs"]] == [[1, 3, 6, 6]]
    assert "CUSTOM FlexCumsum 1" in inspected["unknown"]


def test_with_builtin_the_operators_are_refused_by_name(pinlite, any_engine):
    said = pinlite.refuses(3, "convert", *MODEL, "--ops", "builtin", "--engine", any_engine, "--out", "out")
    assert "translate: Cast (node " in said
    assert "--ops auto" in said
    assert not (pinlite.here / "out").exists()


def test_select_tf_from_the_start_keeps_what_tflite_has(pinlite, any_engine, report):
    small = (f"{CASES}/tiny.py:Filter", "--input", "x=1x3x8x8")
    pinlite.succeeds("convert", *small, "--ops", "select-tf", "--engine", any_engine, "--out", "out")
    (variant,) = report(pinlite.here / "out")["variants"]
    assert variant["select_tf"] == []
    assert [found["sha256"] for found in variant["comparison"]] == [variant["sha256"]] * 2
    assert all(found["latency_ms"]["runs"] == 20 for found in variant["comparison"])
    assert set(variant["latency_ms"]) == set(RUNTIMES)
