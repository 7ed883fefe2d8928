"""Whole conversions on the fake engine."""

import json
import time
from functools import partial
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from fake_engine import INFER, INFER_SELECT_TF, ROWS, RUNTIMES, SELECT_TF, TIME_SELECT_TF, TIMED, RefusalError
from recipes import from_pytorch

from pinlite import digest, toolchain
from pinlite.conversion import pipeline
from pinlite.engine import Leftover
from pinlite.errors import ModelError, OutOfMemoryError, ParityError, StageCrashError, UsageError
from pinlite.events import StageFinished, StageStarted
from pinlite.options import resolve
from pinlite.toolchain import extra_requirements

ARTIFACTS = [
    *("model.onnx", "saved_model", "samples.npz", "profiles.npz", "model.graph.txt", "operators.json"),
    "model.float32.tflite",
]
DOCUMENTS = ["report.json", "sbom.json", "provenance.json", "provenance.json.sha256"]
LATENCY = {"median": 1.0, "min": 1.0, "threads": 1, "runs": 30}
STAGES = list(fake_engine.STAGES)


@pytest.fixture
def recipe(model_file):
    def make(**options):
        return resolve({"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"} | options)

    return make


@pytest.fixture(autouse=True)
def nothing_is_left(engine, temporary):
    """However a run ends, no worker runs on and nothing stays behind."""
    yield
    assert engine.running == []
    assert list(temporary.iterdir()) == []
    assert {path.name for path in Path().glob(".*")} == set()


def listing(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def operations(engine):
    return [*engine.asked]


def test_a_conversion_goes_through_all_stages_and_publishes_all_artifacts(engine, recipe):
    report = pipeline.run(recipe())
    assert report.ok
    assert operations(engine) == STAGES
    assert [(stage.name, stage.source) for stage in report.stages] == [(name, "ran") for name in STAGES]
    assert listing("out") == sorted([*ARTIFACTS, *DOCUMENTS])
    assert json.loads(Path("out/report.json").read_text()) == json.loads(report.to_json())


def test_what_the_report_says_of_an_artifact_is_true(engine, recipe):
    report = pipeline.run(recipe())
    assert engine.requests
    assert [artifact.path for artifact in report.artifacts] == ARTIFACTS
    for artifact in report.artifacts:
        path = Path("out", artifact.path)
        assert artifact.sha256 == digest.of_path(path)
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        assert artifact.size == sum(file.stat().st_size for file in files)


def test_every_runtime_is_compared_with_torch(engine, recipe):
    report = pipeline.run(recipe())
    assert engine.requests
    runtimes = ["onnxruntime", "tensorflow", *RUNTIMES]
    assert [(hop.origin, hop.to, hop.output) for hop in report.hops if hop.profile is None] == [
        ("torch", runtime, output) for runtime in runtimes for output in ("doubled", "mean")
    ]
    profiled = {(hop.to, hop.profile) for hop in report.hops if hop.profile}
    assert profiled == {
        (runtime, name) for runtime in runtimes if runtime != "tensorflow" for name in ("zeros", "large")
    }
    (variant,) = report.variants
    assert variant.parity == dict.fromkeys(RUNTIMES, 0.0)
    assert variant.ops == {"MUL": 2, "MEAN": 1}
    assert [(tensor.name, tensor.tensor) for tensor in variant.outputs] == [
        ("doubled", "doubled:0"),
        ("mean", "mean:0"),
    ]


def test_the_recipe_reaches_the_stages(engine, recipe):
    Path("w.pt").write_bytes(b"weights")
    np.savez("mine.npz", **fake_engine.SAMPLES)
    options = {"seed": 7, "opset": 11, "weights": "w.pt#ema.model", "samples": "mine.npz", "output-name": ["a", "b"]}
    options["fix"] = ["rate=16000", "mode=fast"]
    options["preprocess"] = ["image=uint8,nhwc,mean=0.5"]
    pipeline.run(recipe(lowering="stock", **options))
    export, check, translate, convert = (engine.asked[stage] for stage in ("export", "check", "translate", "convert"))
    assert export.parameters == {
        "source": {"kind": "python", "module": "model", "callable": "build"},
        "inputs": [{"name": "image", "shape": [1, 3, 4, 4], "dtype": "float32"}],
        "fixed": {"rate": 16000, "mode": "fast"},
        "preprocessing": [{"name": "image", "dtype": "uint8", "layout": "nhwc", "mean": [0.5], "std": []}],
        "output_names": ["a", "b"],
        "weights_key": "ema.model",
        "seed": 7,
        "opset": 11,
        "batches": [],
        "batched": [],
        "training": None,
    }
    assert set(export.inputs) == {"source", "weights", "samples"}
    assert check.parameters["seed"] == 7
    assert translate.parameters == {"lowering": "stock"}
    assert (convert.parameters["variant"], convert.parameters["ops"]) == ("float32", "auto")
    assert [entry["key"] for entry in convert.parameters["inputs"]] == ["image_key"]


@pytest.mark.parametrize(("lowering", "model"), [("nhwc", b"simplified an ONNX model"), ("stock", b"an ONNX model")])
def test_the_lowering_decides_which_model_is_translated(engine, recipe, lowering, model):
    assert engine
    pipeline.run(recipe(lowering=lowering))
    assert Path("out/saved_model/saved_model.pb").read_bytes() == model
    assert Path("out/model.onnx").read_bytes() == b"an ONNX model"


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([], [], ([], [])),
        (["nhwc"], ["mean=nhwc"], (["image"], ["mean"])),
        (["image=nhwc"], ["nhwc", "mean=nchw"], (["image"], ["doubled"])),
    ],
)
def test_layouts_are_asked_of_the_lowering_by_name(engine, recipe, inputs, outputs, expected):
    pipeline.run(recipe(**{"input-layout": inputs, "output-layout": outputs}))
    translate = engine.asked["translate"].parameters
    assert (translate["nhwc_inputs"], translate["nhwc_outputs"]) == expected


def test_the_layout_that_the_lowering_gave_is_in_the_report(engine, recipe):
    def translate(call):
        result = fake_engine.translate(call)
        result["inputs"][0] |= {"shape": [1, 4, 4, 3], "layout": "nhwc"}
        return result

    def convert(call):
        result = fake_engine.convert(call)
        (given,) = call.parameters["inputs"]
        result["inputs"][0] |= {key: given[key] for key in ("shape", "layout")}
        return result

    engine.programs |= {"translate": translate, "convert": convert}
    (variant,) = pipeline.run(recipe(**{"input-layout": ["nhwc"]})).variants
    assert (variant.inputs[0].layout, variant.inputs[0].shape) == ("nhwc", (1, 4, 4, 3))
    assert {tensor.layout for tensor in variant.outputs} == {"nchw"}
    assert engine.requests[-1].parameters["inputs"][0]["layout"] == "nhwc"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("input-layout", "picture=nhwc", "--input-layout: there is no 'picture'"),
        ("output-layout", "flat=nhwc", "--output-layout: 'flat' has 2 dimensions"),
    ],
)
def test_a_layout_of_what_is_not_there_or_has_no_channels(engine, recipe, option, value, words):
    def check(call):
        result = fake_engine.check(call)
        result["outputs"].append({"name": "flat", "shape": [1, 3], "dtype": "float32"})
        return result

    engine.programs["check"] = check
    with pytest.raises(UsageError) as raised:
        pipeline.run(recipe(**{option: [value]}))
    assert str(raised.value) == words
    assert raised.value.hint
    assert not Path("out").exists()


@pytest.mark.parametrize(("ops", "allowed"), [("auto", True), ("builtin", False), ("select-tf", True)])
def test_operators_are_asked_of_lowering_and_converter(engine, recipe, ops, allowed):
    pipeline.run(recipe(ops=ops))
    assert engine.asked["translate"].parameters["select_tf"] is allowed
    assert engine.asked["convert"].parameters["ops"] == ops


def test_select_tf_operators_are_run_where_there_are_some(engine, recipe):
    engine.programs["convert"] = lambda call: fake_engine.convert(call) | {"select_tf": ["AddV2", "Cast"]}
    engine.programs[INFER_SELECT_TF] = lambda call: fake_engine.infer(call) | {"ops": {"FlexCast": 2, "FlexAddV2": 1}}
    report = pipeline.run(recipe())
    assert {*operations(engine)} & {*INFER, *TIMED} == {INFER_SELECT_TF, TIME_SELECT_TF}
    skipped = {(stage.name, stage.image, stage.reason) for stage in report.stages if stage.source == "skipped"}
    assert skipped == {
        (name, row.image, f"{row.package} has no Select-TF operators: AddV2, Cast")
        for name, row in zip(INFER, ROWS, strict=True)
        if not row.select_tf
    }
    assert {hop.to for hop in report.hops} == {"onnxruntime", "tensorflow", SELECT_TF}
    (variant,) = report.variants
    assert variant.select_tf == ("AddV2", "Cast")
    assert variant.ops == {"FlexCast": 2, "FlexAddV2": 1}
    assert (set(variant.parity), set(variant.latency_ms)) == ({SELECT_TF}, {SELECT_TF})


@pytest.mark.parametrize("ops", ["auto", "select-tf"])
def test_tensorflows_operators_are_compared_with_tflites_own(engine, recipe, ops):
    def convert(call):
        if call.parameters["ops"] == "builtin":
            raise RefusalError("model", "there is no Cast")
        return fake_engine.convert(call) | {"select_tf": ["Cast"]}

    engine.programs["convert"] = convert
    report = pipeline.run(recipe(ops=ops))
    assert report.ok
    (variant,) = report.variants
    builtin, selecting = variant.comparison
    assert (builtin.ops, selecting.ops) == ("builtin", "select-tf")
    assert (builtin.refusal, builtin.size, builtin.latency_ms) == ("there is no Cast", None, None)
    assert (selecting.refusal, selecting.size, selecting.sha256) == ("", variant.size, variant.sha256)
    assert selecting.latency_ms == variant.latency_ms[SELECT_TF]
    assert (builtin.runtime.size, selecting.runtime.size) == (5_000_000, 300_000_000)


def test_both_sets_of_operators_are_timed_in_one_runtime_integers_too(engine, recipe):
    report = pipeline.run(recipe(ops="select-tf", variant=["float32", "int8"], calibration="random"))
    for variant in report.variants:
        assert [found.size for found in variant.comparison] == [variant.size] * 2
        assert all(found.latency_ms for found in variant.comparison)
    again = {request.id: request for request in engine.requests if "builtin" in request.id}
    assert list(again) == [
        *("convert-builtin", f"{TIME_SELECT_TF}-of-builtin"),
        *("convert-int8-builtin", f"{TIME_SELECT_TF}-int8-of-builtin"),
    ]
    assert "calibration" in again["convert-int8-builtin"].inputs
    assert "calibration" not in again["convert-builtin"].inputs


def test_a_comparison_that_fails_costs_its_row_alone(engine, recipe):
    def slow(_):
        raise RefusalError("internal", "too slow")

    engine.programs[f"{TIME_SELECT_TF}-of-builtin"] = slow
    (variant,) = pipeline.run(recipe(ops="select-tf")).variants
    builtin, selecting = variant.comparison
    assert (builtin.refusal, builtin.latency_ms, selecting.refusal) == ("too slow", None, "")


def test_nothing_is_compared_where_tflites_own_operators_do(engine, recipe):
    assert pipeline.run(recipe()).variants[0].comparison == ()
    assert not any("measure" in name for name in operations(engine))


CHECKED = ("check", "check-batch-5", "check-batch-7")
WIDER = sorted(["check-batch-5", "check-batch-7", "run-onnxruntime-batch-5", *(f"{stage}-batch-5" for stage in INFER)])


def test_a_model_with_an_open_batch_is_looked_at_for_other_sizes_and_compared_at_one(engine, recipe):
    report = pipeline.run(recipe(**{"dynamic-batch": True}))
    assert report.ok
    assert sorted(set(operations(engine)) - set(STAGES)) == WIDER
    export, five, seven, translate = (
        engine.asked[stage] for stage in ("export", "check-batch-5", "check-batch-7", "translate")
    )
    assert export.parameters["batches"] == [5, 7]
    assert (five.inputs["model"], seven.inputs["model"]) == ("check-batch-5/model.onnx", "check-batch-7/model.onnx")
    assert translate.parameters["batches"] == [5, 7]
    assert set(translate.inputs) == {"simplified.5", "samples.5", "simplified.7", "samples.7"}
    assert set(engine.asked["run-tensorflow"].inputs) == {"saved_model", "samples", "samples.5"}
    made = Path("out/saved_model/saved_model.pb").read_bytes()
    assert made == b"simplified an ONNX model of 5, simplified an ONNX model of 7"
    runtimes = ["onnxruntime", "tensorflow", *RUNTIMES]
    compared = list(dict.fromkeys(hop.to for hop in report.hops))
    assert compared == [*runtimes, *(f"{runtime} at batch 5" for runtime in runtimes)]
    assert {hop.origin for hop in report.hops} == {"torch"}
    assert listing("out") == sorted([*ARTIFACTS, *DOCUMENTS])
    assert not any(name.startswith("time") and "batch" in name for name in operations(engine))


def test_an_onnx_file_with_an_open_batch_is_checked_for_other_sizes_itself(engine, recipe):
    Path("net.onnx").write_bytes(b"given")
    report = pipeline.run(recipe(source="net.onnx", **{"dynamic-batch": True}))
    sizes = {stage: engine.asked[stage].parameters.get("batch") for stage in CHECKED}
    assert [*sizes.values()] == [None, 5, 7]
    assert Path("out/saved_model/saved_model.pb").read_bytes() == b"simplified given, simplified given"
    assert {hop.origin for hop in report.hops} == {"onnxruntime"}
    assert {f"{runtime} at batch 5" for runtime in RUNTIMES} < {hop.to for hop in report.hops}


def test_the_inputs_that_have_the_batch_are_told_to_the_stages(engine, recipe):
    pipeline.run(recipe(dynamic=["image.0=n"]))
    assert engine.requests[0].parameters["batched"] == ["image"]
    Path("net.onnx").write_bytes(b"given")
    engine.requests.clear()
    pipeline.run(recipe(source="net.onnx", dynamic=["image.0=n"], out="other"))
    batched = [engine.asked[stage].parameters.get("batched") for stage in CHECKED]
    assert batched == [None, ["image"], ["image"]]


def test_a_difference_at_another_size_of_the_batch_is_a_disagreement(engine, recipe):
    def infer(call):
        result = fake_engine.infer(call)
        if "profiles" not in call.inputs:
            arrays = fake_engine.computed(call.inputs["samples"])
            fake_engine.write(call.outputs["outputs"], arrays | {"doubled": arrays["doubled"][:1]})
        return result

    engine.programs["infer"] = infer
    with pytest.raises(ParityError, match=f"{RUNTIMES[0]} at batch 5 differs from torch in the shape of"):
        pipeline.run(recipe(**{"dynamic-batch": True}))


def test_the_export_sees_the_module_and_nothing_else_of_its_folder(engine, recipe, model_file):
    model_file.with_name("secret.txt").write_text("x")
    seen = []

    def export(call):
        seen.extend(sorted(path.name for path in call.inputs["source"].rglob("*")))
        return fake_engine.export(call)

    engine.programs["export"] = export
    pipeline.run(recipe())
    assert seen == ["model.py"]


def test_a_worker_that_ran_the_users_code_is_gone_when_the_next_stage_starts(engine, recipe):
    programs = []

    def infer(call):
        programs.extend(worker.job.program for worker in engine.running)
        return fake_engine.infer(call)

    engine.programs["infer"] = infer
    pipeline.run(recipe())
    assert "tflite_run.infer" in programs
    assert "torch_export.export" not in programs


def test_a_checkpoint_is_exported(engine, recipe):
    Path("net.pt").write_bytes(b"TorchScript")
    pipeline.run(recipe(source="net.pt"))
    assert engine.requests[0].parameters["source"] == {"kind": "checkpoint"}
    assert engine.requests[0].inputs["source"].endswith(".pt")


def test_images_are_made_before_anything_runs_and_of_nothing_of_the_models(engine, recipe, model_file, monkeypatch):
    ensure, seen = engine.ensure, []

    def ensuring(recipes, observe):
        recipes = list(recipes)
        seen.append((list(engine.running), {data for image in recipes for data in image.files.values()}))
        return ensure(recipes, observe)

    monkeypatch.setattr(engine, "ensure", ensuring)
    pipeline.run(recipe())
    ((running, files),) = seen
    assert running == []
    assert model_file.read_bytes() not in files


def test_a_checkpoint_is_not_run_where_nothing_isolates_it(engine, recipe):
    Path("net.pt").touch()
    engine.isolates = False
    with pytest.raises(UsageError, match=r"net\.pt is a program: .* the fake engine does not isolate") as caught:
        pipeline.run(recipe(source="net.pt"))
    assert "--trust" in caught.value.hint
    assert "--engine docker" in caught.value.hint
    assert engine.requests == []
    pipeline.run(recipe(source="net.pt", trust=True))
    assert engine.requests[0].parameters["source"] == {"kind": "checkpoint"}


def test_a_source_is_not_built_where_nothing_isolates_it(engine, recipe, monkeypatch):
    added = extra_requirements.Added(b"--no-binary deep\ndeep==1 --hash=sha256:0\n", {})
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: added)
    asked = {"with": ["deep==1"]}
    engine.isolates = False
    with pytest.raises(UsageError, match="deep can be had as source only: building it runs its setup") as caught:
        pipeline.run(recipe(**asked))
    assert "--trust" in caught.value.hint
    assert engine.requests == []
    assert pipeline.run(recipe(**asked, trust=True)).ok


def test_a_saved_model_is_not_run_where_nothing_isolates_it(engine, recipe):
    Path("given").mkdir()
    Path("given/saved_model.pb").write_bytes(b"given")
    engine.isolates = False
    with pytest.raises(UsageError, match=r"given is a program: .* the fake engine does not isolate") as caught:
        pipeline.run(recipe(source="given"))
    assert "--trust" in caught.value.hint
    assert engine.requests == []
    assert pipeline.run(recipe(source="given", trust=True)).ok


def test_an_onnx_file_is_compared_with_onnxruntime(engine, recipe):
    Path("net.onnx").write_bytes(b"given")
    report = pipeline.run(recipe(source="net.onnx"))
    assert operations(engine) == STAGES[1:]
    assert report.stages[0].source == "skipped"
    assert {hop.origin for hop in report.hops} == {"onnxruntime"}
    assert Path("out/model.onnx").read_bytes() == b"given"


def test_a_saved_model_is_compared_with_tensorflow(engine, recipe):
    Path("given").mkdir()
    Path("given/saved_model.pb").write_bytes(b"given")
    report = pipeline.run(recipe(source="given"))
    assert sorted(operations(engine)) == sorted(["adopt", "convert", *INFER, *TIMED])
    assert [stage.name for stage in report.stages if stage.source == "skipped"] == ["export", "check", "translate"]
    assert {hop.origin for hop in report.hops} == {"tensorflow"}
    assert Path("out/saved_model/saved_model.pb").read_bytes() == b"given"
    assert Path("given/saved_model.pb").read_bytes() == b"given"


def test_workers_stay_but_those_that_ran_a_program(engine, recipe, monkeypatch):
    """The graph of a SavedModel is one."""
    Path("given").mkdir()
    Path("given/saved_model.pb").write_bytes(b"given")
    Path("net.onnx").write_bytes(b"given")
    kept = []

    def borrow(name, job):
        kept.append((name, job.keep_warm, job.program))
        return engine.start(job)

    monkeypatch.setattr("pinlite.engine.warm.borrow", borrow)
    pipeline.run(recipe(source="given", **{"keep-warm": "1m"}))
    assert kept == []
    pipeline.run(recipe(source="net.onnx", out="other", **{"keep-warm": "1m"}))
    assert ("fake", 60.0, "tflite_convert.convert") in kept


def test_a_second_conversion_replaces_the_first_whole(engine, recipe):
    pipeline.run(recipe(variant=["float32", "float16"]))
    both = listing("out")
    pipeline.run(recipe())
    assert engine.requests
    assert set(both) - set(listing("out")) == {"model.float16.tflite"}


def test_the_result_of_another_source_is_refused_before_any_work(engine, recipe):
    pipeline.run(recipe())
    both, requests = listing("out"), len(engine.requests)
    Path("given").mkdir()
    Path("given/saved_model.pb").write_bytes(b"given")
    with pytest.raises(UsageError, match=r"another source: .*model\.py:build, not given"):
        pipeline.run(recipe(source="given"))
    assert (listing("out"), len(engine.requests)) == (both, requests)


def test_a_disagreement_publishes_everything_and_says_where(engine, recipe):
    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], arrays | {"mean": arrays["mean"] + 1})
        return result

    engine.programs["infer"] = infer
    with pytest.raises(ParityError) as raised:
        pipeline.run(recipe())
    assert f"{RUNTIMES[0]} differs from torch by 2 " in str(raised.value)
    assert "'mean'" in str(raised.value)
    assert "0.0001" in str(raised.value)
    assert "--tolerance" in raised.value.hint
    assert not raised.value.report.ok
    assert listing("out") == sorted([*ARTIFACTS, *DOCUMENTS])
    assert json.loads(Path("out/report.json").read_text())["ok"] is False
    assert pipeline.run(recipe(tolerance=2.5)).ok


def wrong_on(profile):
    """A program that computes something else of one profile."""

    def program(call, right):
        result = right(call)
        if "profiled" in call.outputs:
            found = fake_engine.profiled(call.outputs.get("profiles") or call.inputs["profiles"])
            fake_engine.write(call.outputs["profiled"], found | {f"{profile}/mean": found[f"{profile}/mean"] + 1})
        return result

    return program


def test_a_disagreement_on_a_profile_names_it(engine, recipe):
    engine.programs["infer"] = partial(wrong_on("zeros"), right=fake_engine.infer)
    with pytest.raises(ParityError, match=r"'mean' on the profile `zeros`; the tolerance is 0\.0001") as raised:
        pipeline.run(recipe())
    assert "profiles.npz" in raised.value.hint
    assert "--samples" in raised.value.hint
    assert [(hop.to, hop.profile) for hop in raised.value.report.hops if not hop.passed] == [
        (runtime, "zeros") for runtime in RUNTIMES
    ]
    assert listing("out") == sorted([*ARTIFACTS, *DOCUMENTS])


def test_what_differs_from_torch_alone_on_a_profile_was_frozen_by_the_export(engine, recipe):
    engine.programs["export"] = partial(wrong_on("zeros"), right=fake_engine.export)
    with pytest.raises(ParityError, match=r"onnxruntime differs from torch .* on the profile `zeros`") as raised:
        pipeline.run(recipe())
    assert "frozen" in raised.value.hint


def test_samples_of_the_users_are_all_that_is_compared(engine, recipe):
    np.savez("mine.npz", **fake_engine.SAMPLES)
    engine.programs["infer"] = partial(wrong_on("zeros"), right=fake_engine.infer)
    report = pipeline.run(recipe(samples="mine.npz"))
    assert {hop.profile for hop in report.hops} == {None}
    assert report.profiles == ()
    assert not Path("out/profiles.npz").exists()


def test_profiles_are_made_where_the_samples_are(engine, recipe):
    pipeline.run(recipe())
    made = [name for name, request in engine.asked.items() if "profiles" in request.outputs]
    given = [name for name, request in engine.asked.items() if "profiles" in request.inputs]
    assert (made, given) == (["export"], ["run-onnxruntime", *INFER])


def test_what_a_user_asks_for_is_timed_and_else_what_there_is_time_for(engine, recipe):
    pipeline.run(recipe())
    usual = engine.asked[TIMED[0]].parameters
    assert 0 < usual["least"] < usual["most"]
    pipeline.run(recipe(**{"latency-runs": 300}))
    asked = engine.asked[TIMED[0]].parameters
    assert asked["least"] == asked["most"] == 300


def test_who_has_nothing_more_to_do_ends_before_files_are_timed(engine, recipe):
    there = []

    def timing(call):
        end = time.monotonic() + 10
        while time.monotonic() < end and "onnx-1.8.0" in (
            names := {worker.job.image.name for worker in engine.running}
        ):
            time.sleep(0.01)
        there.append(names)
        return fake_engine.time(call)

    engine.programs["time"] = timing
    pipeline.run(recipe())
    assert there[-1] == {"tensorflow-2.4.1", "tflite-2.14.0", "litert-2.3.0"}


def test_everything_is_timed_alone(engine, recipe):
    running, beside = [], []

    def busy(program):
        def run(call):
            running.append(call)
            beside.append((len(running), program is fake_engine.time))
            time.sleep(0.05)
            result = program(call)
            running.remove(call)
            return result

        return run

    engine.programs = {name: busy(program) for name, program in engine.programs.items()}
    pipeline.run(recipe(variant=["float32", "float16"]))
    assert max(count for count, is_timed in beside if not is_timed) > 1
    assert {count for count, is_timed in beside if is_timed} == {1}


def test_what_the_model_has_not_run_no_tflite_runtime_is_given(engine, recipe):
    given = {}

    def export(call):
        result = fake_engine.export(call)
        ran = {name: array for name, array in fake_engine.profiled(call.outputs["profiles"]).items() if "zeros" in name}
        fake_engine.write(call.outputs["profiled"], ran)
        return result

    def infer(call):
        with np.load(call.inputs["profiles"]) as arrays:
            given["infer"] = arrays.files
        return fake_engine.infer(call)

    engine.programs |= {"export": export, "infer": infer}
    assert pipeline.run(recipe()).ok
    assert given == {"infer": ["zeros/image"]}
    with np.load("out/profiles.npz") as arrays:
        assert arrays.files == ["zeros/image", "large/image"]


def test_what_was_left_out_of_a_profile_is_told(engine, recipe):
    def export(call):
        result = fake_engine.export(call)
        found = fake_engine.profiled(call.outputs["profiles"])
        found["large/mean"] = found["large/mean"] * np.nan
        fake_engine.write(
            call.outputs["profiled"], {name: array for name, array in found.items() if name.startswith("large")}
        )
        return result

    def infer(call):
        result = fake_engine.infer(call)
        fake_engine.write(call.outputs["profiled"], {})
        return result

    engine.programs |= {"export": export, "infer": infer}
    report = pipeline.run(recipe())
    assert report.ok
    assert {(hop.output, hop.profile) for hop in report.hops if hop.profile} == {("doubled", "large")}
    zeros, large = report.profiles
    assert (zeros.name, large.name) == ("zeros", "large")
    assert zeros.left_out == ("torch: it took too long, or the model does not take these samples",)
    assert large.left_out == (
        "mean of torch: it has NaN or infinite values",
        *(f"{runtime} float32: it took too long, or the model does not take these samples" for runtime in RUNTIMES),
    )


def test_an_output_of_which_nothing_was_compared_is_told(engine, recipe):
    """As samples with a NaN give it."""

    def endless(right):
        def run(call):
            result = right(call)
            with np.load(call.outputs["outputs"]) as arrays:
                found = dict(arrays)
            found["mean"] = found["mean"] * np.nan
            fake_engine.write(call.outputs["outputs"], found)
            return result

        return run

    for name in ("export", "run-onnxruntime", "run-tensorflow", "infer"):
        engine.programs[name] = endless(engine.programs[name])
    report = pipeline.run(recipe())
    assert report.ok
    assert [warned.message for warned in report.warnings] == [
        "output 'mean' is NaN or infinite all over on the samples: nothing of it was compared"
    ]


def test_outputs_that_can_not_be_compared_are_a_disagreement(engine, recipe):
    def compute(call):
        fake_engine.write(call.outputs["outputs"], {"doubled": np.ones(3, np.float32), "mean": np.array([np.nan])})
        return {}

    engine.programs["run-tensorflow"] = compute
    with pytest.raises(ParityError) as raised:
        pipeline.run(recipe())
    assert "differs from torch in the shape of output 'doubled', or in where it is NaN or infinite" in str(raised.value)
    assert json.loads(Path("out/report.json").read_text())["hops"][2]["max_rel_error"] is None


@pytest.mark.parametrize(
    ("kind", "error"), [("usage", UsageError), ("model", ModelError), ("internal", StageCrashError)]
)
@pytest.mark.parametrize("stage", STAGES)
def test_a_refusal_of_any_stage_names_it_and_keeps_what_others_can_run(engine, recipe, stage, kind, error):
    def refuse(_):
        raise RefusalError(kind, "no such operator", "do without")

    engine.programs[stage] = refuse
    with pytest.raises(error) as raised:
        pipeline.run(recipe())
    assert str(raised.value) == f"{stage}: no such operator"
    assert raised.value.hint
    # What one of several runtimes refuses is kept for the others.
    assert Path("out").exists() == (kind == "model" and stage in INFER)


@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupt_in_any_stage_writes_nothing(engine, recipe, stage):
    def interrupted(_):
        raise KeyboardInterrupt

    engine.programs[stage] = interrupted
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(recipe())
    assert not Path("out").exists()


@pytest.mark.parametrize("error", [StageCrashError("gone", hint="log"), OutOfMemoryError("needs more", hint="more")])
def test_a_worker_that_dies_names_the_stage(engine, recipe, error):
    def die(_):
        raise error

    engine.programs["convert"] = die
    with pytest.raises(type(error), match=r"^convert: "):
        pipeline.run(recipe())
    assert not Path("out").exists()


def test_a_bug_in_the_midst_leaves_nothing_either(engine, recipe):
    engine.programs["check"] = lambda _: 1 / 0
    with pytest.raises(ZeroDivisionError):
        pipeline.run(recipe())
    assert not Path("out").exists()


def test_a_worker_that_can_not_start_ends_the_run(engine, recipe, monkeypatch):
    starting = engine.start

    def start(job):
        if job.program == "onnx_check.check":
            raise StageCrashError("no container", hint="look")
        return starting(job)

    monkeypatch.setattr(engine, "start", start)
    with pytest.raises(StageCrashError, match="check: no container"):
        pipeline.run(recipe())


@pytest.mark.parametrize("make", ["folder", "file", "absent"])
def test_an_output_folder_that_will_not_do_is_refused_before_any_work(engine, recipe, make):
    out = "/proc/pinlite/out"
    if make == "folder":
        Path("out").mkdir()
        Path("out/mine.txt").write_text("mine")
        out = "out"
    elif make == "file":
        Path("out").write_text("mine")
        out = "out"
    with pytest.raises(UsageError) as raised:
        pipeline.run(recipe(out=out))
    assert f"--out {out}" in str(raised.value)
    assert engine.requests == []


def test_an_output_folder_that_fills_meanwhile_is_not_overwritten(engine, recipe):
    def infer(call):
        Path("out").mkdir(exist_ok=True)
        Path("out/mine.txt").write_text("mine")
        return fake_engine.infer(call)

    engine.programs[INFER[-1]] = infer
    with pytest.raises(UsageError, match=r"mine\.txt"):
        pipeline.run(recipe())
    assert listing("out") == ["mine.txt"]


def test_a_full_disk_keeps_the_earlier_result(engine, recipe, small_files, monkeypatch):
    pipeline.run(recipe())
    before = Path("out/report.json").read_bytes()
    publish = pipeline.output.publish

    def on_a_full_disk(*arguments):
        with small_files(1000):
            publish(*arguments)

    monkeypatch.setattr(pipeline.output, "publish", on_a_full_disk)
    with pytest.raises(UsageError, match="--out out can't"):
        pipeline.run(recipe(seed=1))
    assert engine.requests
    assert Path("out/report.json").read_bytes() == before
    assert listing("out") == sorted([*ARTIFACTS, *DOCUMENTS])


def test_a_cache_that_can_not_be_written_says_so(engine, recipe, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", "/proc/pinlite")
    with pytest.raises(UsageError) as raised:
        pipeline.run(recipe())
    assert "/proc/pinlite" in str(raised.value)
    assert "PINLITE_CACHE" in raised.value.hint
    assert engine.requests == []


def test_what_a_killed_run_left_is_removed_first(engine, recipe):
    engine.left = [Leftover("process", "1", "gone"), Leftover("process", "2", "gone")]
    pipeline.run(recipe())
    assert engine.left == []


def test_every_stage_is_announced_and_finished(engine, recipe):
    events = []
    pipeline.run(recipe(), events.append)
    assert sorted(event.stage for event in events if isinstance(event, StageStarted)) == sorted(STAGES)
    finished = {event.stage: event.source for event in events if isinstance(event, StageFinished)}
    assert finished == dict.fromkeys(STAGES, "ran")
    assert engine.requests


def test_a_failed_stage_is_finished_as_failed(engine, recipe):
    def refuse(_):
        raise RefusalError("model", "no")

    engine.programs["check"] = refuse
    events = []
    with pytest.raises(ModelError):
        pipeline.run(recipe(), events.append)
    assert (events[-1].stage, events[-1].source) == ("check", "failed")


def test_packages_of_with_are_layered_on_the_export_alone(engine, recipe, monkeypatch):
    added = extra_requirements.Added(b"timm==0.4.12", {})
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: added)
    report = pipeline.run(recipe(**{"with": ["timm==0.4.12"]}))
    assert {stage.name: stage.image for stage in report.stages}["export"] == "torch-1.7.1-with"
    others = {image.name for image in from_pytorch() if image != toolchain.load().images["torch"]}
    assert set(report.toolchain) == {"torch-1.7.1-with", *others}
    assert engine.requests
