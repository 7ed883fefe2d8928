"""What integers cost trained networks: the figures, which combination is the best, and what the page says of them."""

import numpy as np
import pytest
from accuracy import page
from accuracy.matrix import ALONE, METHODS, MODELS, PEERS, PLAIN
from accuracy.scores import divergence, scored

FLOATS = np.array([[4.0, 0.0, 1.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [0.5, 0.0, 0.0]])


def file(maker="pinlite", method=PLAIN, right=0.9, divergence=0.002, choosing=0.001):
    scores = {"right": right, "changed": 0.01, "divergence": divergence, "choosing": choosing}
    return {"maker": maker, "method": method, "failed": "", "told": "", **scores, "size": 1000, "floats": 0}


def result(*files, model="mlp"):
    return {"model": model, "samples": 1000, "right": 0.95, "files": list(files)}


@pytest.fixture
def results():
    ours = [file(method=method, choosing=0.001 * (1 + at)) for at, method in enumerate(METHODS)]
    return [result(*ours, *map(file, PEERS), model=model.name) for model in MODELS]


def test_what_floats_say_diverges_by_nothing():
    same = scored(FLOATS + 7, FLOATS, np.array([0, 1, 2, 1]))
    assert same == {"right": 0.75, "changed": 0, "divergence": pytest.approx(0, abs=1e-12)}


def test_a_divergence_is_that_of_the_probabilities():
    even, sure = np.zeros((1, 2)), np.log([[0.9, 0.1]])
    assert divergence(even, sure) == pytest.approx(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5))


def test_changed_predictions_count_right_or_wrong():
    moved = FLOATS[[1, 1, 2, 3]]
    assert scored(moved, FLOATS, np.array([1, 1, 2, 0]))["changed"] == 0.25


def test_the_best_is_chosen_without_the_held_out_samples():
    first, second = file(right=0.5, choosing=0.001), file(method=ALONE[0], right=0.99, choosing=0.002)
    assert page.best(result(second, first)) == first
    assert page.best(result(second, {**first, "failed": "refused"})) == second
    assert page.best(result(file("tensorflow"))) is None


def test_the_simpler_one_of_two_alike():
    assert page.best(result(file(method="--equalize"), file()))["method"] == PLAIN


def test_a_part_of_the_models_is_no_result(results):
    assert page.reduced({"results": results[1:]}) is None
    assert len(page.reduced({"results": results})) == len(MODELS)


def test_what_was_not_made_has_no_figure_and_a_reason(results):
    first = results[0]
    first["files"][-1] = {**file(PEERS[-1]), "failed": "no | integers"}
    text = page.page(page.reduced({"results": results}))
    rows = [line for line in text.splitlines() if line.startswith(f"| {first['model']} | 5.00 ")]
    assert rows
    assert all(row.endswith("| - |") for row in rows)
    assert "keeps more of top-1 for none" in text
    assert f"- {first['model']}, {PEERS[-1]}: no \\| integers" in text
    assert f"| mean of {len(MODELS) - 1} |" in text
