"""Which tensors are one and the same in several runtimes, and what each layer adds to the error."""

import numpy as np
import pytest

from pinlite.debugging import layer_errors
from pinlite.stages.trace import Node

RANDOM = np.random.default_rng(0)
IMAGE, SEEN, SUM, SCORES = (RANDOM.normal(size=shape) for shape in ([1, 3, 4, 4], [1, 8, 4, 4], [1, 8, 4, 4], [1, 5]))


def node(name, inputs, output, operator=None):
    return Node(name=name, operator=operator or name.split("_")[0], inputs=inputs, outputs=[output])


@pytest.fixture
def reference():
    """A convolution, a ReLU, a sum of it with itself, and a linear layer."""
    nodes = [
        node("image", [], "image", "Input"),
        node("Conv_0", ["image", "w"], "c"),
        node("Relu_1", ["c"], "r"),
        node("Add_2", ["r", "r"], "a"),
        node("Gemm_3", ["a"], "scores"),
    ]
    relu = np.maximum(SEEN, 0)
    return layer_errors.Reference(nodes, {"image": IMAGE, "c": SEEN, "r": relu, "a": SUM, "scores": SCORES})


def last(array):
    return np.moveaxis(array, 1, -1)


def graph(reference, **changed):
    """What TensorFlow's nodes compute, channels last."""
    values = {**reference.values, **changed}
    return [
        ("image", values["image"]),
        ("Conv_0/transpose", last(values["image"])),
        ("Conv_0/Conv2D", last(values["c"]) - 1),
        ("Conv_0/BiasAdd", last(values["c"])),
        ("Relu_1/Relu", last(values["r"])),
        ("Add_2/Add", last(values["a"])),
        ("Gemm_3/BiasAdd", values["scores"]),
        ("scores", values["scores"]),
    ]


def ranked(reference, file, traced=None):
    found = layer_errors.layers(reference, traced or graph(reference), {"int8": file}, "int8")
    return [(layer.name, pytest.approx(layer.added), layer.includes) for layer in found]


def test_a_layer_adds_its_error_less_what_it_reads(reference):
    file = [
        ("image_int8", IMAGE * 1.01),
        ("Relu_1/Relu;Conv_0/BiasAdd;Conv_0/Conv2D", last(reference.values["r"]) * 1.05),
        ("Add_2/Add", last(SUM) * 1.02),
        ("scores_int8", SCORES * 1.12),
        ("scores", SCORES * 1.12),
    ]
    assert ranked(reference, file) == [
        ("Gemm_3", 0.1, ()),
        ("Relu_1", 0.04, ("Conv_0",)),
        ("image", 0.01, ()),
        ("Add_2", -0.03, ()),
    ]


def test_errors_are_told_of_every_runtime_that_has_the_tensor(reference):
    (layer,) = layer_errors.layers(
        reference, graph(reference), {"float32": [("scores", SCORES)], "int8": [("scores", SCORES * 2)]}, "int8"
    )
    assert layer.errors == {"tensorflow": 0, "float32": 0, "int8": 1}
    assert layer.value == "scores"


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("Conv_0/BiasAdd", "Conv_0"),
        # A fused operator may be named after its first part first.
        ("Conv_0/BiasAdd;Relu_1/Relu", "Relu_1"),
        # One that begins a kernel is there for a constant of its own.
        ("Add_2/Add;Gemm_3/BiasAdd", "Add_2"),
        ("Relu_1/Relu;Gemm_3/BiasAdd", "Relu_1"),
    ],
)
def test_a_fused_tensor_is_its_last_layers(reference, tensor, name):
    assert [found for found, _, _ in ranked(reference, [(tensor, last(SEEN))])] == [name]


@pytest.mark.parametrize("tensor", ["Conv_0/Conv2D", "Conv_9/BiasAdd", "other", "Conv_0/BiasAdd/bias"])
def test_what_no_name_tells_is_left_out(reference, tensor):
    assert ranked(reference, [(tensor, last(SEEN))]) == []


def test_what_has_another_shape_is_left_out(reference):
    assert ranked(reference, [("Relu_1/Relu", last(SEEN)[:, :2])]) == []


def test_a_value_that_a_rewrite_has_changed_is_left_out(reference):
    """All that is computed of it is equal."""
    shuffled = graph(reference, r=reference.values["r"][:, ::-1])
    file = [("Relu_1/Relu", last(reference.values["r"][:, ::-1])), ("Add_2/Add", last(SUM) * 1.5)]
    assert ranked(reference, file, shuffled) == [("Add_2", 0.5, ("image", "Conv_0", "Relu_1"))]


def test_a_wrong_value_is_kept_whose_followers_are_wrong(reference):
    wrong = graph(reference, r=reference.values["r"] * 2, a=SUM * 2, scores=SCORES * 2)
    file = [("Relu_1/Relu", last(reference.values["r"]) * 2), ("Add_2/Add", last(SUM) * 2)]
    assert ranked(reference, file, wrong) == [("Relu_1", 1, ("image", "Conv_0")), ("Add_2", 0, ())]


def test_what_is_no_number_comes_first_and_adds_once(reference):
    broken = last(reference.values["r"]).copy()
    broken[0, 0, 0, 0] = np.nan
    file = [("image", IMAGE * 2), ("Relu_1/Relu", broken), ("Add_2/Add", last(broken))]
    names = [(name, added) for name, added, _ in ranked(reference, file)]
    assert names[0] == ("Relu_1", float("inf"))
    assert names[1] == ("image", 1)


def test_zeros_are_compared_as_they_are():
    zeros = layer_errors.Reference([node("Relu_0", [], "y")], {"y": np.zeros([1, 4])})
    (layer,) = layer_errors.layers(
        zeros, [("Relu_0/Relu", np.zeros([1, 4]))], {"int8": [("Relu_0/Relu", np.ones([1, 4]))]}, "int8"
    )
    assert layer.added == 2


def test_a_file_of_integers_rounds_in_the_layer():
    exact, rounded = np.array([[0.1, 1.2]]), np.array([[0.0, 1.0]])
    nodes = [
        node("Relu_0", [], "r"),
        node("QuantizeLinear_1", ["r"], "q"),
        node("DequantizeLinear_2", ["q"], "d"),
    ]
    trained = layer_errors.Reference(nodes, {"r": exact, "d": rounded})
    for computed in (exact, rounded):
        (layer,) = layer_errors.layers(trained, [("Relu_0/Relu", exact)], {"int8": [("Relu_0/Relu", computed)]}, "int8")
        assert (layer.name, layer.added) == ("Relu_0", 0)


def test_modules_of_pytorchs_are_told_by_onnxs_names(reference):
    modules = {"r": ("act", reference.values["r"] * 1.5), "scores": ("", SCORES), "a": ("other", SUM[0])}
    file = [(name, reference.values[name]) for name in ("image",)] + [("Relu_1/Relu", last(reference.values["r"]))]
    found = layer_errors.layers(
        reference, graph(reference), {"int8": [*file, ("Add_2/Add", last(SUM)), ("scores", SCORES)]}, "int8", modules
    )
    torch = {layer.name: (layer.module, layer.errors.get("torch")) for layer in found}
    # What is of another shape is another value.
    expected = {"Relu_1": ("act", pytest.approx(0.5)), "Gemm_3": ("", 0), "Add_2": ("other", None)}
    assert torch == expected | {"image": (None, None)}
    assert all(layer.added == pytest.approx(0) for layer in found)


def test_a_module_whose_value_is_rounded_is_that_of_the_layer():
    exact, rounded = np.array([[0.1, 1.2]]), np.array([[0.0, 1.0]])
    nodes = [node("Relu_0", [], "r"), node("QuantizeLinear_1", ["r"], "q"), node("DequantizeLinear_2", ["q"], "d")]
    trained = layer_errors.Reference(nodes, {"r": exact, "d": rounded})
    given = [("Relu_0/Relu", exact)], {"int8": [("Relu_0/Relu", rounded)]}, "int8", {"d": ("act", rounded)}
    (layer,) = layer_errors.layers(trained, *given)
    assert (layer.name, layer.module, layer.errors["torch"]) == ("Relu_0", "act", 0)
