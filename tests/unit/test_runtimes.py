"""In which runtimes a file has to be right: those that the target asks for. What becomes of it in others is told."""

import itertools
import json
from pathlib import Path

import fake_engine
import pytest
from fake_engine import INFER, INFER_SELECT_TF, RUNTIMES, SELECT_TF, RefusalError

from pinlite import toolchain
from pinlite.conversion import pipeline, select_tf_cost
from pinlite.errors import ModelError, ParityError, WarnedError
from pinlite.options import resolve
from pinlite.stages import audit, trace
from pinlite.ui import view

# It asks for tflite-runtime and LiteRT, and not for a TensorFlow as old as the one that has Select-TF.
OTHERS = [stage for stage in INFER if stage != INFER_SELECT_TF]
NEWER = {"target": "tflite-2.10"}
TOLD = f"the target tflite-2.10 does not ask for {SELECT_TF}: no op for FULLY_CONNECTED version 12"


@pytest.fixture
def run(engine, model_file):
    assert engine.requests == []

    def convert(*variants, **options):
        asked = {"variant": list(variants or ["float32"]), "calibration": "random", "input": ["image=1x3x4x4"]}
        return pipeline.run(resolve({"source": f"{model_file}:build", "out": "out"} | asked | options))

    return convert


def off(call):
    """What a runtime computes that is wrong."""
    result = fake_engine.infer(call)
    found = fake_engine.computed(call.inputs["samples"])
    fake_engine.write(call.outputs["outputs"], {name: array + 1 for name, array in found.items()})
    return result


def off_on_profiles(call):
    result = fake_engine.infer(call)
    made = fake_engine.profiled(call.inputs["profiles"])
    fake_engine.write(call.outputs["profiled"], {name: array + 1 for name, array in made.items()})
    return result


def refuse(_):
    raise RefusalError("model", "no op for FULLY_CONNECTED version 12", "choose another target")


def skipped(report):
    return {stage.name: stage.reason for stage in report.stages if stage.source == "skipped"}


def test_a_report_says_which_runtimes_its_target_asks_for(run):
    every, newer = run(), run(**NEWER)
    assert (every.target, newer.target) == (toolchain.load().target.name, "tflite-2.10")
    assert [runtime.name for runtime in every.runtimes if runtime.required] == list(RUNTIMES)
    assert [runtime.name for runtime in newer.runtimes if not runtime.required] == [SELECT_TF]
    assert [runtime.name for runtime in newer.runtimes] == list(RUNTIMES)


@pytest.mark.parametrize("options", [{}, {"dynamic-batch": True}])
def test_a_difference_where_the_target_does_not_ask_is_told(engine, run, options):
    engine.programs[INFER_SELECT_TF] = off
    report = run(**NEWER, **options)
    assert report.ok
    told = [hop for hop in report.hops if hop.to.startswith(SELECT_TF)]
    assert {hop.tolerance for hop in told} == {None}
    assert max(hop.max_rel_error for hop in told) > 0.1
    judged = [hop for hop in report.hops if not hop.to.startswith(SELECT_TF) and hop.profile is None]
    assert None not in {hop.tolerance for hop in judged}
    (variant,) = report.variants
    assert set(variant.parity) == {*RUNTIMES}
    with pytest.raises(ParityError, match=f"{SELECT_TF} differs from torch"):
        run(**options)


def test_a_runtime_that_the_target_does_not_ask_for_bears_nothing_out_on_a_profile(engine, run):
    """One runtime alone is not believed to be wrong there, two that agree are."""
    engine.programs |= {INFER_SELECT_TF: off_on_profiles, OTHERS[0]: off_on_profiles}
    report = run(**NEWER)
    assert report.ok
    assert {hop.tolerance for hop in report.hops if hop.profile and hop.to == SELECT_TF} == {None}
    with pytest.raises(ParityError, match="on the profile"):
        run()
    engine.programs |= dict.fromkeys(OTHERS, off_on_profiles)
    with pytest.raises(ParityError, match="on the profile"):
        run(**NEWER, **{"no-cache": True})


@pytest.mark.parametrize("stage", OTHERS)
def test_a_difference_where_the_target_asks_is_none_to_be_told(engine, run, stage):
    engine.programs[stage] = off
    with pytest.raises(ParityError, match=f"{RUNTIMES[INFER.index(stage)]} differs from torch"):
        run(**NEWER)


def test_a_file_that_a_runtime_can_not_run_is_no_failure_where_the_target_does_not_ask(engine, run):
    engine.programs[INFER_SELECT_TF] = refuse
    report = run("float32", "int8", **NEWER)
    assert report.ok
    assert skipped(report) == {INFER_SELECT_TF: TOLD, f"{INFER_SELECT_TF}-int8": TOLD}
    assert [variant.name for variant in report.variants] == ["float32", "int8"]
    for variant in report.variants:
        assert set(variant.parity) == set(variant.latency_ms) == {*RUNTIMES} - {SELECT_TF}
    with pytest.raises(ModelError, match=f"{INFER_SELECT_TF}: no op for"):
        run()


def test_a_fault_of_a_runtime_that_the_target_does_not_ask_for_is_no_warning(engine, run):
    def convert(call):
        result = fake_engine.convert(call)
        result["quantization"]["integer_operators"] = {"LOGISTIC": {"int16": 2}}
        return result

    engine.programs |= {"convert-int16x8": convert, INFER_SELECT_TF: off}
    report = run("int16x8", **NEWER)
    assert report.ok
    assert not any("LOGISTIC" in warned.message for warned in report.warnings)
    # What the others agree on is held as ever.
    assert {(hop.origin, hop.to) for hop in report.hops if hop.origin in RUNTIMES and hop.tolerance is not None} == {
        tuple(runtime for runtime in RUNTIMES if runtime != SELECT_TF)
    }


def test_a_target_that_no_runtime_is_as_old_as_is_a_warning(run):
    assert run().warnings == ()
    (warned,) = run(**NEWER).warnings
    assert (warned.stage, warned.variant) == ("infer", None)
    assert "is as old as the target tflite-2.10 asks for" in warned.message
    assert all(runtime in warned.message for runtime in RUNTIMES)
    with pytest.raises(WarnedError, match="is as old as the target"):
        run(**NEWER, strict=True)


@pytest.mark.parametrize("stage", INFER)
def test_each_two_runtimes_have_to_agree_on_integers(engine, run, stage):
    engine.programs[f"{stage}-int8"] = off
    with pytest.raises(ParityError, match=r"\(int8\) differs from ") as raised:
        run("float32", "int8")
    hops = [hop for hop in raised.value.report.hops if hop.origin in RUNTIMES]
    assert {(hop.origin, hop.to) for hop in hops} == set(itertools.combinations(RUNTIMES, 2))
    wrong = RUNTIMES[INFER.index(stage)]
    for hop in hops:
        assert hop.variant == "int8"
        assert hop.passed is (wrong not in (hop.origin, hop.to))


def test_what_a_runtime_refuses_at_another_batch_size_is_told_of_that(engine, run):
    engine.programs[f"{INFER_SELECT_TF}-batch-5"] = refuse
    report = run(**NEWER, **{"dynamic-batch": True})
    assert report.ok
    assert skipped(report) == {f"{INFER_SELECT_TF}-batch-5": TOLD}
    names = [stage.name for stage in report.stages]
    assert len(set(names)) == len(names)


def test_operators_are_not_compared_in_a_runtime_that_could_not_run_the_file(engine, run):
    engine.programs[INFER_SELECT_TF] = refuse
    report = run(**NEWER, ops="select-tf")
    assert report.ok
    (variant,) = report.variants
    assert variant.comparison == ()


def test_where_no_runtime_can_run_a_file_it_is_said_why(engine, run):
    engine.programs |= {
        "convert": lambda call: fake_engine.convert(call) | {"select_tf": ["Cast"]},
        INFER_SELECT_TF: refuse,
    }
    with pytest.raises(ModelError) as raised:
        run(**NEWER)
    assert "no runtime of the toolchain classic can run it: " in raised.value.message
    for reason in ("has no Select-TF operators: Cast", TOLD):
        assert reason in raised.value.message


def test_what_is_lost_is_lost_in_the_runtimes_that_the_target_asks_for(engine, run):
    def constant(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], {name: array * 0 for name, array in arrays.items()})
        return result

    engine.programs |= {f"{stage}-int8": constant for stage in OTHERS}
    told = [warned.message for warned in run("int8", **NEWER).warnings]
    assert any("int8 has lost output 'doubled'" in message for message in told)


def test_why_a_stage_failed_is_not_sought_in_the_target(engine, run):
    engine.programs["check"] = refuse
    with pytest.raises(ModelError) as raised:
        run(**NEWER)
    assert raised.value.hint == "choose another target"


def test_an_added_runtime_runs_every_file_and_is_told_like_the_others(run, added_runtime):
    report = run("float32", "int8", runtime=[added_runtime])
    first, *others = report.runtimes
    assert (first.package, first.required) == ("tflite-micro", True)
    assert [each.name for each in others] == list(RUNTIMES)
    for variant in report.variants:
        assert list(variant.parity) == [first.name, *RUNTIMES]
        assert first.name in variant.latency_ms
    assert report.lock.options["runtime"] == [added_runtime]
    assert "tflite-micro" in report.lock.images


def test_what_looks_into_a_file_is_still_a_runtime_of_the_toolchain(added_runtime):
    own = toolchain.load()
    every = toolchain.with_runtimes(own, [added_runtime]).runtimes
    target = own.targets["litert-2"]
    for rows in (every, (*own.runtimes, every[0])):
        assert audit.home(rows) == audit.home(own.runtimes)
        assert trace.tflite(target, rows) == trace.tflite(target, own.runtimes)
        assert select_tf_cost.runtimes(rows) == select_tf_cost.runtimes(own.runtimes)
    assert audit.home(every[:1]) is None


def test_an_added_runtime_has_to_compute_right_whatever_the_target_asks_for(engine, run, added_runtime):
    engine.programs["infer-tflite-micro"] = off
    with pytest.raises(ParityError, match=r"tflite-micro .* differs from torch"):
        run(**NEWER, runtime=[added_runtime])
    engine.programs["infer-tflite-micro"] = refuse
    with pytest.raises(ModelError, match="no op for FULLY_CONNECTED") as raised:
        run(**NEWER, **{"no-cache": True}, runtime=[added_runtime])
    assert "--runtime that ask for no other" in raised.value.hint


def test_an_added_runtime_is_asked_for_files_with_operators_of_tensorflow(engine, run, added_runtime):
    """It is for itself to refuse them: the user asked for it."""

    def convert(call):
        return fake_engine.convert(call) | {"select_tf": ["FlexErf"]}

    engine.programs |= {"convert": convert, "infer-tflite-micro": refuse}
    with pytest.raises(ModelError, match="infer-tflite-micro: no op for"):
        run(runtime=[added_runtime])


@pytest.fixture
def emulated(engine):
    """The stages of the runtime for Arm, which an emulator runs."""

    def infer(call):
        return fake_engine.infer(call) | {"emulator": "qemu-user 7.2.22"}

    def time(_):
        return {"latency_ms": None, "notes": ["nothing is timed"]}

    engine.programs |= {"infer-tflite-2.14.0-arm64": infer, "time-tflite-2.14.0-arm64": time}


@pytest.mark.usefixtures("emulated")
def test_what_an_emulator_ran_is_told_and_not_timed(run):
    report = run("float32", "int8", runtime=["arm64"])
    arm, usual = report.runtimes[:2]
    assert (arm.name, arm.platform, arm.emulator) == (f"{usual.name} arm64", "linux/arm64", "qemu-user 7.2.22")
    assert {(each.platform, each.emulator) for each in report.runtimes[1:]} == {("linux/amd64", "")}
    assert {note.stage for note in report.notes} == {f"time-{arm.image}{variant}" for variant in ("", "-int8")}
    for variant in report.variants:
        assert arm.name in variant.parity
        assert arm.name not in variant.latency_ms
        assert usual.name in variant.latency_ms
    statement = json.loads(Path("out/provenance.json").read_text())
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    annotations = {each["name"]: each.get("annotations", {}) for each in dependencies}
    assert annotations[f"image/{arm.image}"] == {
        "dockerImageId": f"sha256:{arm.image}",
        "platform": "linux/arm64",
        "emulator": "qemu-user 7.2.22",
    }
    assert annotations[f"image/{usual.image}"] == {"dockerImageId": f"sha256:{usual.image}"}
    assert statement["predicate"]["buildDefinition"]["internalParameters"]["platform"] == "linux/amd64"


@pytest.mark.usefixtures("emulated")
def test_a_runtime_is_held_to_itself_on_another_processor(engine, run):
    report = run("float32", "int8", runtime=["arm64"])
    arm, usual = report.runtimes[:2]
    held = [hop for hop in report.hops if (hop.origin, hop.to) == (arm.name, usual.name) and hop.profile is None]
    assert {(hop.variant, hop.passed, hop.max_rel_error) for hop in held} == {("float32", True, 0), ("int8", True, 0)}
    assert None not in {hop.tolerance for hop in held}
    said = [
        line.text for line in view.of(report).variants if isinstance(line, view.Line) and "linux/arm64" in line.text
    ]
    assert said == [
        f"{variant} in {usual.name} on linux/arm64, by qemu-user 7.2.22, and on linux/amd64: equal to the bit"
        for variant in ("float32", "int8")
    ]
    engine.programs[f"infer-{arm.image}"] = off
    with pytest.raises(ParityError, match=f"{arm.name} differs from torch"):
        run(**{"no-cache": True}, runtime=["arm64"])
