"""What `make bench-peers` makes of its measurements."""

import json
from dataclasses import replace

import numpy as np
import pytest
from bench import measure, pairs, peers, peers_table, race
from bench.pairs import FLOAT32, INT8, Made, Match, Pair, Ratio, Result, Run
from zoo import manifest

RIGHT = Run(difference=1e-6, cosine=0.9999, right=True, milliseconds=2.0)
WRONG = Run(difference=1e-3, cosine=0.999)
BROKEN = Run(error="Encountered unresolved\ncustom op")
VERSIONS = {"onnx2tf": "1.2.3", "litert": "4.5.6"}


def pair(latency, *, model="net", ours=RIGHT, theirs=RIGHT, size=100):
    ratio = Ratio(latency, latency, latency) if latency else None
    return Pair(model, Made(1.0, size), Made(4.0, 100), {"litert": Match(ours, theirs, ratio)})


def result(found, targets=FLOAT32):
    return Result("float32" if targets is FLOAT32 else "int8", targets, ("litert",), tuple(found))


def test_latency_is_the_median_of_the_heats_with_their_quartiles():
    heats = [([ratio * 10.0] * 3, [10.0] * 3) for ratio in (0.8, 0.9, 1.0, 1.1, 1.2)]
    assert pairs.latency(heats) == Ratio(*(pytest.approx(each) for each in (1.0, 0.9, 1.1)))


def test_a_machine_that_becomes_slower_does_not_change_the_ratio():
    speeds = np.linspace(1.0, 3.0, 20)
    heat = (list(speeds * 5.0), list(speeds * 10.0))
    assert pairs.latency([heat, heat]).median == pytest.approx(0.5)


def test_a_few_interrupted_turns_do_not_change_the_ratio():
    ours, theirs = [10.0] * 9, [10.0] * 9
    ours[3], theirs[5], theirs[6] = 100.0, 50.0, 80.0
    assert pairs.latency([(ours, theirs), (ours, theirs)]).median == 1.0


def test_targets_that_are_met():
    found = [pair(0.97, model="a"), pair(1.02, model="b", size=101)]
    assert result(found).shortfalls == []


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        ([pair(1.04, model="slow"), pair(0.8)], "slow in litert: latency 1.040"),
        ([pair(1.02, model="a"), pair(1.01, model="b")], "geometric mean in litert: latency 1.015"),
        ([pair(0.9, model="large", size=102)], "large: size 1.0200"),
        ([pair(None, model="bad", ours=WRONG)], "bad in litert: theirs is right"),
        ([pair(None, model="bad", ours=BROKEN)], "bad in litert: theirs is right"),
        ([Pair("bad", error="not exported: why")], "bad: not exported: why"),
    ],
)
def test_a_target_that_is_missed(found, missed):
    (line,) = result(found).shortfalls
    assert line.startswith(missed)


def test_integers_are_judged_by_their_cosines_and_all_latencies_together():
    less_exact = replace(RIGHT, difference=0.1, cosine=0.99)
    found = [pair(1.2, model="a", theirs=less_exact, size=200), pair(0.8, model="b", ours=RIGHT)]
    assert result(found, INT8).shortfalls == []
    (line,) = result([*found, pair(0.9, model="c", ours=less_exact)], INT8).shortfalls
    assert line == "c in litert: cosine 0.990000, theirs has 0.999900"


def test_nothing_is_asked_of_a_model_that_they_get_wrong():
    found = [pair(None, theirs=BROKEN, size=300), pair(None, theirs=WRONG, ours=WRONG, size=300)]
    assert result(found).shortfalls == []
    assert pairs.sizes(found) == {}


def test_table():
    first = replace(pair(0.5, model="a", size=50), conversion=Ratio(0.25, 0.2, 0.3))
    found = [first, pair(None, model="b", theirs=BROKEN), Pair("c", error="not exported: why")]
    lines = peers_table.markdown([result(found)], VERSIONS).splitlines()
    assert lines[4:9] == [
        "|---|---|---|---:|---:|---:|---:|---:|",
        "| a | 1e-06 | 1e-06 | 0.500 (0.500 to 0.500) | 0.5000 | 1.0 | 4.0 | 0.25 (0.20 to 0.30) |",
        "| b | 1e-06 | no | - | - | 1.0 | 4.0 | - |",
        "| c | no | no | - | - | - | - | - |",
        "| **geometric mean** |  |  | **0.500** | **0.5000** | **1.0** | **4.0** | **0.25** |",
    ]
    assert "- b, theirs: Encountered unresolved custom op (litert)" in lines
    assert lines[-1] == "- c: not exported: why"


def test_table_of_integers():
    coarse = Pair(
        "b", Made(1.0, 100), Made(4.0, 100, remark="made with -qt per-tensor"), {"litert": Match(RIGHT, BROKEN)}
    )
    lines = peers_table.markdown([result([pair(0.5, model="a"), coarse], INT8)], VERSIONS).splitlines()
    assert lines[2] == "## int8"
    assert lines[3].startswith("| model | ours, cosine | theirs, cosine | latency, litert |")
    assert lines[5].startswith("| a | 0.999900 | 0.999900 | 0.500")
    assert lines[6].startswith("| b | 0.999900 | no | - |")
    assert "- b, theirs: made with -qt per-tensor" in lines


def test_json_has_what_was_measured():
    document = json.loads(peers_table.to_json([result([pair(1.5, model="a")])], VERSIONS))
    (found,) = document["kinds"]["float32"]["pairs"]
    assert found["matches"]["litert"]["latency"] == {"median": 1.5, "lower": 1.5, "upper": 1.5}
    assert (found["size"], document["versions"]) == (1.0, VERSIONS)
    assert len(document["kinds"]["float32"]["shortfalls"]) == 2


def test_an_image_is_compared_whichever_way_it_lies():
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    turned = image.transpose(0, 2, 3, 1)
    assert race.agreement([image], [image]) == (0.0, pytest.approx(1.0))
    assert race.agreement([turned], [image]) == (0.0, pytest.approx(1.0))
    assert race.agreement([turned * 1.5], [image]) == (pytest.approx(0.5), pytest.approx(1.0))
    assert race.agreement([image, -image], [image, image]) == (2.0, pytest.approx(-1.0))


@pytest.mark.parametrize("outputs", [[], [np.zeros(3)], [np.array([1.0, np.nan])], [np.zeros(2), np.zeros(2)]])
def test_what_cannot_be_compared(outputs):
    assert race.agreement(outputs, [np.ones(2)]) == (None, None)


def test_who_is_opened_first_and_whose_turn_is_first_changes():
    turns = []

    class Interpreter:
        def __init__(self, model):
            self.model = model
            turns.append(f"open {model}")

        def invoke(self):
            turns.append(self.model)

    heats = race.race(Interpreter, ["a", "b"], 2, 0.0, clock=iter(range(1000)).__next__)
    assert [[len(times) for times in heat] for heat in heats] == [[race.FEWEST_ROUNDS] * 2] * 2
    assert [turn for turn in turns if turn.startswith("open")] == ["open a", "open b", "open b", "open a"]
    warming, first, second = (turns[2 + at : 2 + at + 2 * race.TURN] for at in (0, 4, 8))
    assert warming == first == ["a"] * race.TURN + ["b"] * race.TURN
    assert second == first[::-1]


CONVERTER = """#!/bin/sh
echo rewritten > "$2"
[ "${2##*/}" = model.onnx ] || exit 8
command -v simplifier || exit 9
mkdir -p "$4"
case "$*" in *per-tensor*) printf 12345 > "$4/model_integer_quant.tflite"; exit 1; esac
printf 'Traceback\\nValueError: the cause\\nRuntimeError: what it led to\\n' >&2
exit 1
"""


def test_their_options_are_tried_until_there_is_a_file(tmp_path):
    converter, kept = tmp_path / "onnx2tf", tmp_path / "kept.tflite"
    # What it calls lies beside it.
    for path in (converter, converter.with_name("simplifier")):
        path.write_text(CONVERTER)
        path.chmod(0o755)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "model.onnx").write_text("as it was")
    bench = measure.Bench(measure.INT8, (), converter, "venv", tmp_path)
    made = bench.theirs(tmp_path, (), kept)
    assert (made.size, made.error, kept.read_text()) == (5, "", "12345")
    assert made.remark == "made with -oiqt -qt per-tensor, because without: ValueError: the cause"
    coarse = replace(measure.INT8, their_options=(("-oiqt",),))
    assert replace(bench, kind=coarse).theirs(tmp_path, (), kept).error == "ValueError: the cause"
    assert not kept.exists()
    assert (tmp_path / "export" / "model.onnx").read_text() == "as it was"


def test_conversions_are_held_to_targets_all_and_large_ones():
    small, large = (
        replace(pair(0.9, model=name), conversion=Ratio(ratio, ratio, ratio), bytes=size)
        for name, ratio, size in (("small", 1.2, 10), ("large", 0.8, pairs.LARGE))
    )
    assert result([small]).shortfalls == ["converting all models: 1.20 of their seconds, the target is 0.85"]
    assert result([large]).shortfalls == [
        "converting those of 100 MB and more: 0.80 of their seconds, the target is 0.70"
    ]
    assert result([replace(large, conversion=Ratio(0.6, 0.5, 0.7))]).shortfalls == []


def test_calibration_samples_are_the_same_for_both(tmp_path):
    (tmp_path / "export").mkdir()
    np.savez(tmp_path / "export" / "samples.npz", image=np.zeros((1, 3, 4, 5), np.float32))
    ours, theirs = measure.calibration_options(tmp_path)
    (given,) = np.load(ours[1]).values()
    assert given.shape == (measure.CALIBRATION_SAMPLES, 3, 4, 5)
    assert theirs[:2] == ["-cind", "image"]
    assert np.array_equal(np.load(theirs[2]), given.transpose(0, 2, 3, 1))


def test_its_models_are_in_the_zoo():
    assert {model.name for model in manifest.select(manifest.load(), ",".join(peers.MODELS))} == set(peers.MODELS)
