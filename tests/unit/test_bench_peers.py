"""What `make bench-peers` makes of its measurements."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bench import commands, converters, exports, pairs, peers, peers_table, race
from bench.commands import FailedError, Ran
from bench.converters import Onnx2tf, Pinlite
from bench.exports import Export
from bench.measure import Comparison, Runtime
from bench.pairs import FLOAT32, INT8, Document, Made, Match, Pair, Quartiles, Result, Run
from zoo import manifest
from zoo.manifest import Model

RIGHT = Run(difference=1e-6, cosine=0.9999, right=True, milliseconds=Quartiles(2.0, 1.9, 2.1))
WRONG = Run(difference=1e-3, cosine=0.999)
BROKEN = Run(error="Encountered unresolved\ncustom op")
TARGETS = replace(FLOAT32, conversion=1.0)
RUNTIME = Runtime("litert", Path("python"), "litert", 1)


def pair(latency, *, model="net", ours=RIGHT, theirs=RIGHT, size=100):
    ratio = Quartiles(latency, latency, latency) if latency else None
    return Pair(model, made(size=size), made(4.0), matches={"litert": Match(ours, theirs, ratio)})


def made(*seconds, size=100):
    return Made(seconds or (1.0,), size, 2_000_000_000)


def result(found, targets=TARGETS):
    return Result("float32 beside a peer", targets, ("litert",), tuple(found))


def test_latency_is_the_median_of_the_heats_with_their_quartiles():
    heats = [([ratio * 10.0] * 3, [10.0] * 3) for ratio in (0.8, 0.9, 1.0, 1.1, 1.2)]
    assert pairs.latency(heats) == Quartiles(*(pytest.approx(each) for each in (1.0, 0.9, 1.1)))


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


def test_the_table_of_files():
    found = [pair(0.5, model="a", size=50), pair(None, model="b", theirs=BROKEN), Pair("c", error="not exported: why")]
    assert peers_table.files(result(found)).splitlines() == [
        "| model | ours, right | theirs, right | ours, ms in litert | litert | size |",
        "|---|---|---|---:|---:|---:|",
        "| a | 1e-06 | 1e-06 | 2 | 0.500 (0.500 to 0.500) | 0.5000 |",
        "| b | 1e-06 | no | 2 | - | - |",
        "| c | no | no | - | - | - |",
        "| **geometric mean** |  |  |  | **0.500** | **0.5000** |",
    ]


def test_the_table_of_integers_has_cosines():
    assert peers_table.files(result([pair(0.5, model="a")], INT8)).splitlines()[0::2] == [
        "| model | ours, cosine | theirs, cosine | ours, ms in litert | litert | size |",
        "| a | 0.999900 | 0.999900 | 2 | 0.500 (0.500 to 0.500) | 1.0000 |",
    ]


def test_the_table_of_seconds():
    small = Pair("a", made(1.0, 2.0, 6.0), made(4.0, 4.0, 4.0), warm=made(1.0, 1.0, 1.0))
    large = Pair("b", made(8.0), made(4.0), warm=made(4.0), bytes=200_000_000)
    broken = replace(large, model="c", theirs=Made((3.0,), error="why"))
    lines = peers_table.seconds(result([small, large, broken])).splitlines()
    assert lines[0].startswith("| model | MB of ONNX | ours, s | warm, s | theirs, s | ours over theirs | warm over")
    assert lines[2].startswith("| a | 0.0 | 2.0 (1.5 to 4.0) | 1.0 (1.0 to 1.0) | 4.0 (4.0 to 4.0) | 0.50 (0.38 to")
    assert lines[3].endswith("| 2.00 (2.00 to 2.00) | 1.00 (1.00 to 1.00) | 2.00 | 2.00 |")
    assert lines[4:] == [
        "| c | 200.0 | 8.0 (8.0 to 8.0) | 4.0 (4.0 to 4.0) | 3.0 (3.0 to 3.0) | - | - | 2.00 | 0.00 |",
        "| **geometric mean** |  | **4.0** | **2.0** | **4.0** | **1.00** | **0.50** |  |  |",
        "| **of 100 MB and more** |  | **8.0** | **4.0** | **4.0** | **2.00** | **1.00** |  |  |",
    ]


def test_what_is_not_right_and_which_targets_are_missed_is_told():
    coarse = replace(pair(2.0, model="b", theirs=BROKEN), theirs=Made((4.0,), 100, remark="made with -qt per-tensor"))
    lines = peers_table.markdown([result([coarse, Pair("c", error="not exported: why")])]).splitlines()
    assert "- b, theirs: Encountered unresolved custom op (litert)" in lines
    assert "- b, theirs: made with -qt per-tensor" in lines
    assert "- c: not exported: why" in lines


def test_what_was_measured_is_read_as_it_was_written():
    document = Document("2026-11-30", 2, {"onnx2tf": "1.2.3"}, (result([pair(1.5, model="a")], INT8),))
    text = peers.DOCUMENT.dump_json(document)
    assert peers.DOCUMENT.validate_json(text) == document
    (found,) = document.results[0].pairs
    assert peers.PAIR.validate_json(peers.PAIR.dump_json(found)) == found


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


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "model.onnx").write_text("as it was")
    np.savez(folder / "samples.npz", image=np.zeros((1, 3, 4, 5), np.float32), ids=np.asarray([[7, 8]]))
    exports.write_calibration(Export(Model("net", "net.py:net"), folder))
    return Export(Model("net", "net.py:net"), folder)


def test_their_options_are_tried_until_there_is_a_file(tmp_path, export):
    converter, kept = tmp_path / "onnx2tf", tmp_path / "kept.tflite"
    # What it calls lies beside it.
    for path in (converter, converter.with_name("simplifier")):
        path.write_text(CONVERTER)
        path.chmod(0o755)
    found = Onnx2tf(converter).convert(export, converters.INT8, tmp_path, kept)
    assert (found.size, found.error, kept.read_text(), len(found.seconds)) == (5, "", "12345", 1)
    assert found.remark == "made with -oiqt -qt per-tensor, because without: ValueError: the cause"
    coarse = replace(converters.INT8, onnx2tf_options=(("-oiqt",),))
    assert Onnx2tf(converter).convert(export, coarse, tmp_path, kept).error == "ValueError: the cause"
    assert not kept.exists()
    assert export.onnx.read_text() == "as it was"


class Writer:
    """A converter that fails from the second run on, or never."""

    def __init__(self, *, fails):
        self.runs, self.fails = 0, fails

    def convert(self, _export, _kind, _scratch, kept):
        self.runs += 1
        kept.write_text("file")
        return Made((float(self.runs),), error="it fell" if self.fails and self.runs > 1 else "")


@pytest.mark.parametrize(("fails", "seconds"), [(False, (1.0, 2.0, 3.0)), (True, (1.0, 2.0))])
def test_a_converter_that_fails_is_not_run_again(tmp_path, export, fails, seconds):
    ours, theirs = Writer(fails=False), Writer(fails=fails)
    found = Comparison(converters.FLOAT32, ours, "a peer", theirs).pair(export, tmp_path / "out", 3)
    assert (found.ours.seconds, found.theirs.seconds) == ((1.0, 2.0, 3.0), seconds)
    assert found.theirs.error == ("it fell" if fails else "")
    assert bool(found.conversion("ours")) is not fails


def test_conversions_are_held_to_targets_all_and_large_ones():
    small, large = (
        replace(pair(0.9, model=name), ours=made(seconds), theirs=made(1.0), bytes=size)
        for name, seconds, size in (("small", 1.2, 10), ("large", 0.8, pairs.LARGE))
    )
    assert result([small], FLOAT32).shortfalls == ["converting all models: 1.20 of their seconds, the target is 0.85"]
    assert result([large], FLOAT32).shortfalls == [
        "converting those of 100 MB and more: 0.80 of their seconds, the target is 0.70"
    ]
    assert result([replace(large, ours=made(0.6))], FLOAT32).shortfalls == []


def test_a_command_is_measured_with_the_processes_that_it_starts():
    child = "b = bytearray(200_000_000); b[::4096] = b'1' * len(b[::4096])"
    ran = commands.run(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    assert 0.2e9 < ran.memory < 1e9
    with pytest.raises(commands.FailedError, match=r"^ValueError: the cause$"):
        commands.run([sys.executable, "-c", "raise ValueError('the cause')"])


def test_calibration_samples_are_the_same_for_both(export):
    with np.load(export.calibration) as ours:
        assert ours["image"].shape == (exports.CALIBRATION_SAMPLES, 3, 4, 5)
        assert set(ours["ids"].ravel()) == {7, 8}
        theirs = {name: np.load(file) for name, file in export.channels_last}
        assert np.array_equal(theirs["image"], ours["image"].transpose(0, 2, 3, 1))
        assert np.array_equal(theirs["ids"], ours["ids"])


def test_inputs_are_found_by_their_names_or_else_in_the_order_of_these():
    samples = {"first": 1, "second": 2}
    named = [{"name": "serving_default_second:0"}, {"name": "first"}]
    numbered = [{"name": "args_1"}, {"name": "args_0"}]
    assert [sample for _, sample in race.by_input(named, samples)] == [2, 1]
    assert [(detail["name"], sample) for detail, sample in race.by_input(numbered, samples)] == [
        ("args_0", 1),
        ("args_1", 2),
    ]


def test_every_comparison_has_its_own_name_and_models_that_there_are():
    models = {model.name for model in manifest.load(peers.MODELS)}
    found = list(peers.comparisons("venv", RUNTIME, (RUNTIME,), Path("python")))
    assert len({each.name for each in found}) == len(found)
    assert {name for each in found for name in each.models} | set(peers.ON_REQUEST) <= models
    assert {each.peer for each in found} == set(peers.PEERS)


def test_what_was_measured_before_is_taken_up_if_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "OUT", tmp_path)
    model = Model("net", "net.py:net")
    comparison = Comparison(converters.FLOAT32, Pinlite("venv", "litert-2"), "a peer", Writer(fails=False))
    file = tmp_path / "float32-litert-2-a-peer" / "net" / "pair.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(peers.PAIR.dump_json(pair(0.5)))

    def fails(*_):
        raise FailedError("why", Ran(1.0, 0))

    monkeypatch.setattr(exports, "write", fails)
    asked = SimpleNamespace(resume=True, engine="venv", rounds=1)
    assert peers.measured(comparison, model, asked) == pair(0.5)
    asked.resume = False
    assert peers.measured(comparison, model, asked).error == "not measured: why"
    # A failure is no measurement.
    asked.resume = True
    assert peers.measured(comparison, model, asked).error == "not measured: why"
    assert peers.PAIR.validate_json(file.read_bytes()).error == "not measured: why"
