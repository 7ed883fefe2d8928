"""Scores on labelled samples, from the options to the report."""

import io
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from fake_engine import RefusalError
from rich.console import Console

from pinlite.conversion import pipeline, scoring
from pinlite.errors import ScoreError, UsageError
from pinlite.options import resolve
from pinlite.schema.recipe import Metric, Source
from pinlite.ui import tables

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])
RUNTIMES = [
    *(("torch", None), ("onnxruntime", None), ("tensorflow", None)),
    *((runtime, variant) for variant in ("float32", "float16") for runtime in fake_engine.RUNTIMES),
]


def score(name, outputs, labels):
    return scoring.score(Metric(name=name), {"scores": np.asarray(outputs), "other": np.zeros(1)}, np.array(labels))


@pytest.fixture
def asked(model_file):
    Path("data.py").write_text("import reading\ndef labelled(data): ...\ndef loss(outputs, labels): ...\n")
    Path("reading.py").touch()
    Path("digits.npz").write_text("digits")
    return {
        "source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out", "variant": ["float32", "float16"],
        "evaluate": "data.py:labelled", "data": "digits.npz",
    }  # fmt: skip


def test_top_k_counts_labels_among_the_largest():
    assert score("top-1", SCORES, [1, 0, 0, 0]) == 0.75
    assert score("top-2", SCORES, [1, 2, 0, 1]) == 1.0
    assert score("top-2", SCORES.reshape(4, 1, 3), [0, 1, 1, 2]) == 0.0
    # Of equal ones the first is the larger.
    assert score("top-1", SCORES[3:], [1]) == 0.0
    assert score("top-9", SCORES, [0, 0, 0, 0]) == 1.0


def test_mean_squared_error():
    assert score("mse", [[[1.0, 2.0]], [[3.0, 4.0]]], [[1, 2], [3, 2]]) == 1.0
    assert score("mse", [[1.5], [2.5]], [1, 2]) == 0.25


@pytest.mark.parametrize(
    ("name", "outputs", "labels", "says"),
    [
        ("top-1", SCORES, [0, 1, 2, 3], "top-1 needs labels that are classes of output 'scores', below 3"),
        ("top-1", SCORES, [0, 1, 2, -1], "needs labels that are classes"),
        ("top-1", SCORES, [0.0, 1.0, 2.0, 1.0], "needs labels that are classes"),
        ("mse", SCORES, [0, 1, 2, 1], "a label has 1 numbers, output 'scores' 3"),
    ],
)
def test_labels_that_do_not_fit(name, outputs, labels, says):
    with pytest.raises(UsageError, match=says) as caught:
        score(name, outputs, labels)
    assert "yield" in caught.value.hint


def test_labels_decide_on_the_metric():
    assert scoring.metrics((), np.array([1, 2])) == (Metric(name="top-1"),)
    assert scoring.metrics((), np.array([1.0, 2.0])) == (Metric(name="mse"),)
    assert scoring.metrics((), np.array([[1], [2]])) == (Metric(name="mse"),)


def test_every_runtime_and_variant_is_scored_beside_torch(engine, asked):
    with pytest.raises(ScoreError) as caught:
        pipeline.run(resolve(asked | {"metric": ["top-1", "data.py:loss", "top-5"]}))
    report = caught.value.report
    found = report.evaluation
    assert found is not None
    assert (found.source, found.samples) == ("data.py:labelled", 3)
    assert [(entry.runtime, entry.variant) for entry in found.scores] == RUNTIMES
    assert [entry.scores for entry in found.scores] == [
        {"top-1": 1.0, "loss": at + 0.5, "top-5": 1.0} for at in range(len(RUNTIMES))
    ]
    gather, *others = engine.requests
    metric = next(each for each in others if "metrics" in each.parameters)
    assert gather.parameters == {
        "module": "data",
        "callable": "labelled",
        "inputs": [{"name": "image", "shape": [1, 3, 4, 4], "dtype": "float32"}],
        "seed": 0,
    }
    asked_of = {"metrics": [{"module": "data", "callable": "loss"}], "outputs": len(RUNTIMES), "seed": 0}
    assert metric.parameters == asked_of
    text = io.StringIO()
    tables.show(report, "out", Console(file=text, width=80))
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert ["torch", "1.0000", "0.5000", "1.0000"] in lines
    last = f"{RUNTIMES[-1][0]} float16 1.0000 {len(RUNTIMES) - 0.5:.4f} 1.0000"
    assert last.split() in lines


@pytest.mark.usefixtures("engine")
def test_a_score_that_falls_ends_the_run_and_everything_is_kept(asked):
    """The metric of the fake engine is another one in each runtime."""
    with pytest.raises(ScoreError) as caught:
        pipeline.run(resolve(asked | {"metric": ["top-1", "data.py:loss"], "loss": "50%"}))
    error, found = caught.value, caught.value.report.evaluation
    assert error.exit_status == 7
    last = RUNTIMES[-1][0]
    lost = f"a loss of {(len(RUNTIMES) - 1) * 200:.2f}%, where --loss is 50.00%"
    assert error.message == f"{last} (float16) scores {len(RUNTIMES) - 0.5:g} in loss, torch 0.5: {lost}"
    assert "--qat" in error.hint
    # Nothing of it is calibrated.
    assert "--equalize" not in error.hint
    assert not error.report.ok
    assert Path("out/model.float16.tflite").exists()
    assert found.loss == 0.5
    assert {(each.runtime, each.variant, each.metric) for each in found.fallen} == {
        (runtime, variant, "loss") for runtime, variant in RUNTIMES if variant
    }


@pytest.mark.parametrize(
    ("metric", "reference", "found", "variance", "lost"),
    [
        ("top-1", 0.8, 0.6, 0, 0.25),
        ("top-1", 0.8, 0.9, 0, 0),
        ("top-5", 0, 0, 0, 0),
        ("mse", 1.0, 2.0, 5.0, 0.25),
        ("mse", 1e-12, 2e-12, 1.0, 1e-12),
        ("mse", 2.0, 1.0, 5.0, 0),
        # PyTorch itself explains nothing.
        ("mse", 5.0, 9.0, 5.0, 0),
        ("mse", 1.0, 2.0, 0, 0),
        ("mse", 1.0, float("nan"), 5.0, 1),
    ],
)
def test_what_a_score_has_lost(metric, reference, found, variance, lost):
    assert scoring.lost_share(Metric(name=metric), reference, found, variance) == pytest.approx(lost)


def test_a_metric_of_ones_own_may_be_best_at_either_end():
    own = Metric(name="f1", function=Source(kind="python", text="data.py:f1"))
    assert scoring.lost_share(own, 2.0, 1.0, 0) == scoring.lost_share(own, 2.0, 3.0, 0) == 0.5


def test_the_function_sees_its_modules_and_the_data(engine, asked):
    seen = {}
    gather = engine.programs["gather"]

    def program(call):
        seen["modules"] = {path.name for path in call.inputs["source"].iterdir()}
        seen["data"] = call.inputs["data"].read_text()
        return gather(call)

    engine.programs["gather"] = program
    pipeline.run(resolve(asked))
    assert seen == {"modules": {"data.py", "reading.py"}, "data": "digits"}


def test_a_model_of_onnx_is_scored_from_onnxruntime_on(engine, asked):
    Path("model.onnx").write_bytes(b"model")
    report = pipeline.run(resolve(asked | {"source": "model.onnx"}))
    assert engine.requests[0].id == "gather"
    assert report.evaluation is not None
    assert [(entry.runtime, entry.variant) for entry in report.evaluation.scores] == RUNTIMES[1:]


def test_what_the_function_does_wrong_ends_the_run_before_any_work(engine, asked):
    def program(_):
        raise RefusalError("usage", "labelled fails", "mend it")

    engine.programs["gather"] = program
    with pytest.raises(UsageError, match="gather: labelled fails"):
        pipeline.run(resolve(asked))
    assert [request.id for request in engine.requests] == ["gather"]
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"evaluate": None, "data": None, "metric": ["top-1"]}, "--metric is given without --evaluate"),
        ({"evaluate": None, "data": None, "loss": "1%"}, "--loss is given without --evaluate"),
        ({"loss": "a tenth"}, "--loss 'a tenth' is no share of 1"),
        ({"loss": "200%"}, "--loss '200%' is no share of 1"),
        ({"metric": ["top-0"]}, "--metric 'top-0' is not a metric that pinlite knows"),
        ({"metric": ["accuracy"]}, "--metric 'accuracy' is not a metric that pinlite knows"),
        ({"metric": ["dat.py:loss"]}, "--metric: there is no file dat.py"),
        ({"metric": ["data.py:loss", "reading.py:loss"]}, "--metric: two metrics are called 'loss'"),
        ({"evaluate": "dat.py:labelled"}, "--evaluate: there is no file dat.py"),
        ({"input": []}, "--evaluate needs --input"),
    ],
)
def test_options_that_mean_nothing(asked, options, says):
    with pytest.raises(UsageError) as caught:
        resolve(asked | options)
    assert says in caught.value.message
    assert caught.value.hint
