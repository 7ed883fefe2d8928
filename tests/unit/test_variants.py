"""Runs of several variants, on the fake engine."""

import itertools
import json
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from fake_engine import INFER, INFER_SELECT_TF, RUNTIMES, SELECT_TF, TIME_SELECT_TF, TIMED, RefusalError

from pinlite.conversion import pipeline
from pinlite.errors import ModelError, ParityError, StageCrashError, UsageError
from pinlite.options import resolve
from pinlite.toolchain import extra_requirements, targets

ALL = ["float32", "float16", "dynamic", "int8", "int8-only", "int16x8"]
FATAL = {"usage": UsageError, "internal": StageCrashError}


@pytest.fixture
def recipe(model_file):
    def make(*variants, **options):
        asked = {"variant": list(variants), "calibration": "random"}
        return resolve({"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"} | asked | options)

    return make


@pytest.fixture(autouse=True)
def nothing_is_left(engine, temporary):
    yield
    assert engine.running == []
    assert list(temporary.iterdir()) == []


def listing(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def asked(engine, operation):
    return [request for request in engine.requests if request.operation == operation]


def off_by(difference, variant, *stages):
    """Runtimes that compute something else of a variant: all of them, or those of the stages."""

    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], {name: array + difference for name, array in arrays.items()})
        return result

    return {f"{stage}-{variant}": infer for stage in stages or INFER}


def test_each_variant_is_a_file_that_every_runtime_ran(engine, recipe):
    report = pipeline.run(recipe(*ALL))
    assert [variant.name for variant in report.variants] == ALL
    assert {f"model.{name}.tflite" for name in ALL} <= set(listing("out"))
    for name, variant in zip(ALL, report.variants, strict=True):
        assert variant.path == f"model.{name}.tflite"
        assert tuple(variant.parity) == tuple(variant.cosine) == RUNTIMES
        hops = [
            (hop.origin, hop.to)
            for hop in report.hops
            if hop.variant == name and hop.output == "mean" and not hop.profile
        ]
        between = [] if name in ("float32", "float16") else list(itertools.combinations(RUNTIMES, 2))
        assert hops == [("torch", runtime) for runtime in RUNTIMES] + between
    assert sorted(request.parameters["variant"] for request in asked(engine, "convert")) == sorted(ALL)
    # Each stage has a name of its own.
    names = [stage.name for stage in report.stages]
    assert len(set(names)) == len(names)


def test_one_worker_gets_the_saved_model_once_for_all_variants(engine, recipe):
    pipeline.run(recipe(*ALL))
    assert len({request.inputs["saved_model"] for request in asked(engine, "convert")}) == 1


def test_integer_variants_alone_are_calibrated_all_on_the_same_samples(engine, recipe):
    report = pipeline.run(recipe(*ALL))
    requests = {request.parameters["variant"]: request for request in asked(engine, "convert")}
    given = [requests[name].inputs.get("calibration") for name in ALL]
    assert given[:3] == [None] * 3
    assert len(set(given[3:])) == 1
    assert (report.calibration.source, report.calibration.samples) == ("random", 32)
    with np.load("out/calibration.npz") as arrays:
        assert arrays["image"].shape == (32, 1, 3, 4, 4)


def test_without_integers_nothing_is_calibrated(engine, recipe):
    report = pipeline.run(recipe("float32", "dynamic", calibration="model.py:samples"))
    assert report.calibration is None
    assert asked(engine, "calibrate") == []
    assert "calibration.npz" not in listing("out")


def test_integers_are_not_timed_where_their_kernels_are_slow(engine, recipe):
    report = pipeline.run(recipe("float32", "int8", "int16x8"))
    timed = {variant.name: set(variant.latency_ms) for variant in report.variants}
    fast = {*RUNTIMES} - {SELECT_TF}
    assert timed == {"float32": {*RUNTIMES}, "int8": fast, "int16x8": fast}
    most = {request.id: request.parameters["most"] for request in asked(engine, "time")}
    for stage in {*TIMED} - {TIME_SELECT_TF}:
        assert 0 < most[f"{stage}-int16x8"] < most[f"{stage}-int8"]


def test_what_quantized_integers_stand_for_is_compared(engine, recipe):
    def convert(call):
        result = fake_engine.convert(call)
        for tensor in result["outputs"]:
            tensor.update(dtype="int8", scale=1 / 32, zero_point=-5)
        return result

    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        integers = {name: np.round(array * 32 - 5).astype(np.int8) for name, array in arrays.items()}
        fake_engine.write(call.outputs["outputs"], integers)
        return result

    engine.programs |= {"convert-int8-only": convert} | {f"{stage}-int8-only": infer for stage in INFER}
    report = pipeline.run(recipe("float32", "int8-only"))
    (variant,) = [variant for variant in report.variants if variant.name == "int8-only"]
    assert 0 < variant.parity[RUNTIMES[0]] <= 0.5 / 32 / 0.5
    assert [hop.passed for hop in report.hops] == [True] * len(report.hops)
    assert {hop.tolerance for hop in report.hops if hop.variant == "int8-only" and hop.origin == "torch"} == {None}


def test_quantized_runtimes_that_disagree_end_with_seven(engine, recipe):
    engine.programs |= off_by(1, "int8", INFER_SELECT_TF)
    with pytest.raises(ParityError) as raised:
        pipeline.run(recipe("float32", "int8"))
    assert f"{SELECT_TF} (int8) differs from {RUNTIMES[0]}" in str(raised.value)
    assert "model.int8.tflite" in listing("out")


def test_float16_is_judged_by_a_tolerance_of_its_own(engine, recipe):
    engine.programs |= off_by(0.01, "float16")
    assert pipeline.run(recipe("float16")).ok
    with pytest.raises(ParityError) as raised:
        pipeline.run(recipe("float16", **{"variant-tolerance": ["float16=0.001"]}))
    assert "--variant-tolerance float16=NUMBER" in raised.value.hint


def test_integers_are_judged_where_a_tolerance_is_asked_for(engine, recipe):
    engine.programs |= off_by(0.05, "int8")
    assert pipeline.run(recipe("int8")).ok
    with pytest.raises(ParityError, match=r"the tolerance is 0\.01"):
        pipeline.run(recipe("int8", **{"variant-tolerance": ["int8=0.01"]}))


def test_a_variant_that_gives_no_numbers_never_passes(engine, recipe):
    engine.programs |= off_by(np.nan, "int8")
    with pytest.raises(ParityError, match="in where it is NaN or infinite"):
        pipeline.run(recipe("int8"))


@pytest.mark.parametrize(
    ("stage", "kind", "error"),
    [
        ("convert", "model", ModelError),
        *((stage, kind, error) for stage in ("convert", *INFER) for kind, error in FATAL.items()),
    ],
)
def test_a_variant_that_fails_leaves_the_others(engine, recipe, stage, kind, error):
    def refuse(_):
        raise RefusalError(kind, "FLOOR computes in floats", "use int8")

    engine.programs[f"{stage}-int8-only"] = refuse
    with pytest.raises(error) as raised:
        pipeline.run(recipe("float32", "int8-only", "int16x8"))
    assert str(raised.value) == f"{stage}-int8-only: FLOOR computes in floats"
    assert "out has the variants that are finished" in raised.value.hint
    kept = [name for name in listing("out") if name.endswith(".tflite")]
    assert kept == ["model.float32.tflite", "model.int16x8.tflite"]
    report = json.loads(Path("out/report.json").read_text())
    assert report["ok"] is False
    assert [variant["name"] for variant in report["variants"]] == ["float32", "int16x8"]
    (failure,) = report["failures"]
    assert (failure["variant"], failure["exit_status"]) == ("int8-only", error.exit_status)
    assert (failure["stage"], failure["message"]) == (f"{stage}-int8-only", "FLOOR computes in floats")
    assert raised.value.report.to_json() == Path("out/report.json").read_text()


@pytest.mark.parametrize("stage", INFER)
def test_a_file_that_one_runtime_refuses_is_kept_for_the_others(engine, recipe, stage):
    def refuse(_):
        raise RefusalError("model", "no kernel of 16 bits", "")

    engine.programs[f"{stage}-int16x8"] = refuse
    with pytest.raises(ModelError, match=f"{stage}-int16x8: no kernel of 16 bits") as raised:
        pipeline.run(recipe("float32", "int16x8"))
    others = [runtime for runtime, each in zip(RUNTIMES, INFER, strict=True) if each != stage]
    assert f"the file is kept, for {', '.join(others)}: with a --target" in raised.value.hint
    report = raised.value.report
    assert not report.ok
    assert [failure.variant for failure in report.failures] == ["int16x8"]
    assert [list(variant.parity) for variant in report.variants] == [list(RUNTIMES), others]
    assert "model.int16x8.tflite" in listing("out")
    (skipped,) = [record for record in report.stages if record.name == f"{stage}-int16x8"]
    assert (skipped.source, skipped.reason) == ("skipped", "no kernel of 16 bits")


def test_after_a_crash_the_other_variants_have_a_new_worker(engine, recipe):
    def crash(_):
        # What a dead worker says to every further request.
        (worker,) = (worker for worker in engine.running if worker.job.program == "tflite_convert.convert")

        def dead(_):
            raise StageCrashError("ended by signal 11", hint="log")

        worker.request = dead
        raise StageCrashError("ended by signal 11", hint="log")

    engine.programs["convert-int8"] = crash
    with pytest.raises(StageCrashError, match="convert-int8: ended by signal 11"):
        pipeline.run(recipe("float32", "int8", "int16x8"))
    assert {"model.float32.tflite", "model.int16x8.tflite"} <= set(listing("out"))


def test_where_no_variant_is_finished_nothing_is_written(engine, recipe):
    def refuse(_):
        raise RefusalError("model", "no", "do without")

    engine.programs["infer"] = refuse
    with pytest.raises(ModelError, match=f"{INFER[0]}: no") as raised:
        pipeline.run(recipe("float32", "int8"))
    assert raised.value.report is None
    assert not Path("out").exists()


def test_the_command_shows_what_is_finished_and_ends_with_the_failing_variants_status(engine, command, model_file):
    def refuse(_):
        raise RefusalError("model", "FLOOR computes in floats", "use int8")

    engine.programs["convert-int8-only"] = refuse
    options = ("--variant", "float32", "--variant", "int8-only", "--calibration", "random", "--out", "out")
    status, out, err = command("convert", f"{model_file}:build", "--input", "image=1x3x4x4", *options)
    assert status == 3
    assert "int8-only failed: convert-int8-only: FLOOR computes in floats" in out
    assert "model.float32.tflite" in out
    assert "error: convert-int8-only: FLOOR computes in floats\nhint: use int8; out has" in err


def test_how_integers_are_chosen_is_asked_of_what_is_calibrated(engine, recipe):
    pipeline.run(
        recipe(
            *("float32", "dynamic", "int8"),
            **{"ranges": "percentile=99.9", "equalize": True, "keep-float": ["Gemm*"], "keep-int16": ["head"]},
            **{"weight-ranges": "mse", "symmetric": True},
        )
    )
    given = {request.id: request.parameters.get("quantization") for request in asked(engine, "convert")}
    method = {
        "ranges": "percentile=99.9",
        "equalize": True,
        "round": "nearest",
        "correct_bias": False,
        "keep_float": ["Gemm*"],
        "keep_int16": ["head"],
        "weight_ranges": "mse",
        "symmetric": True,
    }
    assert given == {"convert": None, "convert-dynamic": None, "convert-int8": method}


def test_a_file_may_use_what_its_target_has(engine, recipe):
    def has():
        (*_, request) = asked(engine, "convert")
        return request.parameters.get("has")

    pipeline.run(recipe("int8"))
    assert has() is None
    pipeline.run(recipe("int8", target="litert-2"))
    assert has() == sorted(targets.load()["litert-2"].has)
    # The target is part of what is made: the file of another one is no hit in the store.
    pipeline.run(recipe("int8", target="tflite-2.10"))
    assert has() == ["dense-channels", "dequantize-channels"]


def test_layers_may_be_called_by_the_modules_that_the_export_names(engine, recipe):
    def export(call):
        return fake_engine.export(call) | {"modules": {"Gemm_0": ["head.0", "head.1"]}}

    engine.programs["export"] = export
    pipeline.run(recipe("int8", **{"keep-float": ["head.*"]}))
    pipeline.run(recipe("int8", **{"keep-int16": ["head.*"], "out": "wide"}))
    pipeline.run(recipe("int8", equalize=True, out="other"))
    named, wide, other = (request.parameters["quantization"] for request in asked(engine, "convert"))
    assert named["modules"] == wide["modules"] == {"Gemm_0": ["head.0", "head.1"]}
    assert "modules" not in other


def test_modules_that_an_onnx_file_tells_are_known_too(engine, recipe):
    def check(call):
        return fake_engine.check(call) | {"modules": {"/head/Gemm": ["head"]}}

    engine.programs["check"] = check
    pipeline.run(recipe("int8", **{"keep-float": ["head"]}))
    (request,) = asked(engine, "convert")
    assert request.parameters["quantization"]["modules"] == {"/head/Gemm": ["head"]}


def test_plain_integers_are_asked_for_as_ever(engine, recipe):
    """The action is the one that the store has had without these options."""
    pipeline.run(recipe("int8", ranges="minmax"))
    (request,) = asked(engine, "convert")
    assert "quantization" not in request.parameters


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ranges": "entropy"}, "--ranges 'entropy' is no method"),
        ({"ranges": "percentile=101"}, "--ranges 'percentile=101' is no method"),
        ({"ranges": "percentile="}, "--ranges 'percentile=' is no method"),
        ({"weight-ranges": "kl"}, "--weight-ranges 'kl' is no method"),
        ({"variant": ["float16"], "weight-ranges": "mse"}, "--weight-ranges is given, but no variant takes ranges"),
        ({"symmetric": True, "lowering": "stock"}, "--symmetric: the lowering stock is onnx-tf unchanged"),
        ({"variant": ["float16"], "equalize": True}, "--equalize is given, but no variant takes ranges from samples"),
        ({"variant": ["dynamic"], "ranges": "mse"}, "--ranges is given, but no variant takes ranges"),
        (
            {"variant": ["int8-only"], "keep-float": ["Conv_1"]},
            "--keep-float Conv_1: --variant int8-only has no floats",
        ),
        ({"variant": ["dynamic"], "round": "adaptive"}, "--round is given, but no variant takes ranges"),
        ({"round": "down"}, "round"),
        (
            {"variant": ["int8", "int8-only"], "keep-int16": ["Conv_1", "head"]},
            "--keep-int16 Conv_1, head: --variant int8-only has no floats, through which",
        ),
        ({"variant": ["int16x8"], "keep-int16": ["Conv_1"]}, "--keep-int16 Conv_1: no file of int8 is made"),
        ({"correct-bias": True, "lowering": "stock"}, "--correct-bias: the lowering stock is onnx-tf unchanged"),
    ],
)
def test_ways_to_choose_integers_that_mean_nothing(recipe, options, says):
    with pytest.raises(UsageError) as caught:
        recipe("int8", **options)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("variant", "options", "says", "hint"),
    [
        (
            "weight-int8",
            {},
            "weight-int8: not every runtime of the target tflite-2.4",
            "--target tflite-2.10 or --target",
        ),
        (
            "weight-int4",
            {"target": "tflite-2.10"},
            "weight-int4: not every runtime of the target",
            "take --target litert-2,",
        ),
        (
            "dynamic-int4",
            {},
            "dynamic-int4: not every runtime of the target",
            "take --target litert-2, or another variant",
        ),
        (
            "weight-int8",
            {"target": "litert-2", "lowering": "stock"},
            "weight-int8: the lowering stock has TensorFlow's own files alone",
            "--lowering nhwc",
        ),
    ],
)
def test_variants_that_the_target_can_not_run_are_refused(recipe, variant, options, says, hint):
    with pytest.raises(UsageError) as caught:
        recipe("float32", variant, **options)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_variants_that_the_target_can_run(engine, recipe):
    assert engine.requests == []
    names = ["weight-int8", "weight-int4", "dynamic-int4"]
    report = pipeline.run(recipe(*names, target="litert-2"))
    assert [variant.name for variant in report.variants] == names


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 3, 4, 4), np.float32), "is empty"),
        (np.full((2, 3, 4, 4), np.nan, np.float32), "NaN"),
        (np.zeros((2, 3, 4, 4), np.float32), "everywhere"),
        (np.ones((2, 3, 4), np.float32), "2x3x4"),
    ],
)
def test_bad_arrays_are_refused_before_any_work(engine, recipe, array, words):
    np.savez("c.npz", image=array)
    with pytest.raises(UsageError, match=words):
        pipeline.run(recipe("float32", "int8", calibration="c.npz"))
    assert engine.requests == []


def test_good_arrays_become_what_is_calibrated_on(engine, recipe):
    given = np.linspace(0, 1, 144, dtype=np.float32).reshape(3, 3, 4, 4)
    np.savez("c.npz", image=given)
    report = pipeline.run(recipe("int8", calibration="c.npz"))
    assert engine.requests
    assert report.calibration.samples == 3
    with np.load("out/calibration.npz") as arrays:
        np.testing.assert_array_equal(arrays["image"].reshape(given.shape), given)


def test_a_function_may_read_the_data(engine, recipe, model_file):
    Path("data.bin").write_bytes(b"data")
    pipeline.run(recipe("int8", calibration=f"{model_file}:samples", data="data.bin"))
    (request,) = asked(engine, "calibrate")
    assert "data" in request.inputs
    with pytest.raises(UsageError, match="no function that reads it"):
        recipe("int8", data="data.bin")


def test_a_function_is_called_in_a_worker_that_is_gone_afterwards(engine, recipe, model_file):
    seen, programs = [], []

    def calibrate(call):
        seen.extend(path.name for path in call.inputs["source"].iterdir())
        return fake_engine.calibrate(call)

    def convert(call):
        programs.extend(worker.job.program for worker in engine.running)
        return fake_engine.convert(call)

    Path("data.py").write_text("def samples():\n    ...\n")
    engine.programs |= {"calibrate": calibrate, "convert": convert}
    report = pipeline.run(recipe("int8", calibration="data.py:samples", seed=5))
    (request,) = asked(engine, "calibrate")
    assert seen == ["data.py"]
    assert "tflite_convert.convert" in programs
    assert "torch_export.representative_dataset" not in programs
    assert (request.parameters["module"], request.parameters["callable"]) == ("data", "samples")
    assert request.parameters["seed"] == 5
    assert request.parameters["inputs"][0]["name"] == "image"
    assert report.calibration.samples == 2
    assert model_file.exists()


def test_the_images_alone_are_shown_to_the_sandbox(engine, recipe):
    Path("photos").mkdir()
    for name in ("b.png", "a.jpg", "secret.txt"):
        Path("photos", name).touch()
    seen = []

    def calibrate(call):
        seen.extend(sorted(path.name for path in call.inputs["source"].iterdir()))
        return fake_engine.calibrate(call) | {"preparation": "2 images as RGB"}

    engine.programs["calibrate"] = calibrate
    report = pipeline.run(recipe("int8", calibration="photos", mean="0.5"))
    assert seen == ["a.jpg", "b.png"]
    assert report.calibration.preparation == "2 images as RGB"
    assert asked(engine, "calibrate")[0].parameters["mean"] == [0.5]


def test_what_a_calibration_worker_writes_is_not_trusted(engine, recipe):
    def calibrate(call):
        fake_engine.write(call.outputs["samples"], {"image": np.full((2, 1, 3, 4, 4), np.inf, np.float32)})
        return {"preparation": ""}

    engine.programs["calibrate"] = calibrate
    with pytest.raises(UsageError, match="infinities"):
        pipeline.run(recipe("float32", "int8", calibration="model.py:samples"))
    assert not Path("out").exists()


def test_an_onnx_file_is_calibrated_by_a_function_with_the_packages_of_with(engine, recipe, monkeypatch):
    added = extra_requirements.Added(b"timm==0.4.12", {})
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: added)
    Path("net.onnx").write_bytes(b"given")
    options = {"source": "net.onnx", "calibration": "model.py:samples", "with": ["timm==0.4.12"]}
    report = pipeline.run(recipe("int8", **options))
    assert {stage.name: stage.image for stage in report.stages}["calibrate"] == "torch-1.7.1-with"
    assert engine.requests


def constant(only):
    """A variant of which nothing is left but the outputs' shapes."""

    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], {name: np.zeros_like(array) for name, array in arrays.items()})
        return result

    return {f"{stage}-{only}": infer for stage in INFER}


def test_what_is_lost_on_the_users_calibration_ends_with_seven(engine, recipe):
    engine.programs |= constant("int8")
    np.savez("c.npz", image=np.linspace(0, 1, 144, dtype=np.float32).reshape(3, 3, 4, 4))
    with pytest.raises(ParityError, match="int8 has lost output 'doubled': it is constant") as raised:
        pipeline.run(recipe("float32", "int8", calibration="c.npz"))
    assert "an output of their own" in raised.value.hint
    report = raised.value.report
    assert (report.ok, report.warnings) == (False, ())
    assert [(lost.variant, lost.output, lost.failed) for lost in report.lost] == [("int8", "doubled", True)]
    assert "model.int8.tflite" in listing("out")


def test_what_is_lost_on_random_numbers_is_a_warning(engine, recipe):
    engine.programs |= constant("int8")
    report = pipeline.run(recipe("float32", "int8", calibration="random"))
    assert report.ok
    (warned,) = report.warnings
    assert (warned.variant, warned.stage) == ("int8", "infer")
    assert "has lost output 'doubled'" in warned.message


def test_samples_beyond_the_calibration_are_told(engine, recipe):
    engine.programs |= off_by(1, "int8", INFER_SELECT_TF) | constant("int16x8")
    np.savez("c.npz", image=np.linspace(0, 0.1, 144, dtype=np.float32).reshape(3, 3, 4, 4))
    asked = {"calibration": "c.npz", "variant-tolerance": ["int8=0.01"]}
    report = pipeline.run(recipe("float32", "int8", "int16x8", **asked))
    assert report.ok
    beyond = {variant.name: variant.beyond_calibration for variant in report.variants}
    assert beyond == {"float32": (), "int8": ("samples", "large"), "int16x8": ("samples", "large")}
    assert {hop.tolerance for hop in report.hops if hop.variant in ("int8", "int16x8")} == {None}
    assert report.lost == ()


def of_integers(call):
    """A file with integer operators."""
    result = fake_engine.convert(call)
    result["quantization"]["integer_operators"] = {"LOGISTIC": {"int16": 2}}
    return result


def test_a_file_with_integer_operators_is_audited(engine, recipe):
    engine.programs["convert-int16x8"] = of_integers
    report = pipeline.run(recipe("float32", "int16x8"))
    audits = {variant.name: variant.audit for variant in report.variants}
    assert audits["float32"] is None
    assert audits["int16x8"].computed.checked == {"GELU": 1, "LOGISTIC": 1}
    assert [record.source for record in report.stages if record.name == "audit-int16x8"] == ["ran"]
    assert not [warned for warned in report.warnings if warned.stage == "audit"]


def test_what_an_audit_finds_wrong_is_a_warning(engine, recipe):
    def audit(call):
        found = fake_engine.audit(call)
        found["computed"]["off"][0]["steps"] = 9
        return found

    engine.programs |= {"convert-int16x8": of_integers, "audit-int16x8": audit}
    report = pipeline.run(recipe("int16x8"))
    (warned,) = [warned for warned in report.warnings if warned.stage == "audit"]
    assert warned.variant == "int16x8"
    assert warned.message == "1 operator(s) are off: LOGISTIC 1 (y) by 9 steps, 4 allowed"


def test_a_file_that_can_not_be_audited_is_kept_all_the_same(engine, recipe):
    def audit(_):
        raise RefusalError("model", "too large")

    engine.programs |= {"convert-int16x8": of_integers, "audit-int16x8": audit}
    report = pipeline.run(recipe("int16x8"))
    assert report.variants[0].audit is None
    # What the converter counts still tells of a runtime's fault.
    assert any(f"{SELECT_TF} computes LOGISTIC of int16 wrongly" in warned.message for warned in report.warnings)
    (skipped,) = [record for record in report.stages if record.name == "audit-int16x8"]
    assert (skipped.source, skipped.reason) == ("skipped", "too large")


def test_a_runtime_that_is_known_to_be_wrong_is_named(engine, recipe):
    engine.programs |= {"convert-int16x8": of_integers} | off_by(1, "int16x8", INFER_SELECT_TF)
    with pytest.raises(ParityError) as raised:
        pipeline.run(recipe("float32", "int16x8"))
    assert f"differs from {RUNTIMES[0]}" in str(raised.value)
    (warned,) = raised.value.report.warnings
    assert (warned.variant, warned.stage) == ("int16x8", f"{INFER_SELECT_TF}-int16x8")
    assert f"{SELECT_TF} computes LOGISTIC of int16 wrongly" in warned.message
    assert warned.message in str(raised.value)
