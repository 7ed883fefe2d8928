"""inspect of a .tflite file: what is made of a stage's answer, and how it is shown."""

import json
import re
from pathlib import Path

import fake_engine
import jsonschema
import pytest

import pinlite
from pinlite.errors import StageCrashError


@pytest.fixture
def file():
    path = Path("x.tflite")
    path.write_bytes(b"TFL3 x")
    return path


@pytest.fixture
def answer(engine):
    """Have the stage answer other contents."""

    def set_(contents):
        def written(call):
            call.outputs["contents"].write_text(json.dumps(contents))
            return {}

        engine.programs["inspect"] = written

    return set_


def test_operators_are_summed_up_and_the_newest_of_them_wants_the_runtime(engine, file):
    report = pinlite.inspect(file)
    (request,) = engine.requests
    assert (request.operation, set(request.inputs)) == ("inspect", {"model"})
    totals = [(each.kind, each.types, each.release, each.count, each.macs) for each in report.operators]
    assert totals == [
        ("CONV_2D", ("int8",), "1.14", 1, 1024),
        ("CUSTOM Mine", ("int8",), "", 1, 0),
        ("GELU", ("int8",), "2.9", 1, 0),
    ]
    assert (report.macs, report.found.parameters, report.found.weights) == (1024, 16, 16)
    assert (report.least, report.needs[0].operator, report.unknown) == ("2.9", "GELU", ("CUSTOM Mine 1",))


def test_the_first_operator_with_the_most_is_the_peak(answer, file):
    contents = fake_engine.contents(copies=3)
    operators = contents["graphs"][0]["operators"]
    operators[2]["memory"] = operators[3]["memory"] = 700
    operators[3]["alive"] = 900
    answer(contents)
    report = pinlite.inspect(file)
    assert (report.pair.operator, report.pair.size) == (2, 700)
    assert (report.alive.operator, report.alive.size) == (3, 900)


def test_a_file_without_operators_has_no_peak(answer, command, file):
    contents = fake_engine.contents()
    contents["graphs"][0]["operators"] = []
    answer(contents)
    report = pinlite.inspect(file)
    assert (report.pair, report.alive, report.least) == (None, None, "")
    assert "for none of its operators" in command("inspect", "x.tflite")[1]


def test_several_signatures_want_a_runtime_that_runs_each(answer, command, file):
    contents = fake_engine.contents()
    contents["graphs"][0]["operators"] = []
    contents["signatures"] = [contents["signatures"][0] | {"key": key} for key in ("encode", "step")]
    answer(contents)
    assert pinlite.inspect(file).least == "2.7"
    assert "least runtime: that of TensorFlow 2.7, for 2 signatures" in command("inspect", "x.tflite")[1]


@pytest.mark.usefixtures("engine")
def test_the_console_has_tables_that_hold_in_80_columns(file, command):
    status, out, _ = command("inspect", str(file))
    assert status == 0
    for line in (
        r"x.tflite: 6 B, sha256 [0-9a-f]{16}",
        r"TFLite schema version 3, made by hand",
        r"input +image +x +\?x8x8x4 +int8 +0.02 +3",
        r"output +y +\?x8x8x4 +int8 +0.02 +3",
        r"0 +CONV_2D 3 +\?x8x8x4 int8 +1.02 k +16 +512 B",
        r"2 +CUSTOM Mine 1 +\?x8x8x4 int8 +- +- +512 B",
        r"GELU 1 +int8 +2.9 +1 +- +-",
        r"1.02 k MACs, 16 parameters, 16 B of weights",
        r"activations in use at once: up to 512 B, at CONV_2D 0",
        r"activations of one operator: up to 512 B, of CONV_2D 0",
        r"least runtime: that of TensorFlow 2.9, for GELU 1",
        r"not known of: CUSTOM Mine 1",
    ):
        assert re.search(f"^ *{line} *$", out, re.MULTILINE), f"{line} is no line of\n{out}"
    assert max(map(len, out.splitlines())) <= 80


def test_of_a_long_file_the_costliest_operators_are_shown(answer, file, command):
    contents = fake_engine.contents(copies=1000)
    contents["graphs"][0]["operators"][500]["memory"] = 10**6
    answer(contents)
    _, out, _ = command("inspect", str(file))
    assert "operators, 24 of 1002: most MACs, then memory" in out
    assert len(out.splitlines()) < 60
    assert re.search(r"^ *500 +GELU 1 .* 1.00 MB *$", out, re.MULTILINE)
    assert re.search(r"^ *GELU 1 +int8 +2.9 +1000 ", out, re.MULTILINE)


def test_long_names_break_and_figures_do_not(answer, file, command):
    contents = fake_engine.contents()
    operator = contents["graphs"][0]["operators"][0]
    operator.update(
        kind="UNIDIRECTIONAL_SEQUENCE_LSTM", macs=123_456_789_012, parameters=987_654_321, memory=999_999_999
    )
    contents["graphs"][0]["tensors"][2]["shape"] = [1, 1024, 1024, 1024]
    contents["signatures"][0]["inputs"][0]["name"] = "n" * 100
    answer(contents)
    _, out, _ = command("inspect", str(file))
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"123.46 G +987.65 M +1000.00 MB", out)


@pytest.mark.usefixtures("engine")
def test_as_json_it_has_its_schema(file, command):
    status, out, _ = command("inspect", str(file), "--json")
    assert status == 0
    found = json.loads(out)
    assert found["schema"] == "pinlite.inspect/1"
    assert found["found"]["graphs"][0]["operators"][0]["kind"] == "CONV_2D"
    schema = json.loads(command("schema", "inspect")[1])
    jsonschema.Draft202012Validator(schema).validate(found)


@pytest.mark.parametrize("wrong", ["tensor", "signature", "json"])
def test_an_answer_that_makes_no_sense_is_the_stages_fault(answer, file, wrong):
    contents = fake_engine.contents()
    if wrong == "tensor":
        contents["graphs"][0]["operators"][0]["inputs"] = [99]
    elif wrong == "signature":
        contents["signatures"][0]["graph"] = 1
    else:
        contents = ["no contents"]
    answer(contents)
    with pytest.raises(StageCrashError, match=r"x\.tflite are not of the form"):
        pinlite.inspect(file)
