"""The zoo of today, by what can be told without PyTorch."""

import dataclasses
import math
from types import SimpleNamespace

import manifest
import numpy as np
import pytest
import zoo_new.page
from zoo_new import judge, results, run, samples
from zoo_new.results import OURS, PEERS, Result

MODELS = manifest.load(run.MODELS)
RIGHT = Result("net", "onnx", "converted", right=True, seconds=1.0, difference=3e-7, size=1_500_000)
IMAGE = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)


def test_the_zoo_has_sixty_models_and_more():
    assert len(MODELS) >= 60


def test_the_toolchain_adds_the_packages_that_the_environment_has():
    pins = {line for file in zoo_new.page.PINS for line in file.read_text().splitlines()}
    assert {text for model in MODELS for text in model.requirements} <= pins


def test_what_ci_has_time_for_needs_no_environment():
    quick = manifest.select(MODELS, quick=True)
    assert quick
    assert not any(model.program or model.requirements for model in quick)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_samples_have_the_inputs_in_order_and_are_the_same_every_time(model, tmp_path):
    for name in ("once", "again"):
        samples.write(model.inputs, tmp_path / f"{name}.npz")
    assert (tmp_path / "once.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    with np.load(tmp_path / "once.npz") as found:
        assert found.files == [text.partition("=")[0] for text in model.inputs]


def test_a_mask_hides_the_end(tmp_path):
    samples.write(["image=1x3x4x4", "attention_mask=1x8:int64"], tmp_path / "samples.npz")
    with np.load(tmp_path / "samples.npz") as found:
        assert found["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 0, 0]]
        assert found["image"].dtype == np.float32
        assert 0 <= found["image"].min() < found["image"].max() < 1


def test_results_of_now_take_the_place_of_earlier_ones_in_the_order_of_the_models():
    other = dataclasses.replace(RIGHT, model="other", way="onnx2tf")
    wrong = dataclasses.replace(RIGHT, state="refused", right=False)
    found = results.merged([other, wrong, dataclasses.replace(RIGHT, model="gone")], [RIGHT], ["net", "other"])
    assert found == [RIGHT, other]


def test_results_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "zoo-new.json"
    assert results.load(file) == []
    file.write_text(results.to_json([RIGHT]))
    assert results.load(file) == [RIGHT]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["mask", "ids"], ["mask", "ids"]),
        (["serving_default_mask:0", "serving_default_ids:0"], ["mask", "ids"]),
        (["serving_default_args_1:0", "serving_default_args_0:0"], ["mask", "ids"]),
        (["x", "y"], ["ids", "mask"]),
    ],
)
def test_inputs_are_found_by_names_by_numbers_or_in_order(names, order):
    given = {"ids": "the ids", "mask": "the mask"}
    assert judge.by_input([{"name": name} for name in names], given) == [given[name] for name in order]


def test_an_input_gets_its_channels_last_where_its_shape_says_so():
    detail = {"shape": np.array([1, 3, 4, 2]), "dtype": np.float32}
    assert np.array_equal(judge.laid_out(IMAGE, detail), np.moveaxis(IMAGE, 1, -1))
    assert np.array_equal(judge.laid_out(IMAGE, {**detail, "shape": np.array(IMAGE.shape)}), IMAGE)


def test_outputs_may_come_in_another_order_and_layout():
    scores = np.ones((1, 5), np.float32)
    assert judge.worst([scores, np.moveaxis(IMAGE, 1, -1)], [IMAGE, scores]) == 0
    assert judge.worst([scores, IMAGE + 0.23], [IMAGE, scores]) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("found", [[], [np.ones((1, 4), np.float32)], [np.full((1, 5), np.nan, np.float32)]])
def test_an_output_that_is_missing_or_no_number_is_not_near(found):
    assert judge.worst(found, [np.ones((1, 5), np.float32)]) == math.inf


def test_the_page_has_a_row_a_model_and_every_reason(monkeypatch):
    monkeypatch.setattr(manifest, "load", lambda _: [SimpleNamespace(name="net", refused=None)])
    converted = dataclasses.replace(RIGHT, operators={"CONV_2D": 2}, changed=[])
    found = [dataclasses.replace(converted, way=way) for way in OURS]
    found += [Result("net", way, "failed", right=False, seconds=1.0, reason="it | fell") for way in PEERS]
    kept = zoo_new.page.reduced({"results": [dataclasses.asdict(each) for each in found]})
    lines = zoo_new.page.page(kept).splitlines()
    assert "| `.onnx` | 1 of 1 |" in lines
    assert "| onnx2tf | 0 of 1 |" in lines
    assert "Of 3 conversions that were made twice, 3 have the same bytes." in lines
    assert "| net | 3e-07 | 3e-07 | 3e-07 | failed | failed | 1.50 | 2 CONV_2D |" in lines
    assert "| net | onnx2tf, litert-torch | it \\| fell |" in lines


def test_what_torch_does_not_export_is_counted_for_nobody(monkeypatch):
    monkeypatch.setattr(
        manifest, "load", lambda _: [SimpleNamespace(name=name, refused=None) for name in ("net", "other")]
    )
    missing = dataclasses.replace(RIGHT, model="other", state=results.NOT_EXPORTED, right=False, reason="no")
    assert results.summary([RIGHT, missing]) == "right: onnx 1 of 1"
    kept = zoo_new.page.reduced({"results": [dataclasses.asdict(each) for each in (RIGHT, missing)]})
    assert "| `.onnx` | 1 of 1 |" in zoo_new.page.page(kept)


def test_a_way_that_not_all_models_have_gone_is_left_out(monkeypatch):
    assert zoo_new.page.reduced({"results": [dataclasses.asdict(RIGHT)]}) is None
    monkeypatch.setattr(
        manifest, "load", lambda _: [SimpleNamespace(name=name, refused=None) for name in ("net", "other")]
    )
    made = [RIGHT, dataclasses.replace(RIGHT, model="other"), dataclasses.replace(RIGHT, way="python")]
    kept = zoo_new.page.reduced({"results": [dataclasses.asdict(each) for each in made]})
    assert {result["way"] for result in kept} == {"onnx"}
