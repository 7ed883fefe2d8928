"""What a search for the way of choosing integers tries, and what it takes."""

from itertools import count

import pytest

from pinlite.schema.recipe import PostTrainingQuantization
from pinlite.schema.report import Trial
from pinlite.tuning.search import Search, chosen, frontier

PLAIN = PostTrainingQuantization()
LAYERS = [f"Conv_{at}" for at in range(16)]


def trial(method=PLAIN, lost=0.0, error=0.0, size=1000, latency=1.0, floats=None):
    floats = len(method.keep_float) if floats is None else floats
    return Trial(method=method, lost=lost, error=error, floats=floats, size=size, latency_ms=latency)


def searched(score, layers=LAYERS, loss=0.01, start=PLAIN, may_go_on=lambda: True):
    """The trials of a search, where ``score`` gives what a method loses, None for one that is refused."""

    def attempt(method):
        lost = score(method)
        return None if lost is None else trial(method, lost)

    search = Search(attempt, may_go_on, loss)
    complete = search.run(start, (lambda _: layers) if layers is not None else None)
    return search.trials, complete


def of_int16(score, **figures):
    """The trials of a search for a file that may have int16; ``figures`` of a trial are functions of its method."""

    def attempt(method):
        return trial(method, score(method), **{name: figure(method) for name, figure in figures.items()})

    search = Search(attempt, lambda: True, 0.01)
    assert search.run(PLAIN, lambda _: LAYERS, may_have_int16=True)
    return search.trials


def best(trials, loss=0.01):
    return trials[chosen(trials, loss)].method


def test_what_loses_nothing_as_usual_keeps_its_integers():
    trials, complete = searched(lambda _: 0.0)
    assert complete
    assert best(trials) == PLAIN


def test_each_change_stands_on_the_best_so_far():
    def score(method):
        return 0.3 - 0.2 * method.equalize - 0.1 * (method.ranges == "mse") + 0.05 * method.correct_bias

    trials, _ = searched(score, loss=0.001)
    assert best(trials, 0.001) == PLAIN.model_copy(update={"equalize": True, "ranges": "mse"})


def test_no_method_is_tried_twice():
    trials, _ = searched(lambda method: 0.5 / (1 + len(method.keep_float)))
    methods = [each.method for each in trials]
    assert len(methods) == len(set(methods))


@pytest.mark.parametrize("needed", [1, 2, 5, 11, 16])
def test_as_few_layers_stay_in_floats_as_it_takes(needed):
    trials, complete = searched(lambda method: 0.0 if len(method.keep_float) >= needed else 0.2)
    assert complete
    assert best(trials).keep_float == tuple(LAYERS[:needed])


def test_layers_that_are_not_needed_are_left_out_again():
    trials, _ = searched(lambda method: 0.0 if {"Conv_1", "Conv_3"} <= {*method.keep_float} else 0.2)
    assert best(trials).keep_float == ("Conv_1", "Conv_3")


def kept(method):
    return {*method.keep_float, *method.keep_int16}


def test_layers_have_int16_in_place_of_floats_where_that_is_as_good():
    trials = of_int16(lambda method: 0.0 if {"Conv_1", "Conv_3"} <= kept(method) else 0.2)
    taken = best(trials)
    assert (taken.keep_float, taken.keep_int16) == ((), ("Conv_1", "Conv_3"))


def test_a_layer_that_needs_floats_has_them_beside_others_of_int16():
    def score(method):
        return 0.0 if "Conv_1" in method.keep_float and "Conv_3" in kept(method) else 0.2

    taken = best(of_int16(score))
    assert (taken.keep_float, taken.keep_int16) == (("Conv_1",), ("Conv_3",))


def test_a_layer_without_integers_of_16_bits_stays_in_floats():
    def floats(method):
        return len(method.keep_float) + ("Conv_1" in method.keep_int16)

    trials = of_int16(lambda method: 0.0 if {"Conv_1", "Conv_3"} <= kept(method) else 0.2, floats=floats)
    assert trials[chosen(trials, 0.01)].floats == 1


def test_layers_that_are_slow_with_int16_stay_in_floats():
    def latency(method):
        return 20.0 if "Conv_1" in method.keep_int16 else 1.5 if method.keep_int16 else 1.0

    trials = of_int16(lambda method: 0.0 if {"Conv_1", "Conv_3"} <= kept(method) else 0.2, latency=latency)
    taken = best(trials)
    assert (taken.keep_float, taken.keep_int16) == (("Conv_1",), ("Conv_3",))


def test_a_file_that_may_not_have_int16_has_none():
    trials, _ = searched(lambda method: 0.0 if "Conv_1" in kept(method) else 0.2)
    assert not any(each.method.keep_int16 for each in trials)


def test_where_nothing_may_stay_in_floats_nothing_does():
    trials, complete = searched(lambda _: 0.2, layers=None)
    assert complete
    assert not any(each.method.keep_float for each in trials)


def test_a_search_without_layers_ends():
    _, complete = searched(lambda _: 0.2, layers=[])
    assert complete


def test_layers_that_the_user_keeps_stay_so():
    start = PLAIN.model_copy(update={"keep_float": ("Softmax_9",)})
    trials, _ = searched(lambda method: 0.0 if "Conv_0" in method.keep_float else 0.2, start=start)
    assert all("Softmax_9" in each.method.keep_float for each in trials)
    assert best(trials).keep_float == ("Softmax_9", "Conv_0")


def test_what_is_refused_is_left_out():
    trials, complete = searched(lambda method: None if method.equalize else 0.1 - 0.1 * (method.ranges == "kl"))
    assert complete
    assert best(trials) == PLAIN.model_copy(update={"ranges": "kl"})


def test_a_search_ends_with_its_time():
    left = count(3, -1)
    trials, complete = searched(lambda _: 0.2, may_go_on=lambda: next(left) > 0)
    assert not complete
    assert len(trials) == 3


def test_the_same_scores_give_the_same_choice():
    def score(method):
        return 0.2 / (1 + len(method.keep_float)) + 0.01 * (method.ranges == "mse")

    assert searched(score) == searched(score)


def test_of_good_trials_that_with_the_fewest_floats_is_taken_then_the_nearer_one():
    kept = PLAIN.model_copy(update={"keep_float": ("Conv_1",)})
    trials = [trial(kept), trial(lost=0.01, error=0.2), trial(lost=0.01, error=0.1), trial(lost=0.3)]
    assert chosen(trials, 0.01) == 2
    assert chosen(trials, 0.0) == 0


def test_the_frontier_has_what_nothing_beats():
    kept = PLAIN.model_copy(update={"keep_float": ("Conv_1",)})
    trials = [
        trial(lost=0.3, size=100, latency=1.0),
        trial(lost=0.3, size=100, latency=1.01),  # the same, but for the noise of a clock
        trial(lost=0.2, size=100, latency=1.0),
        trial(kept, lost=0.0, size=200, latency=1.2),
        trial(lost=0.4, size=300, latency=2.0),
    ]
    assert frontier(trials) == (2, 3)
