"""The head of an .onnx file is read off its wire format, of whatever size and in whatever state the file is."""

import os
from pathlib import Path

import pytest
from protobuf import attribute, field, function, graph, model, node, of, tensor, value, varint

from pinlite.inputs import onnx_file
from pinlite.inputs.onnx_file import StoredTensor

RELU = node("Relu", ["x"], ["y"])


def head(content):
    path = Path("net.onnx")
    path.write_bytes(content)
    return onnx_file.read(path)


def in_body(*nodes):
    return node("If", ["c"], ["y"], attribute("then_branch", g=graph(nodes)))


def test_versions_and_operators():
    found = head(of(RELU, in_body(node("Gelu", ["x"], ["y"], domain="com.microsoft")), opset=17, ir_version=8))
    assert (found.ir_version, found.opsets) == (8, {"": 17})
    assert found.operators == {("", "Relu"), ("", "If"), ("com.microsoft", "Gelu")}
    assert not found.has_functions
    assert not found.stored


@pytest.mark.parametrize(("operator", "is_quantized"), [("QuantizeLinear", True), ("QLinearConv", True), ("Q", False)])
def test_what_rounds_activations_makes_a_model_quantized(operator, is_quantized):
    assert head(of(RELU, node(operator, ["y"], ["q"], domain="com.microsoft"))).is_quantized == is_quantized


def test_the_operators_of_functions_count():
    found = head(of(node("f", ["x"], ["y"], domain="local"), functions=[function("f", [RELU], opset=18)]))
    assert found.has_functions
    assert found.operators == {("local", "f"), ("", "Relu")}
    assert found.opsets[""] == 18


def test_both_names_of_the_standard_domain_are_one():
    content = field(8, field(1, "ai.onnx") + field(2, 15)) + field(7, graph([node("Relu", [], [], domain="ai.onnx")]))
    found = head(content)
    assert found.opsets == {"": 15}
    assert found.operators == {("", "Relu")}


STORED = tensor("w", (4,), external="w.bin", offset=64, length=16)


@pytest.mark.parametrize(
    "content",
    [
        of(RELU, initializers=[STORED]),
        of(node("Constant", [], ["w"], attribute("value", t=STORED))),
        of(in_body(node("Constant", [], ["w"], attribute("value", t=STORED)))),
        of(RELU, functions=[function("f", [node("Constant", [], ["w"], attribute("value", t=STORED))])]),
        of(RELU, functions=[function("f", [RELU]) + field(11, attribute("w", t=STORED))]),
        model(graph([RELU]) + field(15, field(1, STORED))),
        model(graph([RELU]) + field(15, field(2, STORED))),
        model(graph([node("Foo", [], [], field(1, "w") + field(10, STORED))])),
        model(graph([node("Foo", [], [], field(1, "w") + field(23, field(1, STORED)))])),
    ],
    ids=["initializer", "constant", "body", "function", "default", "sparse", "indices", "tensors", "sparse-tensors"],
)
def test_a_tensor_in_another_file_is_found_wherever_it_is(content):
    assert head(content).stored == (StoredTensor("w.bin", 64, 16),)


@pytest.mark.parametrize(
    ("place", "stored"),
    [
        ({}, StoredTensor("w.bin", 0, None)),
        ({"length": 16}, StoredTensor("w.bin", 0, 16)),
        ({"offset": "-5", "length": "many"}, StoredTensor("w.bin", 0, None)),
        ({"offset": 2**70}, StoredTensor("w.bin", 2**70, None)),
        ({"location": "other.bin"}, StoredTensor("other.bin", 0, None)),
    ],
)
def test_where_a_tensor_is(place, stored):
    assert head(of(RELU, initializers=[tensor("w", (4,), external="w.bin", **place)])).stored == (stored,)


@pytest.mark.parametrize("location", [1, 2, 2**32, 2**32 + 1])
def test_what_a_reader_could_take_for_another_file_counts_as_one(location):
    inside = tensor("w", (4,)) + field(13, field(1, "location") + field(2, "w.bin"))
    assert head(of(RELU, initializers=[inside + field(14, location)])).stored
    assert not head(of(RELU, initializers=[inside + field(14, 0)])).stored


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02}q\x00.",
        b"PK\x03\x04" + bytes(100),
        b"\x08" + b"\xff" * 999,
        b"\x3a\xff\xff\xff\xff\xff\x7f",
        b"\x3b" * 9999,
        field(7, field(1, field(4, b"\xff\xfe"))),
        of(RELU)[:-7],
    ],
)
def test_what_is_no_onnx_has_no_head(content):
    assert head(content) is None


def test_a_file_cut_anywhere_has_a_head_or_none():
    whole = of(RELU, in_body(RELU), initializers=[STORED], functions=[function("f", [RELU])])
    for end in range(len(whole)):
        found = head(whole[:end])
        assert found is None or found.operators <= {("", "Relu"), ("", "If")}


def test_a_body_in_a_body_has_an_end():
    """Each of two bytes: a field that is a message, and its length."""
    deep = b""
    for _ in range(100):
        deep = field(1, field(5, field(6, deep)))
    assert head(field(7, deep)) is None


def test_tensors_are_stepped_over():
    """A gigabyte of weights, of which the disk has nothing; to walk it would take minutes."""
    size, content = 2**30, b""
    for number in (9, 5, 7):
        content = varint(number << 3 | 2) + varint(len(content) + size) + content
    path = Path("large.onnx")
    path.write_bytes(field(7, graph([RELU])) + content)
    os.truncate(path, path.stat().st_size + size)
    assert onnx_file.read(path).operators == {("", "Relu")}


def test_more_fields_than_any_model_has_are_not_walked(monkeypatch):
    monkeypatch.setattr(onnx_file, "_MOST_FIELDS", 1000)
    assert head(of(*[RELU] * 100)) is not None
    assert head(of(*[RELU] * 1000)) is None


def test_a_number_that_is_packed_or_a_text_that_is_none_is_passed_over():
    content = field(1, b"\x08") + field(7, graph([RELU], [value("x")])) + varint(8 << 3) + varint(3)
    assert head(content).opsets == {}
    assert head(content).ir_version == 0
