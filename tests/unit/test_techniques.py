"""The matrix of techniques and variants: what is asked, what has to come of it, and the page."""

import json

import matrix
import pages
import pytest
import techniques_page

from pinlite import api
from pinlite.conversion import pipeline
from pinlite.schema.recipe import Recipe

RUNS = matrix.runs()
NAMES = [(run.model, run.technique, variant) for run in RUNS for variant in matrix.VARIANTS]


@pytest.fixture
def recipes(monkeypatch) -> list[Recipe]:
    """What each run asks of a conversion."""
    asked: list[Recipe] = []
    monkeypatch.setattr(pipeline, "run", lambda recipe, _, **_options: asked.append(recipe))
    for run in RUNS:
        api.convert(**run.options)
    return asked


def cell(name, **more):
    model, technique, variant = name
    ends = matrix.expected(*name)
    found = {"ends": ends, "message": "", "size": 1_500_000, "gzip_size": 2500, "cosine": 0.99996, "score": None}
    return {"model": model, "technique": technique, "variant": variant, "sha256": "0" * 64, **found, **more}


def test_every_run_is_a_recipe_of_all_variants(recipes):
    assert len(recipes) == len(RUNS) == 25
    assert {recipe.variants for recipe in recipes} == {matrix.VARIANTS}
    trained = {(run.model, run.technique) for run, recipe in zip(RUNS, recipes, strict=True) if recipe.training}
    assert trained == {(run.model, run.technique) for run in RUNS if run.technique != "none"}


def test_only_what_has_labelled_data_is_fine_tuned_and_scored(recipes):
    for run, recipe in zip(RUNS, recipes, strict=True):
        labelled = run.model == "digits"
        assert bool(recipe.evaluation) == labelled
        if recipe.training and not recipe.training.qat:
            assert bool(recipe.training.finetune) == labelled


def test_every_exemption_is_of_something_and_says_why():
    for exemption in matrix.exemptions():
        assert any(exemption.fits(*name) for name in NAMES)
        assert exemption.because
    assert matrix.expected("lstm", "QAT", "int16x8") == matrix.DIFFERS
    assert matrix.expected("lstm", "pruned by channel", "int16x8") == "export"
    assert matrix.expected("unet", "QAT", "int8") == matrix.CONVERTED


def test_what_both_engines_found_is_a_page():
    results = {engine: [cell(name) for name in NAMES] for engine in techniques_page.ENGINES}
    results["venv"][0]["sha256"] = "1" * 64
    results["docker"][1] |= {"score": 0.98111, "size": 2500}
    found = techniques_page.reduced(json.loads(json.dumps(results)))
    page = techniques_page.page(found).splitlines()
    assert any("1 of 150 cells differ" in line for line in page)
    row = next(line for line in page if line.startswith("| none |"))
    assert row.startswith("| none | 1.50 MB, 2.5 kB, 1.0000 | 2.5 kB, 2.5 kB, 98.11 % |")
    assert any(line.startswith("1. ") for line in page)
    assert "the same bytes" in techniques_page.page([{**each, "same": True} for each in found])


@pytest.mark.parametrize("missing", ["docker", "venv"])
def test_a_part_of_the_results_is_no_result(missing):
    results = {engine: [cell(name) for name in NAMES] for engine in techniques_page.ENGINES}
    assert techniques_page.reduced({**results, missing: results[missing][:-1]}) is None
    del results[missing]
    assert techniques_page.reduced(results) is None


def test_every_run_was_measured():
    assert [(each["model"], each["technique"], each["variant"]) for each in pages.measured("techniques")] == NAMES
    for each in pages.measured("techniques"):
        name = (each["model"], each["technique"], each["variant"])
        assert each["ends"] == matrix.expected(*name), name
