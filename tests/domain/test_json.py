"""The one decoder: any bytes are a value, Malformed or Invalid (reliability section 6, goal G2)."""

import json as stdlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import json
from kith.errors import Invalid, Malformed

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    ),
    max_leaves=20,
)
LOOKS_LIKE_JSON = st.text('[]{}",:\\\\"u0dn1e-. \n\x00é', max_size=120).map(str.encode)


@pytest.mark.row("G2", "T8.1")
@given(
    st.one_of(st.binary(max_size=200), LOOKS_LIKE_JSON, VALUES.map(stdlib.dumps).map(str.encode))
)
def test_only_declared_errors(body: bytes) -> None:
    try:
        value = json.decode(body)
        json.decode_object(body)
    except (Malformed, Invalid):
        return
    assert json.decode(json.encode(value)) == value or value != value


@given(VALUES)
def test_comes_back_equal(value: object) -> None:
    assert json.decode(json.encode(value)) == value
    assert json.decode(stdlib.dumps(value).encode()) == value


@pytest.mark.row("X8")
@given(st.one_of(LOOKS_LIKE_JSON, st.text('[{"\\', max_size=120).map(str.encode), st.binary()))
def test_depth_scan_equals_a_plain_one(body: bytes) -> None:
    expected = min(_depth(body), json.DEPTH_MAX + 1)
    assert min(json._depth(body), json.DEPTH_MAX + 1) == expected


def _depth(body: bytes) -> int:
    """Character by character, as anybody would write it."""
    depth = deepest = 0
    is_string = is_escaped = False
    for character in body.decode("latin-1"):
        if is_escaped:
            is_escaped = False
        elif is_string and character == "\\":
            is_escaped = True
        elif character == '"':
            is_string = not is_string
        elif not is_string and character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not is_string and character in "]}":
            depth -= 1
    return deepest


@pytest.mark.row("X8")
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"":', "}]"), (' [ "]}" ,', "]")]
)
def test_depth(opening: str, closing: str) -> None:
    levels = opening.replace('"]}"', "").count("[") + opening.count("{")
    times = json.DEPTH_MAX // levels
    json.decode((opening * times + "1" + closing * times).encode())
    with pytest.raises(Malformed):
        json.decode((opening * (times + 1) + "1" + closing * (times + 1)).encode())


@pytest.mark.row("G2")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 33 + b'"' + b'\\"' * 500_000,
        b"[" * 33 + b'"\\' * 500_000,
        b'"' * 1_000_000 + b"[" * 33,
        b"[" * 1_000_000,
        b"[]" * 500_000,
        b'{"' * 40 + b"\\" * 1_000_000,
    ],
)  # fmt: skip
def test_no_body_takes_time_beyond_its_size(body: bytes) -> None:
    """Seconds, where a scan that backtracks would take hours."""
    started_at = time.thread_time()
    with pytest.raises(Malformed):
        json.decode(body)
    assert time.thread_time() - started_at < 5
