"""The graph of a file: which operators are drawn together, and where."""

import itertools
import random
import time

import pytest

from pinlite.schema.operators import ConversionOperators, Operator, OperatorTensor
from pinlite.ui.page import layout, scopes


def tensor(name, **more):
    return OperatorTensor(name=name, type="float32", shape=(1, 4), **more)


def chain(names):
    """Operators one after the other, whose outputs have these names."""
    return [
        Operator(kind="ADD", inputs=(tensor(before),), outputs=(tensor(name),), macs=0)
        for before, name in zip(["x", *names], names, strict=False)
    ]


def shown(scope):
    return {
        child.name if isinstance(child, scopes.Scope) else child: shown(child)
        if isinstance(child, scopes.Scope)
        else None
        for child in scope.children
    }


def test_operators_stand_in_the_modules_that_they_compute():
    names = [f"Conv_{at}/Conv2D;Conv_{at}/bias" for at in range(20)]
    homes = {f"Conv_{at}": f"features.{at // 10}.{at % 10}" for at in range(20)}
    root = scopes.tree(chain(["x_int8", *names, "y"]), homes)
    assert shown(root) == {
        0: None,
        "features": {"0": dict.fromkeys(range(1, 11)), "1": dict.fromkeys(range(11, 21))},
        21: None,
    }


def test_a_small_scope_shows_all_that_is_in_it_and_a_lone_one_is_named_by_its_way():
    names = [f"Conv_{at}/Conv2D" for at in range(20)]
    homes = {f"Conv_{at}": f"body.inner.{at % 2}.deep.{at}" for at in range(20)}
    root = scopes.tree(chain(names), homes)
    assert shown(root) == {"body.inner": {"0": dict.fromkeys(range(0, 20, 2)), "1": dict.fromkeys(range(1, 20, 2))}}
    assert shown(scopes.tree(chain(names[:4]), homes)) == dict.fromkeys(range(4))


def test_an_integer_tensor_is_of_the_node_that_the_float_is_of():
    (operator,) = chain(["Clip_3/Relu6_int8;Conv_0/BiasAdd"])
    assert scopes.nodes(operator) == ["Clip_3", "Conv_0"]
    assert scopes.nodes(chain(["output_int8"])[0]) == ["output"]


def test_modules_are_found_by_the_names_that_tensorflow_allows():
    found = ConversionOperators(modules={"/a/b:0": ("a.b", "a"), "none": ()}, variants={})
    assert scopes.modules(found) == {"n_a_b_0": "a.b"}


@pytest.mark.parametrize("count", [61, 5000])
def test_no_picture_has_more_than_it_has_room_for(count):
    root = scopes.tree(chain([f"t{at}" for at in range(count)]), {})
    pending = [root]
    for scope in pending:
        assert len(scope.children) <= scopes.MOST
        pending += [child for child in scope.children if isinstance(child, scopes.Scope)]
    assert list(root.operators()) == list(range(count))


def test_each_layer_is_below_those_that_it_takes():
    laid = layout.of(4, {1: {0}, 2: {1}, 3: {2, 0}})
    assert [y for _, y in laid.places] == [0, layout.LAYER, 2 * layout.LAYER, 3 * layout.LAYER]
    # The edge that passes two layers runs beside the nodes there.
    (passing,) = (edge for edge in laid.edges if len(edge) == 8)
    for node, (x, y) in zip((1, 2), zip(passing[2:6:2], passing[3:7:2], strict=True), strict=True):
        left, top = laid.places[node]
        assert top < y < top + layout.HEIGHT
        assert not left <= x <= left + layout.WIDTH


def test_what_leads_back_is_an_edge_and_no_layer():
    laid = layout.of(3, {1: {0, 2}, 2: {1}})
    assert [y for _, y in laid.places] == [0, layout.LAYER, 2 * layout.LAYER]
    assert len(laid.edges) == 3


def test_nodes_never_overlap_and_all_is_within_the_picture():
    chance = random.Random(0)
    for _ in range(50):
        count = chance.randint(1, scopes.MOST)
        before = {node: set(chance.sample(range(node), min(node, chance.randint(0, 3)))) for node in range(1, count)}
        laid = layout.of(count, before)
        places = sorted(laid.places, key=lambda place: (place[1], place[0]))
        for (x, y), (other, same) in itertools.pairwise(places):
            assert y != same or other >= x + layout.WIDTH
        for x, y in laid.places:
            assert 0 <= x <= laid.width - layout.WIDTH
            assert 0 <= y <= laid.height - layout.HEIGHT
        for edge in laid.edges:
            assert all(0 <= x <= laid.width for x in edge[::2])
        assert laid == layout.of(count, before)


def test_five_thousand_operators_are_laid_out_at_once():
    started = time.process_time()
    root = scopes.tree(chain([f"t{at}" for at in range(5000)]), {})
    pending = [root]
    for scope in pending:
        inner = [child for child in scope.children if isinstance(child, scopes.Scope)]
        layout.of(len(scope.children), {at: {at - 1} for at in range(1, len(scope.children))})
        pending += inner
    assert time.process_time() - started < 2
