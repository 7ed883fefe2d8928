"""What is made once is not made again, and never taken for something else."""

import errno
import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import fake_engine
import numpy as np
import pytest
from fake_engine import INFER, TIMED
from recipes import from_pytorch

from pinlite import toolchain
from pinlite.conversion import pipeline
from pinlite.errors import UsageError
from pinlite.events import Notice, ignore
from pinlite.options import resolve
from pinlite.store import files, runs
from pinlite.store.files import Store

STAGES = list(fake_engine.STAGES)


@pytest.fixture
def run(engine, model_file):
    """Convert with options: the report, and the stages that really ran."""

    def convert(observe=ignore, **options):
        engine.requests.clear()
        recipe = resolve({"source": f"{model_file}:build", "out": "out"} | options)
        report = pipeline.run(recipe, observe)
        assert {stage.name for stage in report.stages if stage.source == "ran"} == engine.asked.keys()
        return report, [*engine.asked]

    return convert


def no_engine(monkeypatch):
    def refuse(*_):
        raise AssertionError("no engine is needed")

    monkeypatch.setattr("pinlite.conversion.run.choose", refuse)


def blobs():
    return sorted(path for path in (Store().root / "blobs").rglob("*") if path.is_file())


def records():
    return sorted((Store().root / "actions").rglob("*.json"))


def test_nothing_changed_and_no_engine_is_touched(run, monkeypatch):
    first, ran = run()
    assert ran == STAGES
    no_engine(monkeypatch)
    again, ran = run()
    assert ran == []
    assert [stage.source for stage in again.stages if stage.source != "skipped"] == ["hit"] * len(STAGES)
    assert [stage.seconds for stage in again.stages] == [stage.seconds for stage in first.stages]
    same = {"artifacts", "hops", "variants", "versions", "toolchain", "engine"}
    assert again.model_dump(include=same) == first.model_dump(include=same)


@pytest.fixture
def asked_for(engine, monkeypatch):
    """The images that the engine was asked for, each time."""
    ensure, asked = engine.ensure, []

    def ensuring(recipes, observe):
        recipes = list(recipes)
        asked.append({recipe.name for recipe in recipes})
        return ensure(recipes, observe)

    monkeypatch.setattr(engine, "ensure", ensuring)
    return asked


IMAGES = {recipe.name for recipe in from_pytorch()}
RUNNING = {runtime.image for runtime in toolchain.load().runtimes}
CONVERTING = toolchain.load().images["tensorflow"].name


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"opset": 11}, IMAGES),
        ({"variant": ["float32", "float16"]}, {CONVERTING, *RUNNING}),
        ({"refresh": ["infer"]}, RUNNING),
        ({"tolerance": 0.5}, None),
    ],
)
def test_images_are_asked_for_from_the_first_stage_on_that_has_to_run(run, asked_for, options, wanted):
    first, _ = run()
    assert asked_for == [IMAGES]
    again, _ = run(**options)
    assert set().union(*asked_for[1:]) == (wanted or set())
    # What did not have to be there is told as it was.
    assert again.toolchain == first.toolchain


def test_an_image_of_a_stage_before_is_asked_for_when_it_has_to_run_after_all(run, asked_for):
    run()
    (last,) = [path for path in records() if f'"stage": "{INFER[-1]}"' in path.read_text()]
    last.unlink()
    _, ran = run(variant=["float32", "float16"])
    assert ran == [INFER[-1], "convert-float16", *(f"{stage}-float16" for stage in (*INFER, *TIMED))]
    assert set().union(*asked_for[1:]) == {CONVERTING, *RUNNING}


def test_the_output_folder_of_a_hit_is_that_of_the_first_run(run):
    def files():
        return {
            path.relative_to("out"): path.read_bytes()
            for path in Path("out").rglob("*")
            if path.is_file() and path.name not in ("report.json", "provenance.json", "provenance.json.sha256")
        }

    run()
    first = files()
    run()
    assert files() == first


def test_a_changed_comment_runs_the_export_and_no_more(run, model_file):
    run()
    model_file.write_text(model_file.read_text() + "# another comment\n")
    _, ran = run()
    assert ran == ["export"]


def test_another_model_runs_all_that_depends_on_it(run, engine, model_file):
    run()
    model_file.write_text("def build(): return 2\n")
    exported = engine.programs["export"]

    def export(call):
        result = exported(call)
        call.outputs["model"].write_bytes(b"another ONNX model")
        return result

    engine.programs["export"] = export
    _, ran = run()
    # The fake converter makes the same file of every SavedModel, which has been run.
    assert ran == ["export", "check", "translate", "run-onnxruntime", "run-tensorflow", "convert"]


def test_one_more_variant_runs_its_conversion_alone(run):
    run()
    _, ran = run(variant=["float32", "float16"])
    assert ran == ["convert-float16", *(f"{stage}-float16" for stage in (*INFER, *TIMED))]


@pytest.mark.parametrize(
    ("option", "ran"),
    [
        ({"tolerance": 0.5}, []),
        ({"memory": "4g"}, []),
        ({"timeout": 100}, []),
        ({"out": "elsewhere"}, []),
        ({"seed": 1}, ["export", "check"]),
        ({"opset": 11}, ["export"]),
        ({"latency-runs": 3}, list(TIMED)),
    ],
)
def test_only_what_decides_the_outcome_counts(run, option, ran):
    run()
    assert run(**option)[1] == ran


def test_weights_count_by_their_content(run, tmp_path):
    weights, other = tmp_path / "w.pt", tmp_path / "other.pt"
    weights.write_bytes(b"weights")
    other.write_bytes(b"weights")
    run(weights=str(weights))
    assert run(weights=str(other))[1] == []
    weights.write_bytes(b"other weights")
    assert run(weights=str(weights))[1] == ["export"]


def test_without_the_cache_nothing_is_taken_and_nothing_kept(run):
    assert run(**{"no-cache": True})[1] == STAGES
    assert not Store().root.exists()
    run()
    assert run(**{"no-cache": True})[1] == STAGES


def test_a_refreshed_stage_runs_with_its_variants(run):
    run(variant=["float32", "int8"], calibration="random")
    _, ran = run(variant=["float32", "int8"], calibration="random", refresh=["convert"])
    assert ran == ["convert", "convert-int8"]


def test_other_bytes_of_a_refreshed_stage_are_told_and_the_first_are_kept(run, engine):
    first, _ = run()
    made = engine.programs["export"]

    def export(call):
        result = made(call)
        call.outputs["model"].write_bytes(b"another")
        return result

    engine.programs["export"] = export
    told = []
    report, ran = run(told.append, refresh=["export"])
    assert ran == ["export"]
    assert report.artifacts == first.artifacts
    assert [event.text for event in told if isinstance(event, Notice)] == [
        "export is nondeterministic: it made a different model.onnx than before; the first one is kept"
    ]


def test_what_fails_is_not_kept(run, engine):
    made = engine.programs["check"]

    def fail(_):
        raise AssertionError("stop")

    engine.programs["check"] = fail
    with pytest.raises(AssertionError, match="stop"):
        run()
    assert len(records()) == 1
    engine.programs["check"] = made
    assert run()[1] == STAGES[1:]


@pytest.mark.parametrize("how", ["cut", "flipped", "emptied", "removed"])
def test_a_damaged_blob_is_made_again(run, how):
    first, _ = run()
    for path in blobs():
        data = path.read_bytes()
        path.unlink()
        if how == "cut":
            path.write_bytes(data[:-1])
        elif how == "flipped":
            path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        elif how == "emptied":
            path.write_bytes(b"")
    told = []
    report, ran = run(told.append)
    # What the fake runtimes compute is what the fake export has computed, and is whole again by then.
    assert ran == ["export", "check", "translate", "run-onnxruntime", "convert"]
    assert report.artifacts == first.artifacts
    assert "the kept result of export is damaged, and is made again" in [e.text for e in told if isinstance(e, Notice)]
    assert run()[1] == []


@pytest.mark.parametrize("content", [b"", b"no JSON", b"{}", b'{"preimage": 1}', b"null", b"[]"])
def test_a_damaged_record_is_made_again(run, content):
    run()
    for path in records():
        path.chmod(0o644)
        path.write_bytes(content)
    assert run()[1] == STAGES
    assert run()[1] == []


def test_a_record_under_another_key_is_not_believed(run):
    run()
    export = next(path for path in records() if '"operation": "export"' in path.read_text())
    for path in records():
        if path != export:
            path.chmod(0o644)
            path.write_bytes(export.read_bytes())
    assert run()[1] == STAGES[1:]


def test_a_store_that_can_not_be_written_keeps_nothing_and_says_so(run):
    Store().root.parent.mkdir(parents=True)
    Store().root.write_text("a file where the store should be")
    told = []
    assert run(told.append)[1] == STAGES
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert len(notices) == len(STAGES)
    assert notices[0].startswith(f"the result of export can't be kept in {Store().root}: ")


def test_a_full_disk_costs_only_the_store(run, monkeypatch):
    def full(_, made):
        Path(made).write_bytes(b"h")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "shutil", SimpleNamespace(copyfile=full))
    told = []
    assert run(told.append)[1] == STAGES
    assert any("can't be kept" in event.text for event in told if isinstance(event, Notice))
    # There is nothing to keep of a latency but its record.
    assert len(records()) == len(TIMED)
    assert not list((Store().root / "making").iterdir())
    monkeypatch.setattr(files, "shutil", shutil)
    assert run()[1] == STAGES[: -len(TIMED)]
    assert run()[1] == []


def test_no_room_for_the_files_of_a_run_is_a_clear_error(run, small_files, monkeypatch):
    run()

    def link(*_):
        raise OSError(errno.EXDEV, "another filesystem")

    monkeypatch.setattr(os, "link", link)
    assert run()[1] == []
    for size in (1, 100):
        with small_files(size), pytest.raises(UsageError, match="files can't be written to") as raised:
            run()
        assert "TMPDIR" in raised.value.hint
    assert run()[1] == []


def test_weights_that_change_during_the_run_are_not_taken_for_the_old_ones(run, engine, tmp_path):
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    exported = engine.programs["export"]

    def export(call):
        weights.write_bytes(b"changed meanwhile")
        return exported(call)

    engine.programs["export"] = export
    told = []
    run(told.append, weights=str(weights))
    assert f"{weights} changed while export ran: its result is not kept" in [
        event.text for event in told if isinstance(event, Notice)
    ]
    engine.programs["export"] = exported
    weights.write_bytes(b"weights")
    assert run(weights=str(weights))[1] == ["export"]


def test_weights_that_go_during_the_run_lose_nothing(run, engine, tmp_path):
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    exported = engine.programs["export"]

    def export(call):
        weights.unlink()
        return exported(call)

    engine.programs["export"] = export
    told = []
    run(told.append, weights=str(weights))
    assert f"{weights} changed while export ran: its result is not kept" in [
        event.text for event in told if isinstance(event, Notice)
    ]


def test_two_runs_at_once_make_each_action_once(engine, model_file):
    begun, both = threading.Event(), []
    exported = engine.programs["export"]

    def export(call):
        begun.set()
        return exported(call)

    engine.programs["export"] = export

    def convert(out):
        recipe = resolve({"source": f"{model_file}:build", "out": out})
        both.append(pipeline.run(recipe))

    runs = [threading.Thread(target=convert, args=[out]) for out in ("one", "other")]
    for each in runs:
        each.start()
    for each in runs:
        each.join(60)
    sources = [sorted(report.stages[at].source for report in both) for at in range(len(STAGES))]
    assert sources == [["hit", "ran"]] * len(STAGES)
    assert both[0].artifacts == both[1].artifacts


def test_what_a_hit_hands_on_can_not_be_changed_in_the_store(run, engine):
    run()
    before = {path: path.read_bytes() for path in blobs()}

    def spoil(call):
        for path in call.inputs.values():
            if path.is_file():
                path.write_bytes(b"spoilt")
        for path in call.outputs.values():
            np.savez(path, doubled=np.zeros(1))
        return {"outputs": [], "ops": {}}

    engine.programs["infer"] = spoil
    run(refresh=["infer"])
    after = {path: path.read_bytes() for path in blobs()}
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("key", ["", "junk", "private"])
def test_a_shared_store_that_nobody_could_be_believed_in_is_refused_before_any_work(run, engine, tmp_path, key):
    (tmp_path / "junk").write_text("junk")
    (tmp_path / "private").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    given = {"trust-key": [str(tmp_path / key)]} if key else {}
    with pytest.raises(UsageError, match="no key is trusted" if not key else f"--trust-key .*{key} is not such a key"):
        run(store="oci://127.0.0.1:1/results", **given)
    assert engine.requests == []


def test_without_the_store_nothing_is_shared(run, monkeypatch):
    monkeypatch.setattr("pinlite.conversion.run.sharing_of", no_engine)
    _, ran = run(store="oci://127.0.0.1:1/results", **{"no-cache": True})
    assert ran == STAGES


def test_another_key_asks_for_a_command_anew(monkeypatch):
    known = {runs.key_of(["convert"])}
    for name in ("PINLITE_SIGNING_KEY", "PINLITE_TRUST_KEY"):
        for value in ("one", "another"):
            monkeypatch.setenv(name, value)
            known.add(runs.key_of(["convert"]))
    assert len(known) == 5
