"""`pinlite batch` on the fake engine: from a models.toml or a command line to the folders of its models."""

import json
import os
import threading
from multiprocessing import Pipe
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_engine import RefusalError

from pinlite import api, options
from pinlite.batch import batch, host, models_file
from pinlite.batch.executor import HereExecutor
from pinlite.batch.selection import Shard, selected
from pinlite.conversion import pipeline
from pinlite.engine.warm import wire
from pinlite.errors import BatchError, UsageError
from pinlite.machine import folders
from pinlite.options.commands import COMMANDS
from pinlite.schema.batch import BatchReport

INPUT = ["image=1x3x4x4"]
# What two runs of a conversion may differ in: times, and what has times in it.
TIMED = {"report.json", "provenance.json", "provenance.json.sha256"}


@pytest.fixture(autouse=True)
def nothing_is_left(engine, temporary):
    yield
    assert engine.running == []
    assert list(temporary.iterdir()) == []
    assert list(Path().glob(".*")) == []


@pytest.fixture
def models(monkeypatch):
    """Three files of PyTorch models."""
    # Its workers are Python functions, which no keeper has.
    monkeypatch.setattr(wire, "reach", unreachable)
    for name in ("one", "two", "three"):
        Path(f"{name}.py").write_text(f"def build():\n    ...  # {name}\n")
    return ["one.py:build", "two.py:build", "three.py:build"]


def unreachable(*_):
    raise ConnectionError("no keeper is there")


@pytest.fixture
def run(command, models):
    """`pinlite batch` of the three models, one at a time; its status, its report, and what it has said."""

    def batched(*arguments, sources=models):
        status, out, err = command("batch", *sources, "--jobs", "1", "--json", "--out", "out", *arguments)
        found = json.loads(out)
        return status, found if "models" in found else found["error"], err

    return batched


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def states(report):
    return [(model["name"], model["state"], model["kept"]) for model in report["models"]]


def test_every_model_has_a_folder(run):
    status, report, err = run("--input", *INPUT)
    assert status == 0, err
    assert states(report) == [(f"{name}-build", "right", False) for name in ("one", "two", "three")]
    assert sorted(path.name for path in Path("out").iterdir()) == [
        *("batch.json", "one-build", "three-build", "two-build")
    ]
    (made,) = report["models"][0]["files"]
    assert made["size"] == Path("out/one-build/model.float32.tflite").stat().st_size
    assert made["error"] == 0
    assert json.loads(Path("out/batch.json").read_text()) == report
    assert "✓ one-build" in err


def test_a_folder_is_the_one_that_convert_writes(run, command):
    assert run("--input", *INPUT)[0] == 0
    assert command("convert", "one.py:build", "--input", *INPUT, "--out", "alone", "--no-cache")[0] == 0
    batched, alone = content("out/one-build"), content("alone")
    assert batched.keys() == alone.keys()
    assert {name: data for name, data in batched.items() if name not in TIMED} == {
        name: data for name, data in alone.items() if name not in TIMED
    }
    one, other = (json.loads(found["report.json"]) for found in (batched, alone))
    assert one.keys() == other.keys()
    assert one["lock"] == other["lock"]


def test_the_error_is_that_of_the_runtimes_that_a_target_asks_for(run, engine):
    def infer(call):
        result = fake_engine.infer(call)
        with np.load(call.outputs["outputs"]) as arrays:
            wrong = {name: array + 1 for name, array in arrays.items()}
        fake_engine.write(call.outputs["outputs"], wrong)
        return result

    engine.programs["infer-tensorflow-2.4.1"] = infer
    status, report, err = run("--input", *INPUT, "--target", "litert-2")
    assert status == 0, err
    assert {file["error"] for model in report["models"] for file in model["files"]} == {0}


def test_a_pattern_that_finds_a_name_which_is_no_text_is_refused(run):
    Path(os.fsdecode(b"net\xff.py")).write_text("def build():\n    ...\n")
    status, error, _ = run(sources=["net*.py:build"])
    assert status == 2
    assert "is no UTF-8" in error["message"]


def test_the_help_names_the_status_of_a_batch():
    assert f"{BatchError.exit_status} is the status" in COMMANDS["batch"].help


def test_the_same_command_again_takes_all_from_the_store(run, engine):
    assert run("--input", *INPUT)[0] == 0
    before = content("out/two-build")
    engine.requests.clear()
    Path("out/two-build/model.float32.tflite").unlink()
    status, report, err = run("--input", *INPUT)
    assert status == 0
    assert states(report) == [(f"{name}-build", "right", True) for name in ("one", "two", "three")]
    assert engine.requests == []
    assert content("out/two-build") == before
    assert "= two-build" in err


def test_what_has_changed_is_converted_again(run):
    assert run("--input", *INPUT)[0] == 0
    Path("two.py").write_text("def build():\n    ...  # another\n")
    _, report, _ = run("--input", *INPUT)
    assert [model["kept"] for model in report["models"]] == [True, False, True]
    _, report, _ = run("--input", *INPUT, "--no-cache")
    assert [model["kept"] for model in report["models"]] == [False] * 3


def fails_for(number):
    """A program of export that refuses the model of a number."""
    calls = []

    def export(call):
        calls.append(call)
        if len(calls) == number:
            raise RefusalError("model", "no such operator: Frobnicate", "leave it out")
        return fake_engine.export(call)

    return export


def test_a_failure_takes_nothing_with_it(run, engine):
    engine.programs["export"] = fails_for(2)
    status, report, err = run("--input", *INPUT)
    assert status == 11
    assert [state for _, state, _ in states(report)] == ["right", "failed", "right"]
    failed = report["models"][1]
    assert (failed["code"], failed["exit_status"], failed["stage"]) == ("model", 3, "export")
    assert "Frobnicate" in failed["message"]
    assert not Path("out/two-build").exists()
    assert "1 of 3 models are not right" in err
    # Again: what is made is kept, and what is not is tried.
    status, report, _ = run("--input", *INPUT)
    assert status == 0
    assert [kept for *_, kept in states(report)] == [True, False, True]


def test_the_logs_of_what_is_not_right_are_kept(run, engine):
    engine.programs["export"] = fails_for(2)
    run("--input", *INPUT)
    assert len([*folders.logs().iterdir()]) == 1


def test_fail_fast_ends_with_the_first_that_is_not_right(run, engine):
    engine.programs["export"] = fails_for(2)
    status, report, _ = run("--input", *INPUT, "--fail-fast")
    assert status == 11
    assert [state for _, state, _ in states(report)] == ["right", "failed", "not run"]
    assert not Path("out/three-build").exists()


def test_what_differs_is_written_and_wrong(run, engine):
    def wrong(call):
        answer = fake_engine.infer(call)
        with np.load(call.outputs["outputs"]) as arrays:
            changed = {name: array + 1 for name, array in arrays.items()}
        fake_engine.write(call.outputs["outputs"], changed)
        return answer

    engine.programs["infer"] = wrong
    status, report, _ = run("--input", *INPUT, sources=["one.py:build"])
    assert status == 11
    (model,) = report["models"]
    assert (model["state"], model["code"], model["exit_status"]) == ("wrong", "parity", 7)
    assert model["files"][0]["error"] > 0.1
    assert Path("out/one-build/report.json").exists()


def test_a_bug_is_one_models_alone(run, monkeypatch):
    real = pipeline.run_plan

    def broken(plan, *arguments, **more):
        if "two" in plan.recipe.source.text:
            raise ZeroDivisionError("division by zero")
        return real(plan, *arguments, **more)

    monkeypatch.setattr(pipeline, "run_plan", broken)
    status, report, _ = run("--input", *INPUT)
    assert status == 11
    assert [state for _, state, _ in states(report)] == ["right", "failed", "right"]
    assert report["models"][1]["code"] == "bug"


def test_interrupting_leaves_whole_folders_alone(models, engine):
    calls = []

    def export(call):
        calls.append(call)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fake_engine.export(call)

    engine.programs["export"] = export
    prepared = batch.prepared(models, {"inputs": INPUT, "out": "out", "jobs": 1})
    with pytest.raises(KeyboardInterrupt):
        batch.run(prepared)
    assert [path.name for path in Path("out").iterdir()] == ["one-build"]
    assert Path("out/one-build/report.json").exists()


MODELS = """\
[defaults]
input = ["image=1x3x4x4"]
seed = 3

[[model]]
source = "nets/*.py:build"
seed = 4

[[model]]
name = "chosen"
source = "other.py:build"
matrix = { target = ["tflite-2.4", "litert-2"], variant = ["float32", ["float16", "dynamic"]] }
"""


@pytest.fixture
def listed(models):
    """A models.toml in a folder of its own, with what it names."""
    assert models
    Path("zoo/nets").mkdir(parents=True)
    for name in ("nets/b", "nets/a", "other"):
        Path(f"zoo/{name}.py").write_text(f"def build():\n    ...  # {name}\n")
    file = Path("zoo/models.toml")
    file.write_text(MODELS)
    return file


def test_a_file_of_models_has_defaults_patterns_and_a_matrix(listed):
    tasks = batch.prepared([listed], {}).tasks
    assert [task.name for task in tasks] == [
        "a-build",
        "b-build",
        "chosen-tflite-2.4-float32",
        "chosen-tflite-2.4-float16+dynamic",
        "chosen-litert-2-float32",
        "chosen-litert-2-float16+dynamic",
    ]
    assert [task.settings["seed"] for task in tasks] == [4, 4, 3, 3, 3, 3]
    assert tasks[0].settings["source"] == "zoo/nets/a.py:build"
    assert tasks[0].out == Path("build/batch/a-build")
    assert tasks[5].settings["variant"] == ["float16", "dynamic"]
    assert tasks[5].settings["target"] == "litert-2"
    recipe = options.resolve(tasks[5].settings)
    assert (recipe.target, recipe.variants, recipe.seed) == ("litert-2", ("float16", "dynamic"), 3)


def test_the_command_line_wins(listed):
    tasks = batch.prepared([listed], {"seed": 9, "target": "litert-2", "out": "elsewhere"}).tasks
    assert {task.settings["seed"] for task in tasks} == {9}
    assert {task.settings["target"] for task in tasks} == {"litert-2"}
    assert tasks[0].out == Path("elsewhere/a-build")


def test_the_file_of_the_current_folder_is_taken(listed, monkeypatch):
    monkeypatch.chdir(listed.parent)
    assert len(batch.prepared([], {}).tasks) == 6


def test_a_name_may_have_a_star_for_what_a_file_is_called(listed):
    listed.write_text('[[model]]\nname = "net-*"\nsource = "nets/*.py:build"\n')
    assert [task.name for task in batch.prepared([listed], {}).tasks] == ["net-a-build", "net-b-build"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model", "is not TOML"),
        ("seed = 3", "seed: unknown key"),
        ("", "has no model"),
        ("model = []", "model = []"),
        ("[[model]]\nseed = 3", "model 1 has no source"),
        ('[[model]]\nsource = "a.py:b"\nvarient = ["int8"]', "model.1.varient: unknown key"),
        ('[[model]]\nsource = "a.py:b"\nout = "x"', "model.1.out: unknown key"),
        ('[[model]]\nsource = "a.py:b"\nkeep-warm = "1m"', "model.1.keep-warm: unknown key"),
        ('[[model]]\nsource = "a.py:b"\nname = "a/b"', "model.1.name"),
        ('[[model]]\nsource = "a.py:b"\nname = ".."', "model.1.name"),
        ('[[model]]\nsource = "a.py:b"\nseed = "x"', "model.1.seed = 'x'"),
        ('[[model]]\nsource = "a.py:b"\nmatrix = { targets = ["litert-2"] }', "model.1.matrix.targets: unknown key"),
        ('[[model]]\nsource = "nets/*.onnx"', "nets/*.onnx is a pattern, and no file fits it"),
        ('[[model]]\nname = "net"\nsource = "nets/*.py:build"', "nets/*.py:build is 2 files, and their name is net"),
        ('[[model]]\nsource = "a.py:b"\n[[model]]\nsource = "c/a.py:b"', "several models are called a-b"),
    ],
)
def test_a_wrong_file_is_told_with_what_to_do(listed, command, text, told):
    listed.write_text(text)
    status, _, err = command("batch", str(listed))
    assert status == 2
    assert told in err
    assert "hint: " in err
    assert not Path("build").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no model is given"),
        (("one.py:build", "--shard", "3/2"), "--shard '3/2'"),
        (("one.py:build", "--shard", "0/2"), "--shard '0/2'"),
        (("one.py:build", "--shard", "half"), "--shard 'half'"),
        (("one.py:build", "--only", "won"), "--only won: no model is called so"),
        (("one.py:build", "one.py:build"), "several models are called one-build"),
        (("one.py:build", "zoo/models.toml"), "zoo/models.toml is given with other models"),
        (("one.py:build", "--keep-going", "--fail-fast"), "--keep-going and --fail-fast"),
        (("one.py:build", "--out", "one.py"), "--out one.py is a file"),
        (("missing.toml",), "missing.toml"),
    ],
)
def test_a_wrong_command_is_told_with_what_to_do(listed, command, arguments, told):
    assert listed
    status, _, err = command("batch", *arguments)
    assert status == 2
    assert told in err
    assert "hint: " in err


def test_shards_are_all_of_the_models_and_each_once(listed):
    tasks = batch.prepared([listed], {}).tasks
    parts = [selected(tasks, shard=Shard(number, 4)) for number in (1, 2, 3, 4)]
    assert sorted(len(part) for part in parts) == [1, 1, 2, 2]
    assert {task.name for part in parts for task in part} == {task.name for task in tasks}
    only = selected(tasks, ["chosen-*", "a-build"], Shard(2, 2))
    assert [task.name for task in only] == ["chosen-tflite-2.4-float32", "chosen-litert-2-float32"]


def test_shards_are_reported_together(run, command):
    for number in (1, 2, 3):
        status, report, _ = run("--input", *INPUT, "--shard", f"{number}/3")
        assert (status, len(report["models"]), report["shard"]) == (0, 1, f"{number}/3")
    status, out, _ = command("report", "out", "--json")
    assert status == 0
    found = json.loads(out)
    assert [model["name"] for model in found["models"]] == ["one-build", "two-build", "three-build"]
    assert found["shard"] == ""


def test_a_shard_may_have_nothing_to_do(run):
    status, report, _ = run("--shard", "4/4")
    assert (status, report["models"]) == (0, [])


def test_report_shows_a_batch_and_writes_its_page(run, command, engine):
    engine.programs["export"] = fails_for(2)
    run("--input", *INPUT)
    status, out, _ = command("report", "out")
    assert status == 0
    assert "2 of 3 models are right" in out
    assert "two-build: export: no such operator: Frobnicate" in out
    assert command("report", "out", "--html", "page.html", "--markdown", "page.md")[0] == 0
    page = Path("page.html").read_text()
    assert "one-build" in page
    assert "Frobnicate" in page
    assert "❌ two-build" in Path("page.md").read_text()
    status, _, err = command("report", "out", "out")
    assert status == 2
    assert "FOLDER/NAME" in err


def test_a_name_of_a_model_is_no_markup(run, command, engine):
    engine.programs["export"] = fails_for(1)
    Path("<b>bold.py").write_text("def build():\n    ...\n")
    _, report, _ = run("--input", *INPUT, sources=["<b>bold.py:build"])
    assert report["models"][0]["name"] == "b-bold-build"
    assert command("report", "out", "--html", "page.html")[0] == 0
    assert "<b>" not in Path("page.html").read_text().replace("<body>", "")


def test_a_report_of_another_version_is_told(run, command):
    run("--input", *INPUT)
    Path("out/batch.json").write_text('{"schema": "pinlite.batch/9"}')
    status, _, err = command("report", "out")
    assert status == 2
    assert "batch.json" in err


def test_from_python(models, engine):
    seen = []
    report = api.batch(models[:2], inputs=INPUT, out="out", jobs=1, observe=seen.append)
    assert isinstance(report, BatchReport)
    assert report.ok
    assert engine.requests
    assert [
        type(event).__name__ for event in seen if "Model" in type(event).__name__ and type(event).__name__ != "InModel"
    ] == [
        "ModelStarted",
        "ModelPlanned",
        "ModelFinished",
    ] * 2


def test_an_executor_of_ones_own_carries_out_the_tasks(models):
    class Backwards:
        def results(self, tasks, observe):
            yield from HereExecutor().results(tasks[::-1], observe)

    finished = []
    prepared = batch.prepared(models, {"inputs": INPUT, "out": "out"})
    report = batch.run(prepared, finished.append, Backwards())
    assert [model.name for model in report.models] == ["one-build", "two-build", "three-build"]
    order = [event.result.name for event in finished if type(event).__name__ == "ModelFinished"]
    assert order == ["three-build", "two-build", "one-build"]


def test_a_task_knows_how_large_its_file_is(models):
    Path("large.onnx").write_bytes(b"x" * 5000)
    tasks = batch.prepared([*models, "large.onnx", "pkg.module:build"], {}).tasks
    assert [task.size for task in tasks] == [
        *(Path(f"{name}.py").stat().st_size for name in ("one", "two", "three")),
        5000,
        0,
    ]


def test_the_form_of_a_file_is_published(listed, command):
    status, out, _ = command("schema", "models")
    assert status == 0
    schema = json.loads(out)
    assert set(schema["properties"]) == {"defaults", "matrix", "model"}
    with pytest.raises(UsageError):
        models_file.read(listed.with_name("missing.toml"))


@pytest.mark.parametrize(("trusted", "vouched"), [((0, 1, 2), True), ((0, 2), False), ((), False)])
def test_shared_workers_are_vouched_for_if_every_source_is_trusted(models, monkeypatch, trusted, vouched):
    told = []
    monkeypatch.setattr(batch, "_executor", lambda _, shared: told.append(shared) or HereExecutor(shared))
    lines = [f'[[model]]\nsource = "{source}"\ninput = {INPUT}\n' for source in models]
    for number in trusted:
        lines[number] += "trust = true\n"
    Path("models.toml").write_text("".join(lines))
    batch.run(batch.prepared(["models.toml"], {"out": "out", "jobs": 1}))
    assert [shared.trust for shared in told] == [vouched]


def test_a_key_that_goes_asks_for_a_model_anew(run, tmp_path):
    """What it signed may be in what was kept of the whole model."""
    key = Ed25519PrivateKey.generate().public_key()
    file = tmp_path / "keys.pem"
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    given = ("--input", *INPUT, "--store", "oci://127.0.0.1:9/results", "--trust-key", str(file))
    assert [kept for *_, kept in states(run(*given)[1])] == [False] * 3
    assert [kept for *_, kept in states(run(*given)[1])] == [True] * 3
    file.write_bytes(file.read_bytes() + b"\n# whose it is\n")
    assert [kept for *_, kept in states(run(*given)[1])] == [False] * 3


def test_a_process_ends_with_its_batch_also_where_no_signal_wakes_it(monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *_: None)
    ours, theirs = Pipe()
    ours.send(host.Begin(None))
    ours.close()
    serving = threading.Thread(target=host.Host(theirs).serve, daemon=True)
    serving.start()
    serving.join(10)
    assert not serving.is_alive()


def test_a_table_has_a_row_for_each_file(run, command):
    """So that 80 columns have room for the names of models."""
    run("--input", *INPUT, "--variant", "float32", "--variant", "float16", "--only", "two*")
    _, out, _ = command("report", "out")
    rows = [line.split() for line in out.splitlines() if "float" in line]
    assert [row[:3] for row in rows] == [["two-build", "right", "float32"], ["float16", *rows[1][1:3]]]


@pytest.mark.parametrize(
    ("sources", "hint"), [(1, "there are one-build"), (3, "there are one-build, two-build, three-build")]
)
def test_a_pattern_that_fits_no_name_is_told_the_names(run, models, sources, hint):
    status, error, _ = run("--input", *INPUT, "--only", "four*", sources=models[:sources])
    assert (status, error["hint"]) == (2, hint)
