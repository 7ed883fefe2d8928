"""Values that parsers meet from those who mean harm."""

import json
import math

from hypothesis import strategies as st

TEXTS = st.text() | st.sampled_from(["", "../../etc/passwd", "/", "\x1b[2J", "[red]", "\0", "nan", "1e999", "a" * 5000])
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, -(2**64), 10**400, math.inf, math.nan, 5e-324])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
DEEP = st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b"[1]" * 100_000])


@st.composite
def changed(draw, value):
    """A JSON value in which one place has another value, is gone, or is there twice."""
    value = json.loads(json.dumps(value))
    places = list(_places(value))
    holder, key = draw(st.sampled_from(places))
    how = draw(st.sampled_from(["other", "other", "gone", "twice", "more"]))
    if how == "other":
        holder[key] = draw(VALUES)
    elif how == "gone":
        del holder[key]
    elif how == "twice" and isinstance(holder, list):
        holder.append(holder[key])
    elif isinstance(holder, dict):
        holder[draw(TEXTS)] = draw(VALUES)
    return value


def _places(value):
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


@st.composite
def damaged(draw, content):
    """Bytes that are cut, or of which some are others."""
    content = bytearray(content)
    for _ in range(draw(st.integers(0, 8))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    start, end = draw(st.integers(0, 8)), draw(st.integers(0, len(content)))
    return bytes(content[start:]) if draw(st.booleans()) else bytes(content[:end])
