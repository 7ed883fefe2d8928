"""A stranger's .onnx of today costs `adapt` at most its worker, ends in words, and reads no file but its own."""

import re
from itertools import pairwise

import pytest
from protobuf import BOOL, INT64, attribute, field, function, graph, model, node, of, tensor, value

from pinlite import options
from pinlite.errors import PinliteError
from pinlite.events import ignore
from pinlite.runner.execute import execute
from pinlite.stages import adapt

HUGE = 2**40
STRING = 8


def today(*nodes, **others):
    return of(*nodes, **{"opset": 17, "ir_version": 8, **others})


def integers(name, *numbers, scalar=False):
    content = b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)
    return node(
        "Constant", [], [name], attribute("value", t=tensor(name, () if scalar else (len(numbers),), content, INT64))
    )


def largest(*nodes):
    """A model that adds the largest number of what the nodes make as ``w`` to x."""
    return today(*nodes, node("ReduceMax", ["w"], ["m"]), node("Add", ["x", "m"], ["y"]))


def bodies(depth):
    """An If in an If, as many as are asked for."""
    last = graph([node("Identity", ["x"], ["y"])], outputs=[value("y")])
    body = last
    for _ in range(depth):
        branches = [attribute("then_branch", g=body), attribute("else_branch", g=last)]
        body = graph([node("If", ["c"], ["y"], *branches)], outputs=[value("y")])
    return today(
        node("ReduceMax", ["x"], ["m"], attribute("keepdims", i=0)),
        node("Cast", ["m"], ["c"], attribute("to", i=BOOL)),
        node("If", ["c"], ["y"], attribute("then_branch", g=body), attribute("else_branch", g=last)),
    )


def calling(name, *functions, **others):
    return today(node(name, ["x"], ["y"], domain="local"), functions=functions, domains=["local"], **others)


def chain(length, calls=1):
    """Functions each of which calls the one before, once or several times in a row."""
    yield function("f0", [node("Relu", ["x"], ["y"])])
    for at in range(1, length):
        values = ["x", *(f"v{call}" for call in range(1, calls)), "y"]
        pairs = pairwise(values)
        yield function(f"f{at}", [node(f"f{at - 1}", [one], [other], domain="local") for one, other in pairs])


def loop(count):
    body = graph(
        [node("Identity", ["on"], ["on_"]), node("Relu", ["v"], ["v_"])],
        [value("i", (), INT64), value("on", (), BOOL), value("v")],
        [value("on_", (), BOOL), value("v_")],
    )
    on = node("Constant", [], ["c"], attribute("value", t=tensor("c", (), b"\1", BOOL)))
    return today(integers("n", count, scalar=True), on, node("Loop", ["n", "c", "x"], ["y"], attribute("body", g=body)))


ONE = node("Constant", [], ["one"], attribute("value", t=tensor("one", (1,), b"\0\0\x80\x3f")))
PAIR = node("Constant", [], ["pair"], attribute("value", t=tensor("pair", (2,), bytes(8))))
SPARSE = field(1, tensor("w", (1,), bytes(4))) + field(2, tensor("", (1,), bytes(8), INT64)) + field(3, HUGE)
ADD = node("Add", ["x", "w"], ["y"])
# What is too much for the memory, for the time, or for onnxruntime itself.
BOUNDED = "memory|no answer within|maximum"

# Each with the statuses that it may end with, and words that the error has.
MODELS = {
    "empty": (b"", {2}, "no graph"),
    "garbage": (b"\x08garbage" * 99, {2}, "no ONNX file"),
    "cut": (today(node("Relu", ["x"], ["y"]))[:-9], {2}, "no ONNX file|no graph"),
    "deep-groups": (b"\x3b" * 9999, {2}, "no ONNX file"),
    "external-data": (
        today(ADD, initializers=[tensor("w", (4,), external="w.bin")]),
        {2},
        "'w.bin', which is not there",
    ),
    "external-data-of-a-function": (
        calling(
            "f",
            function(
                "f", [node("Constant", [], ["w"], attribute("value", t=tensor("w", (4,), external="/etc/passwd"))), ADD]
            ),
        ),
        {2},
        "which is not there",
    ),
    "opset-of-the-future": (of(node("Relu", ["x"], ["y"]), opset=2**40, ir_version=8), {3}, "knows 1 to"),
    "cycle": (
        today(node("Relu", ["b"], ["a"]), node("Add", ["a", "x"], ["b"]), node("Relu", ["b"], ["y"])),
        {3},
        "acyclic",
    ),
    "made-twice": (today(node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])), {2}, "redeclared"),
    "enormous-input": (today(node("Relu", ["x"], ["y"]), inputs=[value("x", (HUGE, HUGE))]), {2}, "4 GiB"),
    "large-input": (today(node("Relu", ["x"], ["y"]), inputs=[value("x", (2**29,))]), {3, 6}, BOUNDED),
    "negative-input": (
        today(node("Relu", ["x"], ["y"]), inputs=[value("x", (-1, -(2**63)))]),
        {2},
        "leaves a size open",
    ),
    "strings": (
        today(node("Identity", ["x"], ["y"]), inputs=[value("x", (1,), STRING)], outputs=[value("y", (1,), STRING)]),
        {2, 3},
        "dtype|type",
    ),
    "sparse": (model(graph([ADD], [value("x")], [value("y")]) + field(15, SPARSE), 17, 8), {3}, "sparse"),
    "enormous-initializer": (today(ADD, initializers=[tensor("w", (HUGE,), bytes(4))]), {2, 3}, "."),
    "enormous-external": (
        today(ADD, initializers=[tensor("w", (HUGE,), external="model.onnx", offset=0)]),
        {2},
        "which is not there",
    ),
    "constant-of-shape": (largest(integers("s", 2**31), node("ConstantOfShape", ["s"], ["w"])), {3, 6}, BOUNDED),
    "expand": (largest(integers("s", HUGE), ONE, node("Expand", ["one", "s"], ["w"])), {3, 6}, BOUNDED),
    "tile": (largest(integers("s", HUGE), ONE, node("Tile", ["one", "s"], ["w"])), {3, 6}, BOUNDED),
    "range": (
        largest(
            *(integers(name, number, scalar=True) for name, number in (("a", 0), ("b", HUGE), ("d", 1))),
            node("Range", ["a", "b", "d"], ["r"]),
            node("Cast", ["r"], ["w"], attribute("to", i=1)),
        ),
        {3, 6},
        BOUNDED,
    ),
    "one-hot": (
        largest(integers("i", 1), integers("d", HUGE, scalar=True), PAIR, node("OneHot", ["i", "d", "pair"], ["w"])),
        {3, 6},
        BOUNDED,
    ),
    "doubled-again-and-again": (
        largest(
            *(
                node("Concat", [f"a{at}" if at else "x"] * 2, [f"a{at + 1}"], attribute("axis", i=0))
                for at in range(30)
            ),
            node("Identity", ["a30"], ["w"]),
        ),
        {3, 6},
        BOUNDED,
    ),
    "bodies-in-bodies": (bodies(99), {2}, "no ONNX file"),
    "function-of-itself": (calling("f", function("f", [node("f", ["x"], ["y"], domain="local")])), {3}, "circle"),
    "functions-in-a-circle": (
        calling("f", *(function(a, [node(b, ["x"], ["y"], domain="local")]) for a, b in ("fg", "gf"))),
        {3},
        "circle",
    ),
    "functions-that-double": (calling("f30", *chain(31, calls=2)), {3}, "operators, the limit is"),
    "functions-in-functions": (calling("f999", *chain(1000)), {0, 3, 6}, f"function|{BOUNDED}"),
    "loop-without-end": (loop(2**62), {3, 6}, f"Loop|{BOUNDED}"),
}


@pytest.fixture
def honest(tmp_path):
    path = tmp_path / "honest.onnx"
    path.write_bytes(today(node("Relu", ["x"], ["y"])))
    return path


@pytest.fixture
def adapted(workers, honest):
    """The error of `adapt` for a file, whatever the host would say of it, or None."""
    recipe = options.resolve({"source": str(honest)})

    def ask(path):
        try:
            execute(adapt.action(recipe, path, None), workers, ignore)
        except PinliteError as error:
            return error
        return None

    return ask


# They take all of the memory or of the time that there is.
SLOW = {"large-input", "constant-of-shape", "doubled-again-and-again", "functions-in-functions", "loop-without-end"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.nightly] * (name in SLOW)) for name in MODELS])
def test_a_model(adapted, honest, tmp_path, name):
    content, statuses, words = MODELS[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    error = adapted(path)
    assert (error.exit_status if error else 0) in statuses, error
    if error:
        assert re.search(words, str(error)), error
        assert error.hint
    assert adapted(honest) is None
