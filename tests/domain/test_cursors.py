"""Cursors: a place goes there and back, and anything else is refused (row R9)."""

import base64
import contextlib
import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import cursors
from kith.domain.cursors import AFTER_ANY_ID, START
from kith.errors import BadValue

ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
YEAR_1, YEAR_9999 = -62_135_596_800_000_000, 253_402_300_799_999_999
PLACES = st.tuples(st.integers(YEAR_1, YEAR_9999), st.uuids().map(str))


def encoded(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@given(PLACES)
def test_there_and_back(place: tuple[int, str]) -> None:
    cursor = cursors.compose(place)
    assert cursors.parse(cursor) == place
    assert cursors.parse(f" {cursor}\n") == place
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", cursor)


@pytest.mark.parametrize("us", [YEAR_1, -1, 0, 1, 1_778_141_663_123_456, YEAR_9999])
def test_every_time_there_is_has_a_cursor(us: int) -> None:
    assert cursors.parse(cursors.compose((us, ID))) == (us, ID)


@given(PLACES)
def test_the_ends_of_the_order(place: tuple[int, str]) -> None:
    assert START < place < (place[0], AFTER_ANY_ID) < (place[0] + 1, "")


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.binary(),
        st.text(),
        st.text(st.characters(), max_size=120),
        st.from_regex(r"[A-Za-z0-9_=-]{0,110}", fullmatch=True),
        st.lists(st.integers(), max_size=2),
        st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
        st.binary(max_size=80).map(encoded),
        st.text("0123456789-.abcdef\n ", max_size=60).map(encoded),
        st.from_regex(r"-?[0-9]{1,25}\.[0-9A-Fa-f-]{30,40}", fullmatch=True).map(encoded),
    )
)
def test_anything_is_a_place_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        us, uuid = cursors.parse(value)
        assert -(2**63) < us < 2**63
        assert str(UUID(uuid)) == uuid


@given(PLACES, st.integers(0, 99), st.characters())
def test_a_changed_cursor_is_a_place_or_a_bad_value(
    place: tuple[int, str], at: int, character: str
) -> None:
    cursor = cursors.compose(place)
    at %= len(cursor)
    with contextlib.suppress(BadValue):
        us, uuid = cursors.parse(cursor[:at] + character + cursor[at + 1 :])
        assert -(2**63) < us < 2**63
        assert str(UUID(uuid)) == uuid


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, 1.5, b"", [], {}, "", " ", "x", "next", "null", "MQ", "====", "-", "é",
        "\ud800", "\x00", ID, "A" * 100, "A" * 101, "A" * 1_000_000,
        encoded("0"),
        encoded(f"0.{ID[:-1]}"),
        encoded(f"0.{ID}0"),
        encoded(f"0.{ID}\n"),
        encoded(f"0 .{ID}"),
        encoded(f"+0.{ID}"),
        encoded(f"--1.{ID}"),
        encoded(f"1_0.{ID}"),
        encoded(f"1e3.{ID}"),
        encoded(f".{ID}"),
        encoded(f"0.{ID.upper()}"),
        encoded(f"0.{'-' * 36}"),
        encoded(f"0.{'0' * 36}"),
        encoded(f"{2**63}.{ID}"),
        encoded(f"{10**18}.{ID}"),
        encoded(f"٣.{ID}"),
        encoded(b"\xff\xfe"),
        encoded(f"0.{ID} OR 1=1"),
    ],
)  # fmt: skip
def test_no_cursor(value: object) -> None:
    with pytest.raises(BadValue):
        cursors.parse(value)


def test_a_refusal_says_where_a_cursor_comes_from() -> None:
    for value in ("x", encoded(f"0.{'-' * 36}")):
        with pytest.raises(BadValue, match="next_cursor"):
            cursors.parse(value)
