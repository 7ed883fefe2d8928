"""diff: what two TFLite files differ in, and what is made of a stage's answer to that."""

import io
import json
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from fake_engine import RefusalError
from rich.console import Console

from pinlite import toolchain
from pinlite.auditing import file_differences
from pinlite.errors import StageCrashError, UsageError
from pinlite.runner import LocalRunner
from pinlite.schema.diff import Difference, Differences, Total
from pinlite.schema.recipe import Limits
from pinlite.ui import differences


@pytest.fixture
def files():
    paths = Path("one.tflite"), Path("other.tflite")
    for path in paths:
        path.write_bytes(b"TFL3 " + path.name.encode())
    return paths


@pytest.fixture
def samples():
    fake_engine.write(Path("x.npz"), fake_engine.SAMPLES)
    return Path("x.npz")


def answering(**changed):
    return lambda call: fake_engine.diff(call) | changed


def differing(**changed):
    answer = fake_engine.diff(None) | changed
    return Differences(**{name: answer[name] for name in Differences.model_fields})


def test_the_same_bytes_need_no_engine(engine, files, command):
    files[1].write_bytes(files[0].read_bytes())
    report = file_differences.diff(*files)
    assert (report.distance, report.summary, report.found) == (0, "the same bytes", None)
    assert engine.requests == []
    status, out, _ = command("diff", *map(str, files))
    assert status == 0
    assert "one.tflite and other.tflite have the same bytes" in out
    assert json.loads(command("diff", "--json", *map(str, files))[1])["found"] is None


def test_a_worker_tells_them_apart(engine, files, temporary):
    report = file_differences.diff(*files)
    (request,) = engine.requests
    assert (request.operation, set(request.inputs)) == ("diff", {"one", "other"})
    assert (
        report.summary
        == "1 of 2 operators differ; weights equal but for 1 tensor, within one step; 1 of 4 names differ"
    )
    assert report.distance == 0.25
    assert [each.kind for each in report.found.differences] == ["options", "weights"]
    assert (report.one.path, report.outputs) == ("one.tflite", None)
    assert engine.running == []
    assert list(temporary.iterdir()) == []


def test_both_are_run_on_samples_by_the_firsts_names(engine, files, samples):
    def giving(number):
        def infer(call):
            answer = fake_engine.infer(call)
            made = {"doubled": np.full((1, 3, 4, 4), number, np.float32), "mean": np.full((1, 1), number, np.int8)}
            fake_engine.write(call.outputs["outputs"], made)
            return answer

        return infer

    engine.programs |= {"infer-first": giving(2), "infer-other": giving(5)}
    report = file_differences.diff(*files, samples)
    requests = {request.id: request.parameters for request in engine.requests}
    assert list(requests) == ["diff", "infer-first", "infer-other"]
    assert requests["infer-first"]["inputs"] == []
    assert requests["infer-other"]["inputs"][0]["tensor"] == "picture"
    assert [entry["tensor"] for entry in requests["infer-other"]["outputs"]] == ["twice", "average"]
    # Steps of integers are half a unit.
    assert {each.output: each.max_abs_error for each in report.outputs} == {"doubled": 3, "mean": 1.5}


def test_samples_that_only_the_first_can_take(engine, files, samples):
    def refuse(_):
        raise RefusalError("usage", "its sample is too small")

    engine.programs["infer-other"] = refuse
    report = file_differences.diff(*files, samples)
    assert (report.outputs, report.outputs_left_out) == (None, "its sample is too small")
    engine.programs |= {"infer-other": fake_engine.infer, "diff": answering(feeds=None)}
    assert "numbers of inputs" in file_differences.diff(*files, samples).outputs_left_out
    engine.programs["infer-first"] = refuse
    with pytest.raises(UsageError, match="infer-first: its sample is too small"):
        file_differences.diff(*files, samples)


@pytest.mark.parametrize(
    "changed",
    [
        {"distance": 2},
        {"distance": -1},
        {"counts": {"surprises": 1}},
        {"counts": {"names": 1}},
        {"operators": {"total": -1, "differing": 0}},
        {"differences": [{"kind": "options"}]},
        {"feeds": {"inputs": []}},
    ],
)
def test_an_answer_that_is_none_is_the_stages_fault(engine, files, changed):
    engine.programs["diff"] = answering(**changed)
    with pytest.raises(StageCrashError, match="not what the stage promises"):
        file_differences.diff(*files)


def test_what_is_no_file_is_named(engine, files):
    with pytest.raises(UsageError, match=r"no file absent\.tflite"):
        file_differences.diff(files[0], Path("absent.tflite"))
    with pytest.raises(UsageError, match=r"no file y\.npz"):
        file_differences.diff(*files, Path("y.npz"))
    assert engine.requests == []


def test_many_files_by_the_same_worker(engine, files):
    runtime = toolchain.load().runtimes[0]
    with LocalRunner(lambda: engine, toolchain.load().images, Limits()) as runner:
        found = [file_differences.compare(files[0], path, runner, runtime) for path in (*files, files[1])]
        assert len(engine.running) == 1
    assert [report.distance for report in found] == [0, 0.25, 0.25]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"equal": 4}, "equal weights"),
        ({"equal": 4, "within a step": 3}, "weights equal but for 3 tensors, within one step"),
        ({"equal": 4, "permuted": 1}, "weights equal but for 1 tensor, by the order of their axes"),
        ({"equal": 4, "permuted": 1, "different": 1}, "weights equal but for 2 tensors"),
        ({"different": 2}, "weights of 2 tensors differ, by more than a step"),
    ],
)
def test_weights_in_a_line(weights, said):
    assert said in file_differences.summary(differing(weights=weights)).split("; ")


def test_nothing_but_names_and_metadata_in_a_line():
    none = Total(total=3, differing=0)
    others = {"layout": 1, "metadata": 3, "names": 1}
    found = differing(operators=none, tensors=none, weights={}, counts=others, differences=())
    assert file_differences.summary(found) == "the same operators; 1 of 4 names differ; other metadata, layout"


@pytest.mark.usefixtures("engine")
def test_the_command_ends_with_a_status_of_its_own(files, command, samples):
    status, out, err = command("diff", *map(str, files))
    assert status == 9
    assert "fused_activation_function: NONE -> RELU" in " ".join(out.split())
    assert "error: one.tflite and other.tflite differ: 1 of 2 operators differ" in err
    assert "hint: --samples FILE.npz" in err
    status, out, err = command("diff", *map(str, files), "--samples", str(samples), "--json")
    report = json.loads(out)
    assert (status, report["schema"], report["found"]["distance"]) == (9, "pinlite.diff/1", 0.25)
    assert [each["output"] for each in report["outputs"]] == ["doubled", "mean"]
    assert "hint: --json" in err


@pytest.mark.usefixtures("engine")
def test_alike_differences_are_a_row_and_many_are_counted(files):
    plain = Difference(kind="types", where="", what="", ours="float32", theirs="int8", tensor="", weights=None)
    alike = [plain.model_copy(update={"where": f"ADD {at} output 0"}) for at in range(20)]
    names = [plain.model_copy(update={"kind": "names", "where": f"input {at}", "ours": f"a{at}"}) for at in range(9)]
    report = file_differences.diff(*files)
    found = report.found.model_copy(update={"differences": (*alike, *names), "counts": {"types": 20, "names": 5000}})
    stream = io.StringIO()
    differences.show(report.model_copy(update={"found": found}), Console(file=stream, width=80))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    shown = " ".join(stream.getvalue().split())
    assert "20 types ADD 0 output 0 and 19 more float32 -> int8" in shown
    assert "5000 names input 0 a0 -> int8 input 1" in shown
    assert "4994 more" in shown
