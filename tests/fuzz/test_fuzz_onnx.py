"""A stranger's .onnx file has a head or none, and names files beside it or is refused."""

import contextlib
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protobuf import attribute, field, function, graph, node, of, tensor, value, varint
from strange import TEXTS, damaged

from pinlite import options
from pinlite.errors import UsageError
from pinlite.inputs import onnx_file
from pinlite.schema.recipe import Source

KEPT = tensor("w", (4,), external="w.bin", offset=0, length=16)
BODY = graph([node("Constant", [], ["w"], attribute("value", t=KEPT))], outputs=[value("w")])
WHOLE = of(
    node("Add", ["x", "w"], ["a"]),
    node("If", ["c"], ["y"], attribute("then_branch", g=BODY), attribute("else_branch", g=BODY)),
    node("f", ["a"], ["y"], domain="local"),
    initializers=[KEPT, tensor("v", (4,), bytes(16))],
    functions=[function("f", [node("Relu", ["x"], ["y"])])],
    domains=["local"],
    opset=18,
    ir_version=10,
)

NUMBERS = st.sampled_from([1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 23, 25]) | st.integers(0, 2**29)
KEYS = st.sampled_from(["location", "offset", "length"])
PLACES = (
    st.sampled_from(["w.bin", "../secret", "link", "/etc/passwd", "-1", "17", str(2**70), "9" * 5000, "¾", "\0"])
    | TEXTS
)
ENTRIES = st.builds(lambda key, text: field(1, key) + field(2, text.encode("utf-8", "surrogatepass")), KEYS, PLACES)


def joined(fields):
    return b"".join(fields)


def fixed(number, wire, content):
    return varint(number << 3 | wire) + content


MESSAGES = st.recursive(
    st.binary(max_size=40) | ENTRIES | st.just(KEPT) | st.just(WHOLE),
    lambda inner: st.lists(
        st.builds(field, NUMBERS, inner | st.integers(0, 2**64 - 1))
        | st.builds(fixed, NUMBERS, st.integers(0, 7), st.binary(min_size=4, max_size=10)),
        max_size=4,
    ).map(joined),
    max_leaves=5,
)
TENSORS = st.lists(st.builds(field, st.just(13), ENTRIES), max_size=4).map(
    lambda entries: joined([*entries, field(14, 1)])
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("secret").write_bytes(bytes(64))
    Path("net").mkdir()
    Path("net/w.bin").write_bytes(bytes(64))
    Path("net/link").symlink_to("../secret")


def named(content):
    """What is known of a file of these bytes; None where it is refused."""
    path = Path("net/net.onnx")
    path.write_bytes(content)
    head = onnx_file.read(path)
    # Of fewer fields than it has bytes, each is walked once.
    with mock.patch.object(onnx_file, "_MOST_FIELDS", len(content)):
        assert onnx_file.read(path) == head
    with contextlib.suppress(UsageError):
        source = options.parse_source(str(path))
        assert isinstance(source, Source)
        assert all(path.resolve().is_relative_to(Path("net").resolve()) for path in source.beside)
        assert {each.location for each in head.stored} >= {path.name for path in source.beside} if head else True
        return source
    return None


def test_the_file_of_these_tests_is_read():
    assert named(WHOLE).beside == (Path("net/w.bin"),)


@given(st.binary() | MESSAGES | damaged(WHOLE))
@example(b"\x08" + b"\xff" * 9 + b"\x7f")
@example(b"\x3a" * 10_000)
@example(b"\x3b" * 10_000)
@example(field(7, field(1, field(5, field(6, field(1, b"\x0a"))))))
def test_an_onnx_file(content):
    named(content)


@given(TENSORS, st.binary(max_size=8))
def test_where_a_tensor_is_kept(kept, more):
    named(of(node("Add", ["x", "w"], ["y"]), initializers=[kept + more]))


def test_bodies_in_bodies_end():
    deep = b""
    while len(deep) < 200_000:
        deep = field(1, field(5, field(6, deep)))
    assert named(field(7, deep)).beside == ()
